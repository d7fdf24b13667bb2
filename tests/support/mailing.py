"""A mail server on this machine, with certificates of a CA of its own, that can misbehave."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certified(folder: Path, host: str = "localhost") -> tuple[Path, Path]:
    """A CA's certificate, and key with certificate of a server of that name."""
    now = datetime.datetime.now(datetime.UTC)
    ca, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [x509.DNSName(host)]
    if host == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))

    def made(subject: str, key: ec.EllipticCurvePrivateKey, *, is_ca: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name("a CA"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if not is_ca:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(ca, hashes.SHA256())

    pem = serialization.Encoding.PEM
    authority, server = folder / "ca.pem", folder / "server.pem"
    authority.write_bytes(made("a CA", ca, is_ca=True).public_bytes(pem))
    key = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    server.write_bytes(key + made(host, own, is_ca=False).public_bytes(pem))
    return authority, server


@dataclass
class MailServer:
    """What came, and how the server behaves: an answer of ours for a step instead of its own, or
    ``hangs up`` for a connection that ends there.
    """

    port: int = 0
    says: dict[str, str] = field(default_factory=dict)
    mails: list[tuple[str, str]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    in_clear: list[bytes] = field(default_factory=list)

    def converse(
        self, connection: socket.socket, tls: ssl.SSLContext | None, *, at_once: bool
    ) -> None:
        """Talk with one client."""
        with ExitStack() as stack:
            secure = at_once and tls is not None
            if secure and tls is not None:
                connection = stack.enter_context(tls.wrap_socket(connection, server_side=True))
            self._converse(stack, connection, tls, secure=secure)

    def _converse(
        self,
        stack: ExitStack,
        connection: socket.socket,
        tls: ssl.SSLContext | None,
        *,
        secure: bool,
    ) -> None:
        file = stack.enter_context(connection.makefile("rwb", buffering=0))
        self._say(file, "greeting", "220 localhost")
        to = ""
        while line := file.readline(2000):
            if not secure:
                self.in_clear.append(line)
            word = line[:4].decode("latin-1").upper().strip()
            match word:
                case "EHLO":
                    offers = "" if secure or tls is None else "250-STARTTLS\r\n"
                    self._say(file, word, f"250-localhost\r\n{offers}250 AUTH PLAIN")
                case "STAR" if tls is not None and not secure:
                    self._say(file, word, "220 go on")
                    secure = True
                    guarded = stack.enter_context(tls.wrap_socket(connection, server_side=True))
                    file = stack.enter_context(guarded.makefile("rwb", buffering=0))
                case "AUTH":
                    given = base64.b64decode(line.split()[2]).decode()
                    self.logins.append(given)
                    self._say(file, word, "235 welcome")
                case "RCPT":
                    to = line.decode().partition("<")[2].partition(">")[0]
                    self._say(file, word, "250 yes")
                case "DATA":
                    self._say(file, word, "354 go on")
                    text = b""
                    while (part := file.readline(2000)) not in (b".\r\n", b""):
                        text += part
                    self.mails.append((to, text.decode()))
                    self._say(file, "taken", "250 taken")
                case _:
                    self._say(file, word, "250 yes")

    def _say(self, file: BinaryIO | socket.SocketIO, step: str, usual: str) -> None:
        said = self.says.get(step, usual)
        if said == "hangs up":
            raise OSError(said)
        file.write(said.encode() + b"\r\n")


@contextmanager
def mail_server(pem: Path | None = None, *, at_once: bool = False) -> Iterator[MailServer]:
    """A server that runs meanwhile.

    Args:
        pem: key and certificate, for STARTTLS. at_once: TLS from the first byte.
    """
    context = None
    if pem is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
    found = MailServer()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found.port = listener.getsockname()[1]

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    found.converse(connection, context, at_once=at_once)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield found
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)
