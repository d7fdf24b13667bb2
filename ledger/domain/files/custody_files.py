"""What custody keeps of itself on a disk, and how it is recognised: keys and records must never be
taken in as evidence.

Only what carries keys or signed work is looked for. Whoever lays such a file into a folder to hide
it is told of: it stands among the omissions of the signed manifest, and in an archive it can be
recorded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Final

CONFIG: Final = "home.json"
KEYRING: Final = "keyring.json"
CLIENT: Final = "client.json"
FOUNDING: Final = "founding.json"
SEALED_GRANTS: Final = "grants.sealed"
#: The name of a home's packs beside them, which its first backup writes.
PACKS_ID: Final = "packs.id"
JOURNAL_MAGIC: Final = b"custody-journal-2\n"
KEYRING_MAGIC: Final = b'{\n "v": 1,\n "kdf": "scrypt-'
#: Bytes of a file that are looked at.
HEAD: Final = max(len(JOURNAL_MAGIC), len(KEYRING_MAGIC))
_SNAPSHOT: Final = re.compile(r"\d{8}T\d{6}Z", re.ASCII)


def folder_kind(
    names: Collection[str], head: Callable[[str], bytes], below: Callable[[str], Collection[str]]
) -> str:
    """What a folder of custody's is; empty for any other.

    Args:
        names: what lies in it. head: the first bytes of a file in it. below: names in a folder in
            it.
    """
    if KEYRING in names and head(KEYRING).startswith(KEYRING_MAGIC):
        if SEALED_GRANTS in names:
            return "snapshot of a backup"
        return "folder of a person's keys" if CLIENT in names and CONFIG not in names else "home"
    if {"snapshots", "blocks"} <= set(names) and any(
        _SNAPSHOT.fullmatch(name) for name in below("snapshots")
    ):
        return "backup"
    return ""


def file_kind(head: bytes) -> str:
    """What a file of custody's is by its first bytes; empty for any other."""
    if head.startswith(KEYRING_MAGIC):
        return "keyring"
    return "journal" if head.startswith(JOURNAL_MAGIC) else ""
