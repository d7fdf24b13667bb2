"""Logging in with a key and at a real OpenID provider (a process of its own): both are needed, and
one person's of each.
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from api.lockout import LockOut
from ledger.adapters import oidc
from ledger.adapters.node.client import NodeClient, Session
from ledger.adapters.node.session_cache import FileSession
from ledger.adapters.oidc import OidcProvider
from ledger.app import create_home
from ledger.domain.errors import (
    ConflictError,
    CustodyError,
    DeniedError,
    NetworkError,
    NotFoundError,
    UsageError,
)
from ledger.services.access import sessions
from ledger.services.access.sessions import identity_token
from ledger.services.people import membership
from tests.support.chains import ROOT, free_port
from tests.support.desk import PASSPHRASE, Desk
from tests.support.people import Colleague, joined


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        ["node", str(ROOT / "tests" / "support" / "oidc" / "provider.mjs"), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert "ready" in process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate()


@pytest.fixture(scope="module")
def agency(
    issuer: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Desk, Colleague]]:
    folder = tmp_path_factory.mktemp("oidc")
    create_home.found(
        folder / "home",
        agency="NL-POL",
        person="1",
        roles=["administrator", "officer", "custodian"],
        passphrase=PASSPHRASE,
    )
    with Desk(folder / "home") as desk:
        person = joined(desk, folder / "mine", "officer")
        desk.node.identity = OidcProvider(issuer, "custody")
        membership.link(desk.node, desk.person.certificate.subject, "chief")
        membership.link(desk.node, person.id, "officer.4712")
        yield desk, person


@pytest.fixture(autouse=True)
def forgiven(agency: tuple[Desk, Colleague]) -> None:
    """Failed logins of one test must not lock the person out of the next."""
    agency[0].app.state.lockout = LockOut()


def browse(account: str) -> Callable[[str], None]:
    """A person with a browser: logs in under an account name, and agrees to what is asked."""

    def visit(address: str) -> None:
        threading.Thread(target=_visit, args=(address, account), daemon=True).start()

    return visit


def _visit(address: str, account: str) -> None:
    with httpx.Client(timeout=10) as browser:
        answer = browser.get(address)
        for _ in range(20):
            if answer.is_redirect:
                answer = browser.get(urljoin(str(answer.url), answer.headers["location"]))
            elif form := re.search(r'<form[^>]*action="([^"]+)"', answer.text):
                hidden = dict(re.findall(r'name="(prompt)" value="([^"]+)"', answer.text))
                answer = browser.post(
                    urljoin(str(answer.url), form[1]),
                    data={**hidden, "login": account, "password": "x"},
                )
            else:
                return


def identifier(account: str) -> Callable[[dict[str, str]], str]:
    return lambda told: oidc.obtain(
        told["issuer"], told["clientId"], told["nonce"], browse(account)
    )


def client(
    desk: Desk,
    person: Colleague,
    identify: Callable[[dict[str, str]], str] | None,
    kept: FileSession | None = None,
) -> NodeClient:
    signer = lambda: (  # noqa: E731
        person.keyring.signing_key("person"),
        person.keyring.get("person-certificate"),
    )
    return NodeClient(
        "http://home", transport=desk.transport, signer=signer, identify=identify, kept=kept
    )


def test_a_login_takes_the_key_and_the_account_of_the_same_person(
    agency: tuple[Desk, Colleague],
) -> None:
    desk, person = agency
    assert client(desk, person, identifier("officer.4712")).status().agency == "NL-POL"
    for account in ("chief", "stranger"):
        with pytest.raises(DeniedError):
            client(desk, person, identifier(account)).status()
    with pytest.raises(DeniedError, match="identity provider"):
        client(desk, person, None).status()
    with pytest.raises(DeniedError):
        client(desk, person, lambda told: "").status()


def test_a_token_for_another_login_client_or_issuer_is_refused(
    agency: tuple[Desk, Colleague], issuer: str
) -> None:
    desk, person = agency
    caught: list[str] = []

    def catch(told: dict[str, str]) -> str:
        caught.append(identifier("officer.4712")(told))
        return caught[-1]

    client(desk, person, catch).status()
    stale = caught[0]
    claims = jwt.decode(stale, options={"verify_signature": False})
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kid = jwt.get_unverified_header(stale)["kid"]

    def forged(told: dict[str, str]) -> str:
        return jwt.encode(
            {**claims, "nonce": told["nonce"]}, own, algorithm="RS256", headers={"kid": kid}
        )

    wrong: dict[str, Callable[[dict[str, str]], str]] = {
        "of an earlier login": lambda told: stale,
        "for another client": lambda told: oidc.obtain(
            issuer, "another", told["nonce"], browse("officer.4712")
        ),
        "signed by somebody else": forged,
        "unsigned": lambda told: jwt.encode(
            {**claims, "nonce": told["nonce"]}, None, algorithm="none"
        ),
        "signed with a password": lambda told: jwt.encode(
            {**claims, "nonce": told["nonce"]}, "k" * 32, algorithm="HS256", headers={"kid": kid}
        ),
        "garbage": lambda told: "a.b.c",
        "too long": lambda told: "a" * 16_384,
    }
    for name, identify in wrong.items():
        desk.app.state.lockout = LockOut()
        try:
            client(desk, person, identify).status()
        except CustodyError:
            continue
        pytest.fail(f"a token {name} was taken")


def test_an_expired_token_is_refused(agency: tuple[Desk, Colleague], issuer: str) -> None:
    provider, nonce = OidcProvider(issuer, "custody"), "n" * 43
    token = oidc.obtain(issuer, "custody", nonce, browse("chief"))
    now = int(time.time())
    assert provider.subject(token, nonce, now) == "chief"
    for moment in (now + 10**6, now - 10**6):
        with pytest.raises(DeniedError):
            provider.subject(token, nonce, moment)
    with pytest.raises(DeniedError):
        provider.subject(token, "m" * 43, now)


def test_an_account_belongs_to_one_person_and_another_nodes_service_needs_none(
    agency: tuple[Desk, Colleague],
) -> None:
    desk, person = agency
    with pytest.raises(ConflictError):
        membership.link(desk.node, person.id, "chief")
    for account in ("", "a" * 256):
        with pytest.raises(UsageError):
            membership.link(desk.node, person.id, account)
    raw = b"".join(path.read_bytes() for path in desk.path.glob("ledger.sqlite*"))
    assert b"officer.4712" not in raw


def test_the_account_of_a_suspended_person_is_nobodys_and_lets_nobody_in(
    agency: tuple[Desk, Colleague], tmp_path: Path
) -> None:
    desk, _ = agency
    desk.node.identity, provider = None, desk.node.identity  # they join by key alone
    gone, again = (joined(desk, tmp_path / name, number=name) for name in ("1001", "1002"))
    desk.node.identity = provider
    membership.link(desk.node, gone.id, "leaver")
    running = client(desk, gone, identifier("leaver"))
    running.status()
    membership.suspend(desk.node, gone.id, by=desk.person.certificate.subject)
    for one in (running, client(desk, gone, identifier("leaver"))):
        with pytest.raises(DeniedError):
            one.status()
    with desk.node.records.read() as unit:
        assert unit.people.identity(identity_token(desk.node, provider.issuer, "leaver")) is None
    with pytest.raises(NotFoundError, match="suspended"):
        membership.link(desk.node, gone.id, "leaver")
    with desk.node.records.write() as unit:  # as a version before this one left it
        unit.people.put_identity(identity_token(desk.node, provider.issuer, "leaver"), gone.id)
    membership.link(desk.node, again.id, "leaver")
    assert client(desk, again, identifier("leaver")).status().agency == "NL-POL"


def test_a_session_that_began_with_an_account_that_is_replaced_ends_with_the_new_link(
    agency: tuple[Desk, Colleague],
) -> None:
    desk, person = agency
    running = client(desk, person, identifier("officer.4712"))
    running.status()
    membership.link(desk.node, person.id, "officer.4712")  # nothing changes
    running.status()
    membership.link(desk.node, person.id, "officer.4712b")
    with pytest.raises(DeniedError):
        running.status()
    membership.link(desk.node, person.id, "officer.4712")


def test_an_account_that_becomes_somebody_elses_while_the_provider_is_asked_lets_nobody_in(
    agency: tuple[Desk, Colleague], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, person = agency
    asked = sessions._account

    def unlinked(*given: Any) -> bytes:
        token = asked(*given)
        with desk.node.records.write() as unit:
            unit.people.drop_identity(person.id)
        return token

    with monkeypatch.context() as patch:
        patch.setattr(sessions, "_account", unlinked)
        with pytest.raises(DeniedError):
            client(desk, person, identifier("officer.4712")).status()
    membership.link(desk.node, person.id, "officer.4712")


def test_a_session_is_kept_for_the_next_command_and_sealed(
    agency: tuple[Desk, Colleague], tmp_path: Path
) -> None:
    desk, person = agency
    kept = FileSession(tmp_path / "session", person.keyring.get("journal"), "http://home")
    first = client(desk, person, identifier("officer.4712"), kept)
    first.status()
    assert first._token is not None
    assert first._token.encode() not in (tmp_path / "session").read_bytes()
    client(
        desk,
        person,
        None,
        FileSession(tmp_path / "session", person.keyring.get("journal"), "http://home"),
    ).status()
    assert FileSession(tmp_path / "session", bytes(32), "http://home").load() is None
    elsewhere = FileSession(
        tmp_path / "session", person.keyring.get("journal"), "https://other.example"
    )
    assert elsewhere.load() is None, "another agency's node is not shown the token of ours"
    kept.save(Session("over", int(time.time()) - 1, 0.0))
    assert kept.load() is None


def test_a_provider_that_is_down_or_another_one_is_told_plainly(issuer: str) -> None:
    with pytest.raises(NetworkError, match="did not answer"):
        oidc.check_settings(f"http://127.0.0.1:{free_port()}", "custody")
    told = f"another issuer than it was asked for: {issuer}, expected {issuer}/"
    with pytest.raises(NetworkError, match=re.escape(told)):
        oidc.check_settings(issuer + "/", "custody")
    with pytest.raises(UsageError, match="https"):
        oidc.check_settings("http://login.example", "custody")
    with pytest.raises(UsageError, match="empty"):
        oidc.check_settings(issuer, " ")
