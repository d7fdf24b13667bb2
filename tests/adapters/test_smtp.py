"""A mail server that somebody else answers for, that takes half of it, or never ends."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters import smtp
from ledger.adapters.smtp import SmtpMailer
from ledger.domain.errors import NetworkError, UsageError
from tests.support.mailing import MailServer, certified, mail_server

TO = "a.person@police.example"
FROM = "custody@police.example"


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Key and certificate of a server whose CA this machine trusts."""
    authority, server = certified(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    return server


def mailer(server: MailServer, guard: Any = "none", **more: str) -> SmtpMailer:
    return SmtpMailer("localhost", server.port, guard, FROM, **more)


@pytest.mark.parametrize("guard", ["starttls", "tls"])
def test_a_mail_goes_out_over_tls_and_nothing_of_it_in_clear(trusted: Path, guard: str) -> None:
    with mail_server(trusted, at_once=guard == "tls") as server:
        sent = mailer(server, guard, user="custody", password="open sesame").send(TO, "s", "b\n.\n")
    assert sent == "taken"
    [(to, raw)] = server.mails
    message = email.message_from_string(raw, policy=email.policy.SMTP)
    assert (to, message["To"], message["Subject"]) == (TO, TO, "s")
    assert server.logins == ["\0custody\0open sesame"]
    assert not any(b"police" in line or b"AUTH" in line for line in server.in_clear)


@pytest.mark.parametrize("guard", ["starttls", "tls"])
def test_a_server_with_another_name_or_an_unknown_ca_gets_neither_mail_nor_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guard: str
) -> None:
    authority, server_pem = certified(tmp_path, "elsewhere.example")
    for file in (authority, tmp_path / "none.pem"):
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        with (
            mail_server(server_pem, at_once=guard == "tls") as server,
            pytest.raises(NetworkError, match="has a certificate that is not trusted here"),
        ):
            mailer(server, guard, user="custody", password="open sesame").send(TO, "s", "b")
        assert not server.mails
        assert not server.logins


def test_a_server_that_offers_no_tls_any_more_gets_nothing_in_clear() -> None:
    with (
        mail_server() as server,
        pytest.raises(NetworkError, match="offers no TLS, or no login, so nothing was sent"),
    ):
        mailer(server, "starttls", user="custody", password="open sesame").send(TO, "s", "b")
    assert [line[:4] for line in server.in_clear] == [b"ehlo"]


def test_without_tls_no_server_elsewhere_is_used() -> None:
    with pytest.raises(UsageError, match="without TLS a mail server is used on this machine alone"):
        SmtpMailer("mail.example", 25, "none", FROM)
    with pytest.raises(UsageError, match="not the name of a mail server"):
        SmtpMailer("mail.example\r\nX", 25, "tls", FROM)


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example>\r\nDATA",
        "a@b.example, c@d.example",
        "A Person <a@b.example>",
        "a b@c.example",
        "a@b.example\0",
        "ä@b.example",
        "a@",
        "",
        f"{'a' * 250}@b.example",
    ],
)
def test_an_address_carries_no_second_one_no_header_and_no_command(address: str) -> None:
    with mail_server() as server, pytest.raises(UsageError, match="is not an e-mail address"):
        mailer(server).send(address, "s", "b")
    with pytest.raises(UsageError, match="is not an e-mail address"):
        SmtpMailer("localhost", 25, "none", address)


@pytest.mark.parametrize(
    ("step", "said", "result"),
    [
        ("RCPT", "550 nobody of that name", "refused"),
        ("taken", "554 no", "refused"),
        ("taken", "hangs up", "unsure"),
    ],
)
def test_what_became_of_a_mail_is_told_apart(step: str, said: str, result: str) -> None:
    with mail_server() as server:
        server.says[step] = said
        assert mailer(server).send(TO, "s", "b") == result


@pytest.mark.parametrize(
    ("step", "said", "told"),
    [
        ("greeting", "554 go away", r"could not be reached \(554\)"),
        ("greeting", "hangs up", "could not be reached"),
        ("greeting", "nonsense", "could not be reached"),
        ("RCPT", "451 later", r"did not take the message \(451\)"),
        ("DATA", "hangs up", "did not take the message"),
        ("DATA", "452 full", r"did not take the message \(452\)"),
        ("taken", "451 later", r"did not take the message \(451\)"),
        ("AUTH", "535 a.person@police.example: wrong", r"did not let us in \(535\)"),
    ],
)
def test_what_was_not_taken_may_be_sent_again_and_the_servers_words_are_repeated_nowhere(
    step: str, said: str, told: str
) -> None:
    with mail_server() as server:
        server.says[step] = said
        with pytest.raises(NetworkError, match=told) as raised:
            mailer(server, user="custody", password="open sesame").send(TO, "s", "b")
    shown = f"{raised.value.message} {raised.value.hint} {raised.value.__cause__}"
    assert "police.example" not in shown
    assert "sesame" not in shown
    assert "sesame" not in repr(mailer(server, password="open sesame"))


def test_a_server_that_goes_on_and_on_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "_MOST", 10_000)
    with mail_server() as server:
        server.says["EHLO"] = "\r\n".join(["250-x"] * 5_000)
        with pytest.raises(NetworkError, match="could not be reached"):
            mailer(server).send(TO, "s", "b")


def test_a_server_that_is_silent_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "_TOTAL", 0.2)
    with mail_server() as server:
        server.says["greeting"] = "220-"  # and the rest never comes
        with pytest.raises(NetworkError, match="could not be reached"):
            mailer(server).send(TO, "s", "b")
