"""Time authorities over HTTP (RFC 3161, section 3.4), by the strict client. What comes back is
signed, so that an address without TLS gives nobody a say; whoever listens there sees a hash.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from ledger.adapters.web.client import Patience, Reach, Web
from ledger.domain.errors import NetworkError
from ledger.domain.identity.revocation_list import load_crl
from ledger.domain.timestamps import requests
from ledger.domain.timestamps.authorities import LIST_LIMIT, TimeAuthority
from ledger.domain.timestamps.tokens import Token
from ledger.domain.untrusted import hosts
from ledger.domain.untrusted.hosts import Network

_PATIENCE: Final = Patience(connect=10.0, between=20.0, total=30.0)
_WHO: Final = "the time authority"


class HttpTimeAuthority:
    """See ``ledger.domain.ports.time_authority``.

    Args:
        url: where it answers, as the operator wrote it.
        networks: where it and its lists may be beyond public addresses.
    """

    def __init__(
        self, authority: TimeAuthority, url: str, networks: tuple[Network, ...] = ()
    ) -> None:
        self._authority = authority
        self._url = url
        self._networks = networks

    @property
    def authority(self) -> TimeAuthority:
        return self._authority

    def stamp(self, digest: bytes) -> Token:
        nonce = secrets.randbits(63)
        answer = self._call(
            self._url,
            "POST",
            requests.LIMIT,
            content=requests.encode(digest, nonce),
            headers={"Content-Type": requests.REQUEST_TYPE},
        )
        return requests.read(answer, digest, nonce)

    def revocation_list(self, url: str) -> bytes:
        crl = self._call(url, "GET", LIST_LIMIT)
        load_crl(crl)
        return crl

    def _call(self, url: str, method: str, limit: int, **more: Any) -> bytes:
        address = hosts.parse(url, what=_WHO.removeprefix("the "))
        # Of the operator's own address an IP that is written out needs no permission.
        written = hosts.named(address) if url == self._url else ()
        web = Web(
            address.origin,
            who=_WHO,
            reach=Reach(allowed=(*self._networks, *written)),
            patience=_PATIENCE,
        )
        try:
            answer = web.call(method, address.target or "/", limit=limit, **more)
        finally:
            web.close()
        if answer.status != 200:
            raise NetworkError(
                f"{_WHO} answered {answer.status}", hint="check its address, or try again later"
            )
        return answer.content
