"""Checksums of a release and the signature over them, which `sha256sum` and `ssh-keygen` check."""

from __future__ import annotations

import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Final

SUMS: Final = "SHA256SUMS"
#: What the signature is for: a key that signs other things as well signs no release by that.
NAMESPACE: Final = "custody-release"
IDENTITY: Final = "custody-release"


class SigningError(Exception):
    """There is no signature, and why."""


def require_key(key: str) -> Path:
    """The file of the key, asked for before anything is built.

    Raises:
        SigningError: there is none.
    """
    if not key:
        raise SigningError(
            "no key to sign the release with: make release RELEASE_KEY=path/to/key\n"
            "a new one is made by: ssh-keygen -t ed25519 -f path/to/key -C custody-release"
        )
    path = Path(key).expanduser()
    if not path.is_file():
        raise SigningError(f"there is no key to sign the release with at {path}")
    return path


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return sha256(path.read_bytes()).hexdigest()


def write_sums(folder: Path) -> Path:
    """Write the checksums of all files of a folder, as `sha256sum -c` reads them."""
    sums = folder / SUMS
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(SUMS)
    )
    lines = [f"{digest(folder / name)}  {name}\n" for name in names]
    sums.write_text("".join(lines), encoding="utf-8", newline="\n")
    return sums


def sign(sums: Path, key: Path) -> Path:
    """Sign the checksums; a passphrase is asked for by ssh-keygen itself.

    Raises:
        SigningError: ssh-keygen is missing, or the key is none.
    """
    signature = sums.with_name(f"{SUMS}.sig")
    try:
        done = subprocess.run(
            ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(sums)],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise SigningError("ssh-keygen is missing: install OpenSSH 8.2 or newer") from error
    if done.returncode != 0 or not signature.is_file():
        raise SigningError(f"ssh-keygen did not sign with {key}: {done.stderr.strip()}")
    return signature


def allowed(key: Path) -> str:
    """The line by which others check signatures of this key, to be published apart from them.

    Raises:
        SigningError: the key cannot be read.
    """
    done = subprocess.run(
        ["ssh-keygen", "-y", "-f", str(key)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SigningError(f"ssh-keygen cannot read {key}: {done.stderr.strip()}")
    kind, public, *_ = done.stdout.split()
    return f'{IDENTITY} namespaces="{NAMESPACE}" {kind} {public}'
