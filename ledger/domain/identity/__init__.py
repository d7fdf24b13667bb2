"""Agencies, descriptors, certificates, revocation and roles (DESIGN section 5)."""
