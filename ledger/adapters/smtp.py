"""Messages handed to a mail server (RFC 5321) over TLS, whose certificate is checked.

The server's own words are repeated nowhere: they may quote addresses. What is told is which step
failed, and the number that it answered.
"""

from __future__ import annotations

import secrets
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final, Literal

from ledger.domain.errors import NetworkError, UsageError
from ledger.domain.ports.mail import Sent, require_address
from ledger.domain.untrusted import hosts

#: How the way to the server is guarded: by TLS after a greeting, or from the first byte; not at
#: all only on this machine.
Guard = Literal["starttls", "tls", "none"]
PORTS: Final[dict[Guard, int]] = {"starttls": 587, "tls": 465, "none": 25}
_PAUSE: Final = 20.0  # seconds between two parts of an answer
_MOST: Final = 256 << 10  # bytes that a server says in all
_TOTAL: Final = 60.0  # seconds for one message: who sends a byte at a time holds nobody up for ever


@dataclass(frozen=True, slots=True)
class SmtpMailer:
    """A mail server; ``user`` is empty where it asks for no login."""

    host: str
    port: int
    guard: Guard
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse what would go out in clear, or break a message.

        Raises:
            UsageError: no TLS to another machine, no host, or a sender that is no address.
        """
        require_address(self.sender)
        if not self.host or any(not "!" <= sign <= "~" for sign in self.host):
            raise UsageError(
                f"{self.host[:80]!r} is not the name of a mail server",
                hint="for example mail.example",
            )
        if self.guard == "none" and not hosts.is_here(self.host):
            raise UsageError(
                "without TLS a mail server is used on this machine alone",
                hint="use --tls starttls or --tls tls",
            )

    def send(self, to: str, subject: str, text: str) -> Sent:
        """See mail.Mailer."""
        message = self._message(require_address(to), subject, text)
        step = "could not be reached"
        try:
            with self._connected() as client:
                step = "did not let us in"
                if self.user:
                    client.login(self.user, self.password)
                step = "did not take the message"
                refused = _begun(client, self.sender, to)
                return refused or _content(client, message)
        except smtplib.SMTPAuthenticationError as error:
            raise self._failed(f"{step} ({error.smtp_code})", _LOGIN) from None
        except smtplib.SMTPNotSupportedError:
            raise self._failed(
                "offers no TLS, or no login, so nothing was sent", "check --tls and the port"
            ) from None
        except smtplib.SMTPResponseException as error:
            raise self._failed(f"{step} ({error.smtp_code})", _SERVER) from None
        except ssl.SSLCertVerificationError:
            raise self._failed("has a certificate that is not trusted here", _TRUST) from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise self._failed(f"{step} ({type(error).__name__})", _SERVER) from None

    def _failed(self, what: str, hint: str) -> NetworkError:
        return NetworkError(f"the mail server {self.host}:{self.port} {what}", hint=hint)

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """A connection whose certificate was checked, where it is guarded. It is cut after a while,
        whatever the server still sends.
        """
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        raw = socket.create_connection((self.host, self.port), timeout=_PAUSE)
        same = raw.dup()  # TLS takes the other one over
        end = threading.Timer(_TOTAL, _cut, (same,))
        end.daemon = True
        end.start()
        client = smtplib.SMTP(local_hostname="localhost", timeout=_PAUSE)  # connected to nothing
        client.sock = raw
        try:
            if self.guard == "tls":
                client.sock = context.wrap_socket(raw, server_hostname=self.host)
            client.file = _Answers(client.sock)
            code, _ = client.getreply()
            if code != 220:
                raise smtplib.SMTPResponseException(code, b"")
            client.ehlo_or_helo_if_needed()
            if self.guard == "starttls":
                if not client.has_extn("starttls"):
                    raise smtplib.SMTPNotSupportedError
                code, _ = client.docmd("STARTTLS")
                if code != 220:
                    raise smtplib.SMTPResponseException(code, b"")
                # What the server said before is forgotten, also what it sent ahead of TLS.
                client.sock = context.wrap_socket(raw, server_hostname=self.host)
                client.file = _Answers(client.sock)
                client.ehlo()
            yield client
        finally:
            end.cancel()
            client.close()
            same.close()

    def _message(self, to: str, subject: str, text: str) -> bytes:
        message = EmailMessage(policy=SMTP)
        message["From"] = self.sender
        message["To"] = to
        message["Subject"] = subject
        message["Message-ID"] = f"<{secrets.token_hex(16)}@{self.sender.partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers it
        message.set_content(text)
        return message.as_bytes()


_LOGIN: Final = "set user and password anew: `custody notices set`"
_SERVER: Final = "ask whoever runs the mail server; it is tried again by itself"
_TRUST: Final = (
    "let the server have a certificate for that name, of a CA that this machine trusts "
    "(SSL_CERT_FILE names another file of CAs)"
)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Answers:
    """What a server says, line by line: so much and no more, since smtplib keeps all of an answer
    that goes on and on.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._file, self._left = connection.makefile("rb"), _MOST

    def readline(self, most: int) -> bytes:
        """The next line, or what of it there is room for.

        Raises:
            OSError: it said more than any server does.
        """
        line = self._file.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise OSError("a server that goes on and on")
        return line

    def close(self) -> None:
        """Read no more."""
        self._file.close()


def _begun(client: smtplib.SMTP, sender: str, to: str) -> Sent | None:
    """Say from whom and to whom; "refused" where the server will never take it for that address.

    Raises:
        SMTPResponseException: it does not take it now.
    """
    code, _ = client.mail(sender)
    if code != 250:
        raise smtplib.SMTPResponseException(code, b"")
    code, _ = client.rcpt(to)
    if 500 <= code < 600:
        return "refused"
    if code not in (250, 251):
        raise smtplib.SMTPResponseException(code, b"")
    return None


def _content(client: smtplib.SMTP, message: bytes) -> Sent:
    """Send the message itself. Once its last byte is on the way, only an answer tells whether it
    was taken.

    Raises:
        SMTPResponseException: it does not take it now. OSError: the connection ended before all of
            it was sent.
    """
    code, _ = client.docmd("DATA")
    if code != 354:
        raise smtplib.SMTPResponseException(code, b"")
    client.send(_stuffed(message))
    try:
        code, _ = client.getreply()
    except (OSError, smtplib.SMTPException):
        return "unsure"
    if 500 <= code < 600:
        return "refused"
    if code != 250:
        raise smtplib.SMTPResponseException(code, b"")
    return "taken"


def _stuffed(message: bytes) -> bytes:
    """A message as it is sent: a dot at the beginning of a line is doubled (RFC 5321, 4.5.2)."""
    lines = message.removesuffix(b"\r\n").split(b"\r\n")
    return b"\r\n".join(b"." + one if one.startswith(b".") else one for one in lines) + b"\r\n.\r\n"
