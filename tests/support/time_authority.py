"""A time authority as there are many: `openssl ts` behind HTTP on loopback, with certificates of a
CA of its own, which revokes; and the ways in which one can misbehave.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ledger.adapters.time_authority import HttpTimeAuthority
from ledger.domain.timestamps import requests
from ledger.domain.timestamps.authorities import TimeAuthority
from ledger.domain.untrusted import hosts
from ledger.services.timestamps import stamping
from tests.support.desk import Desk
from tests.support.listening import listening

POLICY = "1.3.6.1.4.1.99999.1"
OTHER_POLICY = "1.3.6.1.4.1.99999.2"
_DAY = timedelta(days=1)
_CONFIG = """
[tsa]
default_tsa = authority
[authority]
serial = {folder}/serial
signer_cert = {folder}/signer.pem
certs = {folder}/chain.pem
signer_key = {folder}/signer.key
signer_digest = sha256
default_policy = {policy}
other_policies = {other}
digests = sha256, sha512
accuracy = secs:1, millisecs:500
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = {ess}
"""


@dataclass
class OpensslAuthority:
    """An authority in a folder: a root, a CA below it, and a signer below that."""

    folder: Path
    name: str = "Test authority"
    policy: str = POLICY
    ess: str = "sha256"
    rsa_signer: bool = False
    is_expired: bool = False
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.TIME_STAMPING
    crl_url: str = "http://127.0.0.1:9/ca.crl"
    revoked: dict[int, tuple[datetime, x509.ReasonFlags | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        now = datetime.now(UTC)
        self._keys = {who: ec.generate_private_key(ec.SECP256R1()) for who in ("root", "ca")}
        signer: Any = ec.generate_private_key(ec.SECP256R1())
        if self.rsa_signer:
            signer = rsa.generate_private_key(65537, 2048)
        self._keys["signer"] = signer
        self.root = self._issue("root", "root", now - 900 * _DAY, now + 900 * _DAY)
        self.ca = self._issue("ca", "root", now - 800 * _DAY, now + 800 * _DAY)
        end = now - _DAY if self.is_expired else now + 300 * _DAY
        self.signer = self._issue("signer", "ca", now - 300 * _DAY, end)
        pem = serialization.Encoding.PEM
        (self.folder / "signer.pem").write_bytes(self.signer.public_bytes(pem))
        # Not in the order of DER: authorities do not sort what they send along.
        chain = self.root.public_bytes(pem) + self.ca.public_bytes(pem)
        (self.folder / "chain.pem").write_bytes(chain)
        (self.folder / "roots.pem").write_bytes(self.root.public_bytes(pem))
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (self.folder / "signer.key").write_bytes(signer.private_bytes(pem, *form))
        (self.folder / "serial").write_text("01\n")
        (self.folder / "ts.cnf").write_text(
            _CONFIG.format(folder=self.folder, policy=self.policy, other=OTHER_POLICY, ess=self.ess)
        )

    def _issue(self, who: str, by: str, begin: datetime, end: datetime) -> x509.Certificate:
        names = {
            each: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{self.name} {each}")])
            for each in (who, by)
        }
        key = self._keys[who].public_key()
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._keys[by].public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[who])
            .issuer_name(names[by])
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(who != "signer", None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(issuer_key, critical=False)
        )
        if who == "signer":
            usage = x509.ExtendedKeyUsage([self.usage])
            builder = builder.add_extension(usage, critical=True)
        if who != "root":
            url = self.crl_url.replace("ca.crl", f"{by}.crl")
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        return builder.sign(self._keys[by], hashes.SHA256())

    def trusted(self, **changes: Any) -> TimeAuthority:
        """How a trust root names it."""
        root = self.root.public_bytes(serialization.Encoding.DER)
        members = {"name": self.name, "roots": (root,), "policies": (self.policy,), **changes}
        return TimeAuthority(**members)

    def answer(self, request: bytes) -> bytes:
        """A response, as `openssl ts -reply` makes it."""
        asked = self.folder / f"asked-{threading.get_ident()}"
        asked.write_bytes(request)
        config = str(self.folder / "ts.cnf")
        command = ["openssl", "ts", "-reply", "-config", config, "-section", "authority"]
        made = subprocess.run(
            [*command, "-queryfile", str(asked)], capture_output=True, check=True, timeout=30
        )
        return made.stdout

    def token(self, digest: bytes, nonce: int = 7) -> bytes:
        """A token over a digest."""
        return requests.read(self.answer(requests.encode(digest, nonce)), digest, nonce).der

    def revoke(
        self, when: datetime, reason: x509.ReasonFlags | None = None, who: str = "signer"
    ) -> None:
        """Revoke a certificate of its own."""
        self.revoked[{"signer": self.signer, "ca": self.ca}[who].serial_number] = when, reason

    def crl(
        self, by: str = "ca", issued: datetime | None = None, *, is_delta: bool = False
    ) -> bytes:
        """A list of what the CA, or the root, revoked."""
        issuer = {"ca": self.ca, "root": self.root}[by]
        # A token says whole seconds of now; a list made after it is of a later second.
        moment = issued or datetime.now(UTC) + timedelta(seconds=2)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.subject)
            .last_update(moment)
            .next_update(moment + _DAY)
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        if is_delta:
            builder = builder.add_extension(x509.DeltaCRLIndicator(1), critical=True)
        for serial, (when, reason) in self.revoked.items():
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when)
            if reason is not None:
                entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        signed = builder.sign(self._keys[by], hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.DER)

    def lists(self) -> list[bytes]:
        """What shows today that none of its certificates is revoked, or that one is."""
        return [self.crl("ca"), self.crl("root")]


@dataclass
class Served:
    """An authority on the network. ``habit``: how it misbehaves; empty where it does not."""

    authority: OpensslAuthority
    url: str = ""
    habit: str = ""
    asked: list[bytes] = field(default_factory=list)
    first: bytes = b""

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of an answer."""
        self.asked.append(body)
        if self.habit == "down":
            return 503, b"later"
        if self.habit == "nonsense":
            return 200, b"<html>sign in to this network</html>"
        if self.habit == "large":
            return 200, b"0" * (8 << 20)
        if self.habit == "refusing":
            return 200, bytes.fromhex("30053003020102")
        answer = self.authority.answer(body)
        if self.habit == "replaying":
            self.first = self.first or answer
            return 200, self.first
        return 200, answer


@contextmanager
def served(authority: OpensslAuthority) -> Iterator[Served]:
    """Let an authority answer on loopback, until the end of the block."""
    state, silent = Served(authority), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == requests.REQUEST_TYPE
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if state.habit == "silent":
                silent.wait(60)
                return
            self._send(*state.post(body), requests.RESPONSE_TYPE)

        def do_GET(self) -> None:
            by = self.path.removeprefix("/").removesuffix(".crl")
            if state.habit == "down" or by not in {"ca", "root"}:
                self._send(404, b"", "text/plain")
            else:
                self._send(200, state.authority.crl(by), "application/pkix-crl")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with listening(Handler) as url:
        state.url = f"{url}/"
        try:
            yield state
        finally:
            silent.set()


def seen_by_an_authority(desk: Desk, folder: Path) -> None:
    """Have the newest checkpoint stamped, and the lists of the authority fetched."""
    with served(OpensslAuthority(folder / "first")) as one:
        # The address of a list stands in the certificate, so it must be known first.
        one.authority = OpensslAuthority(folder / "authority", crl_url=f"{one.url}ca.crl")
        api = HttpTimeAuthority(one.authority.trusted(), one.url, hosts.networks(["127.0.0.0/8"]))
        desk.node.time_authorities = (api,)
        assert stamping.stamp(desk.node, api) is not None
        assert stamping.fetch_lists(desk.node, api) == 2
        desk.node.time_authorities = ()
