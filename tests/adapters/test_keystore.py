"""The keyring: nothing in clear on disk, wrong passphrases and altered files refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.adapters.keystore.file import FileKeyring
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.errors import KeyringError


@pytest.fixture
def keyring(tmp_path: Path) -> FileKeyring:
    return FileKeyring.create(tmp_path / "keyring.json", b"secret")


def test_keys_come_back_and_are_nowhere_in_clear(keyring: FileKeyring, tmp_path: Path) -> None:
    hpke, signing = HpkePrivateKey.generate(), Ed25519PrivateKey.generate()
    keyring.put_hpke_key("hpke", hpke)
    keyring.put_signing_key("log", signing)
    keyring.save()
    path = tmp_path / "keyring.json"
    assert path.stat().st_mode & 0o777 == 0o600
    for secret in (hpke.seed, signing.private_bytes_raw(), b"secret"):
        assert secret not in path.read_bytes()
        assert secret.hex().encode() not in path.read_bytes()
    again = FileKeyring.open(path, b"secret")
    assert again.hpke_key("hpke").public == hpke.public
    assert again.names() == ["hpke", "log"]
    with pytest.raises(KeyringError, match="holds no key"):
        again.get("other")


def test_wrong_passphrase_altered_file_and_weakened_parameters_are_refused(
    keyring: FileKeyring, tmp_path: Path
) -> None:
    path = tmp_path / "keyring.json"
    good = json.loads(path.read_bytes())
    with pytest.raises(KeyringError, match="wrong passphrase"):
        FileKeyring.open(path, b"guess")
    for change in (
        {"kdf": "scrypt-2-8-1"},
        {"salt": good["nonce"]},
        {"sealed": good["sealed"][:-8] + "AAAAAAA="},
        {"v": 2},
        {"sealed": 7},
    ):
        path.write_text(json.dumps({**good, **change}))
        with pytest.raises(KeyringError):
            FileKeyring.open(path, b"secret")
    with pytest.raises(KeyringError, match="no keyring"):
        FileKeyring.open(tmp_path / "none", b"secret")
    with pytest.raises(KeyringError, match="exists already"):
        FileKeyring.create(path, b"secret")
    with pytest.raises(KeyringError, match="empty"):
        FileKeyring.create(tmp_path / "other", b"")


def test_keys_made_elsewhere_are_taken_over_other_kinds_are_not(keyring: FileKeyring) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    sealed = serialization.BestAvailableEncryption(b"pin")
    data = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
    keyring.import_pkcs8("person", data, b"pin")
    found = keyring.signing_key("person")
    assert found.public_key() == key.public_key()
    with pytest.raises(KeyringError, match="wrong password"):
        keyring.import_pkcs8("person", data, b"guess")
    other = rsa.generate_private_key(65537, 2048)
    plain = other.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(KeyringError):
        keyring.import_pkcs8("person", plain, None)


def test_two_processes_that_write_one_keyring_lose_nothing_of_one_another(tmp_path: Path) -> None:
    """The custody key came in while another command fetched a certificate: the node had forgotten
    it, and it was gone.
    """
    path = tmp_path / "keyring.json"
    FileKeyring.create(path, b"passphrase").save()
    one, two = FileKeyring.open(path, b"passphrase"), FileKeyring.open(path, b"passphrase")
    one.put("custody-key", b"1")
    two.put("certificate", b"2")
    one.save()
    two.save()
    assert set(FileKeyring.open(path, b"passphrase").names()) == {"custody-key", "certificate"}
    path.unlink()
    with pytest.raises(KeyringError, match="cannot be written"):
        one.save()
    FileKeyring.create(path, b"another")
    with pytest.raises(KeyringError, match="another keyring"):
        one.save()
