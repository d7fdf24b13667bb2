"""The manifest of a snapshot: what is in it, under a code of its backup key."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ledger.adapters import files
from ledger.adapters.backup import sealed
from ledger.adapters.backup.keys import Generation
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.digests import same
from ledger.domain.errors import StorageError, UsageError

MANIFEST: Final = "manifest.json"
_LONGEST: Final = 64 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a snapshot is: SHA-256 of its files, bytes of each pack, and the generation of its
    backup key.
    """

    v: int
    agency: str
    made: int
    key: str
    expires: int
    grants: int
    files: dict[str, str]
    packs: dict[str, int]


def digest_of(path: Path) -> str:
    """SHA-256 of a file of a snapshot, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(part: Path, manifest: Manifest, generation: Generation, name: str) -> None:
    """Write the manifest of a snapshot that gets this name, under the code of its backup key."""
    code = _code(manifest, bytes.fromhex(generation.key), name)
    files.write(
        part / MANIFEST,
        json.dumps({"manifest": asdict(manifest), "mac": code}, indent=1, sort_keys=True).encode()
        + b"\n",
    )


def _code(manifest: Manifest, key: bytes, name: str) -> str:
    """The authentication code of a snapshot's manifest."""
    body = json.dumps(asdict(manifest), sort_keys=True).encode()
    return hmac.new(sealed.derive(key, name, "manifest"), body, "sha256").hexdigest()


def read(snapshot: Path) -> Manifest:
    """A manifest as it lies there; ``check`` says whether to believe it.

    Raises:
        StorageError: damaged.
    """
    return _parsed(snapshot)[0]


def _parsed(snapshot: Path) -> tuple[Manifest, str]:
    try:
        files.require_file(snapshot / MANIFEST, hint="")
        value = strict_json.lenient(files.read_small(snapshot / MANIFEST, _LONGEST))
        manifest, code = Manifest(**value["manifest"]), str(value["mac"])
        if not isinstance(manifest.packs, dict) or not isinstance(manifest.expires, int):
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError, UsageError) as error:
        raise StorageError(
            f"the snapshot {snapshot.name} has no readable manifest", hint="choose another snapshot"
        ) from error
    if manifest.v != 1:
        raise StorageError(
            f"the snapshot {snapshot.name} has version {manifest.v}, this program knows 1",
            hint="use a newer custody",
        )
    return manifest, code


def require_signed(snapshot: Path, key: bytes) -> Manifest:
    """Check a snapshot's manifest against a backup key: anything may lie in a folder.

    Raises:
        StorageError: it was not written with this key, or is damaged.
    """
    manifest, code = _parsed(snapshot)
    if not same(code.encode(), _code(manifest, key, snapshot.name).encode()):
        raise StorageError(
            f"the manifest of {snapshot.name} was altered", hint="choose another snapshot"
        )
    return manifest


def check(snapshot: Path, key: bytes) -> Manifest:
    """Check a snapshot's files against its manifest, and the manifest against the backup key.

    Raises:
        StorageError: altered or incomplete, and which file.
    """
    manifest = require_signed(snapshot, key)
    for name in manifest.files:
        require_whole(snapshot / name, manifest, snapshot)
    return manifest


def require_whole(path: Path, manifest: Manifest, snapshot: Path) -> None:
    """Check that a file is the one of its name in a snapshot.

    Raises:
        StorageError: it is missing, or another one.
    """
    if not path.is_file() or digest_of(path) != manifest.files[path.name]:
        raise StorageError(
            f"{path.name} in the snapshot {snapshot.name} is missing or altered",
            hint="choose another snapshot",
        )
