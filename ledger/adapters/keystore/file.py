"""Keyring file: scrypt (N = 2^17, r = 8, p = 1; RFC 7914) and AES-256-GCM. One derivation a
command.

The header is authenticated with the keys, so that nobody can weaken the parameters of a file
unnoticed.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.adapters import filelock, files
from ledger.adapters.keystore.kdf import Derivation, N
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.cose import PrivateKey, algorithm_of
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.errors import FormatError, KeyringError

_LIMIT: Final = 1 << 20
NO_KEYRING: Final = "restore it from a backup: custody --home NEW-FOLDER restore FOLDER --keys FILE"


class FileKeyring:
    """Named secrets of one home or one client; in clear only in the memory of the process that
    opened it.
    """

    def __init__(
        self, path: Path, key: bytes, salt: bytes, secrets_by_name: dict[str, bytes]
    ) -> None:
        self._path = path
        self._key = key
        self._salt = salt
        self._secrets = secrets_by_name
        self._changed = set[str]()
        self._dropped = set[str]()

    @classmethod
    def create(cls, path: Path, passphrase: bytes) -> FileKeyring:
        """A new, empty keyring.

        Raises:
            KeyringError: there is one already, or the passphrase is empty.
        """
        if path.exists():
            raise KeyringError(f"{path} exists already", hint="choose another home")
        if not passphrase:
            raise KeyringError(
                "the passphrase is empty", hint="use a long one; nothing can be opened without it"
            )
        salt = Derivation.new_salt()
        keyring = cls(path, Derivation(passphrase, salt).result(), salt, {})
        keyring._write(force=False)
        return keyring

    @classmethod
    def open(cls, path: Path, passphrase: bytes) -> FileKeyring:
        """Open a keyring.

        Raises:
            KeyringError: no file, wrong passphrase, or altered.
        """
        return Unlocking(path, passphrase).keyring()

    def save(self) -> None:
        """Write what was put, beside what other processes wrote meanwhile; the old file stays where
        this fails.

        Raises:
            KeyringError: another keyring is there by now.
        """
        with self._alone():
            self._merge()
            self._write(force=True)

    def update(self, name: str, change: Callable[[bytes], bytes]) -> None:
        """Replace one secret by what follows from it as it stands in the file, empty where it does
        not: one process at a time.
        """
        with self._alone():
            self._merge()
            self.put(name, change(self._secrets.get(name, b"")))
            self._write(force=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(filelock.writing(self._path))
            except OSError as error:
                raise KeyringError(
                    f"{self._path} cannot be written: {error.strerror}",
                    hint="check disk and permissions",
                ) from error
            yield

    def _merge(self) -> None:
        sealed = _Sealed.read(self._path)
        if sealed.salt != self._salt:
            raise KeyringError(
                f"{self._path} was replaced by another keyring meanwhile",
                hint="try again; that one is unchanged",
            )
        written = sealed.open(self._key) | {name: self._secrets[name] for name in self._changed}
        self._secrets = {
            name: secret for name, secret in written.items() if name not in self._dropped
        }

    def _write(self, *, force: bool) -> None:
        plain = json.dumps(
            {name: base64.b64encode(value).decode() for name, value in self._secrets.items()}
        ).encode()
        nonce = secrets.token_bytes(12)
        value: dict[str, Any] = {
            "v": 1,
            "kdf": f"scrypt-{N}-8-1",
            "cipher": "A256GCM",
            "salt": base64.b64encode(self._salt).decode(),
            "nonce": base64.b64encode(nonce).decode(),
            "sealed": base64.b64encode(
                AESGCM(self._key).encrypt(nonce, plain, _aad(self._salt))
            ).decode(),
        }
        with files.replacing(self._path, force=force, alone=force) as file:
            file.write(json.dumps(value, indent=1).encode() + b"\n")
        self._changed.clear()
        self._dropped.clear()

    def names(self) -> list[str]:
        """Names of the secrets held."""
        return sorted(self._secrets)

    def put(self, name: str, value: bytes) -> None:
        """Hold raw bytes; on disk after ``save``."""
        self._secrets[name] = value
        self._changed.add(name)
        self._dropped.discard(name)

    def drop(self, name: str) -> None:
        """Hold a secret no longer; gone from the disk after ``save``."""
        self._secrets.pop(name, None)
        self._changed.discard(name)
        self._dropped.add(name)

    def get(self, name: str) -> bytes:
        """Raw bytes.

        Raises:
            KeyringError: not held.
        """
        if name not in self._secrets:
            raise KeyringError(
                f"the keyring holds no key {name!r}",
                hint="this command needs the home that holds it",
            )
        return self._secrets[name]

    def put_signing_key(self, name: str, key: PrivateKey) -> None:
        """Hold a signing key as PKCS#8; encryption is the keyring's."""
        encoding = (
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self.put(name, key.private_bytes(*encoding))

    def signing_key(self, name: str) -> PrivateKey:
        """A P-256 or Ed25519 key."""
        return _load(self.get(name), None)

    def import_pkcs8(self, name: str, data: bytes, password: bytes | None) -> None:
        """Take over a PKCS#8 key (DER or PEM) made elsewhere.

        Raises:
            KeyringError: not PKCS#8, wrong password, or another kind of key.
        """
        self.put_signing_key(name, _load(data, password))

    def put_hpke_key(self, name: str, key: HpkePrivateKey) -> None:
        """Hold an HPKE key."""
        self.put(name, key.kem.encode() + b"\x00" + key.seed)

    def hpke_key(self, name: str) -> HpkePrivateKey:
        """An HPKE key."""
        kem, _, seed = self.get(name).partition(b"\x00")
        return HpkePrivateKey(kem.decode(), seed)


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A keyring file as it lies there."""

    salt: bytes
    nonce: bytes
    sealed: bytes

    @classmethod
    def read(cls, path: Path) -> _Sealed:
        """Parse it.

        Raises:
            KeyringError: no file, or not a keyring of this version. StorageError: others can write
                to it.
        """
        files.require_owned(path)
        try:
            raw = files.read_small(path, _LIMIT)
        except OSError as error:
            raise KeyringError(
                f"no keyring at {path}",
                hint=NO_KEYRING,
            ) from error
        try:
            value = strict_json.lenient(raw)
            header = {name: value[name] for name in ("v", "kdf", "cipher", "salt")}
            found = cls(
                *(
                    base64.b64decode(value[name], validate=True)
                    for name in ("salt", "nonce", "sealed")
                )
            )
            good = (
                header["v"] == 1
                and header["kdf"] == f"scrypt-{N}-8-1"
                and header["cipher"] == "A256GCM"
            )
        except (ValueError, KeyError, TypeError) as error:
            raise KeyringError(
                f"{path} is not a keyring",
                hint=NO_KEYRING,
            ) from error
        if not good:
            raise KeyringError(f"{path} was written by another version", hint="use a newer custody")
        return found

    def open(self, key: bytes) -> dict[str, bytes]:
        """The secrets by name.

        Raises:
            KeyringError: wrong passphrase, or altered.
        """
        try:
            plain = strict_json.lenient(
                AESGCM(key).decrypt(self.nonce, self.sealed, _aad(self.salt))
            )
        except InvalidTag as error:
            raise KeyringError(
                "wrong passphrase, or the keyring was altered",
                hint="try again; the keyring is unchanged",
            ) from error
        return {name: base64.b64decode(text) for name, text in plain.items()}


class Unlocking:
    """A keyring file whose passphrase is being stretched: nobody waits before ``keyring`` is
    called.

    Raises:
        KeyringError: no file, or not a keyring of this version. StorageError: others can write to
            it.
    """

    def __init__(self, path: Path, passphrase: bytes) -> None:
        # A link is followed once: written beside it, the file behind it would keep what was
        # destroyed since, and two processes would hold two locks.
        self._path = path.resolve()
        self._sealed = _Sealed.read(self._path)
        self._derivation = Derivation(passphrase, self._sealed.salt)

    def keyring(self) -> FileKeyring:
        """The keyring.

        Raises:
            KeyringError: wrong passphrase, or altered.
        """
        key = self._derivation.result()
        return FileKeyring(self._path, key, self._sealed.salt, self._sealed.open(key))


def _aad(salt: bytes) -> bytes:
    return f"custody-keyring-v1 scrypt-{N}-8-1 A256GCM ".encode() + salt


def _load(data: bytes, password: bytes | None) -> PrivateKey:
    load = (
        serialization.load_pem_private_key
        if data.startswith(b"-----")
        else serialization.load_der_private_key
    )
    try:
        key = load(data, password)
        algorithm_of(key)  # type: ignore[arg-type]
    except (ValueError, TypeError, FormatError) as error:
        raise KeyringError("not a PKCS#8 key of P-256 or Ed25519, or a wrong password") from error
    return key  # type: ignore[return-value]
