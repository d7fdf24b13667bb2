"""Encryption of content, and keys handed on."""
