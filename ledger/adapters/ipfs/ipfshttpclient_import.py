"""ipfshttpclient, imported in the one way in which it works with today's urllib3."""

from __future__ import annotations

import os

# Its patched copy of requests, which is for Unix sockets, uses what urllib3 is about to drop, and
# warns about it on every call.
os.environ.setdefault("PY_IPFS_HTTP_CLIENT_PATCH_REQUESTS", "no")

from ipfshttpclient import Client
from ipfshttpclient import exceptions as faults

__all__ = ["Client", "faults"]
