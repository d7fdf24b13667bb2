"""JSON-RPC 2.0 through the strict client alone: `verify --rpc` needs no library of chains."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any, Final

from ledger.adapters.web.client import ANYWHERE, MIB, Answer, Patience, Web, WebError
from ledger.domain.untrusted import hosts
from ledger.domain.untrusted.shapes import Maybe

_ATTEMPTS: Final = 3
_LIMIT: Final = 16 * MIB  # bytes of an answer; logs that are longer are asked for in parts
WHO: Final = "the chain"
HINT: Final = "check that the RPC address is right and reachable"


class JsonRpc:
    """JSON-RPC 2.0, carried by the strict client."""

    def __init__(self, url: str, timeout: float) -> None:
        patience = Patience(connect=min(timeout, 5.0), between=timeout, total=3 * timeout)
        self.at = hosts.parse(url, what="a chain").authority
        self._web = Web(url, who=WHO, reach=ANYWHERE, patience=patience)
        self._ids = itertools.count()

    def call(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        """One call; a lost answer is asked again, since every call here is safe to repeat.

        Returns:
            the members of the answer: ``error``, None where there is none, and else ``result``.

        Raises:
            NetworkError: no answer in time, none of JSON-RPC, or one to another call.
        """
        number = next(self._ids)
        request = {"jsonrpc": "2.0", "method": method, "params": list(params), "id": number}
        answer = self._web.call(
            "POST",
            "",
            limit=_LIMIT,
            headers={"Content-Type": "application/json"},
            attempts=_ATTEMPTS,
            content=json.dumps(request).encode(),
        )
        found = _rpc_of(answer)
        # Of a call that it could not read a server names none (JSON-RPC 2.0, section 5).
        if found["id"] != number and (found["error"] is None or found["id"] is not None):
            raise WebError(WHO, "answered another call than was made", hint=HINT)
        return found

    def close(self) -> None:
        """Release connections."""
        self._web.close()


def _rpc_of(answer: Answer) -> dict[str, Any]:
    """The members of a JSON-RPC answer; some nodes send errors of a call with a status of HTTP as
    well.
    """
    try:
        found: dict[str, Any] = answer.json({"error": Maybe(object), "id": Maybe(object)})
    except WebError as error:
        if answer.status != 200:
            raise WebError(WHO, f"answered {answer.status}", hint=HINT) from error
        raise
    if answer.status != 200 and found["error"] is None:
        raise WebError(WHO, f"answered {answer.status}", hint=HINT)
    if found["error"] is None and "result" not in found:
        raise WebError(WHO, "answered nonsense: neither result nor error", hint=HINT)
    return found
