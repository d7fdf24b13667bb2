"""Logs in to a node and lists the items of a case: `python -I list_case.py 2026-117`.

CUSTODY_HOME names the folder that `custody person enrol` made for it, CUSTODY_PASSPHRASE its
passphrase. The client proves each request with the key (DPoP), and logs in anew when it must.
"""

import os
import sys
from pathlib import Path

from ledger.adapters.keystore.file import FileKeyring
from ledger.adapters.node.client import NodeClient
from ledger.app import settings

home = Path(os.environ["CUSTODY_HOME"])
known = settings.read_client(home)
keyring = FileKeyring.open(home / settings.KEYRING, os.environ["CUSTODY_PASSPHRASE"].encode())


def require_ours(log: str) -> None:
    """A login is signed for the node that the keys are for: another one could pass it on."""
    if log != known.log:
        sys.exit(f"another node answers at {known.server}")


with NodeClient(
    known.server,
    signer=lambda: (keyring.signing_key("person"), keyring.get("person-certificate")),
    meant=require_ours,
) as node:
    for item in node.find(case=sys.argv[1]):
        print(item.evidence, item.kind, item.state)
