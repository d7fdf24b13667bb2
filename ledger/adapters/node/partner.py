"""Another agency's node, over HTTPS: what our node asks of it with its service certificate."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final

import httpx

from ledger.adapters.node.client import NodeClient
from ledger.adapters.node.http import bytes_of
from ledger.adapters.web.client import MIB, Answer, Patience, Reach, WebError
from ledger.domain.codecs.cose import PrivateKey
from ledger.domain.errors import (
    BusyError,
    ConflictError,
    CustodyError,
    DeniedError,
    NetworkError,
    NotFoundError,
    UsageError,
)
from ledger.domain.ports.answers import BYTES, Copy, DisposalNote, Exchanged
from ledger.domain.ports.node_and_chain import DescriptorVersion
from ledger.domain.untrusted import hosts
from ledger.domain.untrusted.hosts import HERE, Network
from ledger.domain.untrusted.shapes import COUNT, MOMENT

_WHOSE: Final = "another agency's node"
_VERSION: Final = {
    "version": range(1, 65536),
    "document": BYTES,
    "activeFrom": MOMENT,
    "block": COUNT,
}
#: Refusals that mean here what they mean there. Whatever else is said, that a record does not
#: verify or that a log is frozen, is a call that failed.
_MEANT: Final = (DeniedError, NotFoundError, ConflictError, BusyError)
_QUOTED: Final = 300  # characters of what it says
_LIST: Final = 8 * MIB  # bytes of a list, or of a document of an agency
_PAGE: Final = 1000  # rows of it, see services.handovers.outgoing_parcels
_PAGES: Final = 20
_CRL: Final = 4 * MIB  # 190,000 revocations, which are gone through at each call of a partner
_PARCEL: Final = 256 * MIB  # see domain.parcel
_PATIENCE: Final = Patience(
    between=20.0, total=120.0
)  # nobody here may wait long for somebody there
_LARGE: Final = Patience(between=20.0, total=300.0)  # as long as one call may hold up a turn
#: What code that names no networks of its own may reach beside public addresses: another node on
#: the same machine.
_HERE: Final = hosts.networks(HERE)


class PartnerClient(NodeClient):
    """See ports.PartnerApi.

    Args:
        url, transport, signer: see HttpNode.
        logs: those of the agencies whose node is there, by URN; our node logs in to no other.
        allowed: networks beyond public addresses that may be connected to.
    """

    def __init__(
        self,
        url: str,
        *,
        signer: Callable[[], tuple[PrivateKey, bytes]],
        logs: Callable[[], AbstractSet[str]],
        transport: httpx.BaseTransport | None = None,
        allowed: tuple[Network, ...] = _HERE,
    ) -> None:
        def meant(log: str) -> None:
            if log not in logs():
                raise DeniedError(
                    f"{_WHOSE} asks for a login to a log that is not its agency's: nothing was "
                    "signed"
                )

        super().__init__(
            url,
            transport=transport,
            signer=signer,
            meant=meant,
            who=_WHOSE,
            reach=Reach(allowed=allowed),
            patience=_PATIENCE,
        )

    def _refusal(self, answer: Answer) -> CustodyError:
        """What another agency says is told as its word, hint and all: no command that it proposes
        stands where ours do, and no verdict of its is one of ours.
        """
        error = super()._refusal(answer)
        if isinstance(error, WebError):
            return error
        kind = next((kind for kind in _MEANT if isinstance(error, kind)), NetworkError)
        words = f"{error.message} ({error.hint})" if error.hint else error.message
        quoted = words[:_QUOTED].replace('"', "'")
        return kind(f'{_WHOSE} says: "{quoted}"', hint="ask that agency, if it stays so")

    def descriptor(self) -> bytes:
        """The descriptor in force there."""
        shape = {"descriptor": BYTES}
        answer = self._ask("GET", "/v1/agency", shape, authenticated=False, limit=_LIST)
        return bytes_of(answer["descriptor"], _WHOSE)

    def versions(self) -> list[DescriptorVersion]:
        """Descriptor versions there."""
        path, shape = "/v1/agency/descriptors", {"descriptors": [_VERSION]}
        rows = self._ask("GET", path, shape, authenticated=False, limit=_LIST)["descriptors"]
        return [
            DescriptorVersion(
                row["version"], bytes_of(row["document"], _WHOSE), row["activeFrom"], row["block"]
            )
            for row in rows
        ]

    def crl(self) -> bytes:
        """The newest revocation list."""
        return self._send("GET", "/v1/log/crl", authenticated=False, limit=_CRL).content

    def fresh_crl(self, time: int) -> bytes:
        """The newest revocation list, issued now where it is older than a time."""
        return self._send("POST", "/v1/exchange/crl", json={"time": time}, limit=_CRL).content

    def exchanged(self, after: str = "") -> list[Exchanged]:
        """A page of the handovers between them and us."""
        shape, where = {"handovers": [Exchanged]}, {"after": after}
        answer = self._ask("GET", "/v1/exchange", shape, limit=_LIST, params=where)
        return list(answer["handovers"])

    def parcel(self, evidence: str) -> bytes:
        """The parcel of a handover."""
        return self._send(
            "GET", f"/v1/exchange/{evidence}/parcel", limit=_PARCEL, patience=_LARGE
        ).content

    def ciphertext(self, evidence: str, start: int, end: int) -> bytes:
        """A range of the ciphertext."""
        return self._range(f"/v1/exchange/{evidence}/content", start, end)

    def disposals(self, after: str = "") -> list[DisposalNote]:
        """A page of the disposals of items that we held before."""
        shape, where = {"disposals": [DisposalNote]}, {"after": after}
        answer = self._ask("GET", "/v1/exchange/disposals", shape, limit=_LIST, params=where)
        return list(answer["disposals"])

    def closing(self, evidence: str, *, confirmed: bool = False) -> bytes:
        """What their log says up to a disposal, or with who confirmed it."""
        path, where = f"/v1/exchange/{evidence}/closing", {"confirmed": "true"}
        params = where if confirmed else {}
        return self._send("GET", path, limit=_PARCEL, patience=_LARGE, params=params).content

    def copies(self) -> list[Copy]:
        """Copies that they gave us, all of them."""
        found, shape = list[Copy](), {"copies": [Copy]}
        for _ in range(_PAGES):
            where = {"after": found[-1].statement if found else ""}
            answer = self._ask("GET", "/v1/exchange/copies", shape, limit=_LIST, params=where)
            page = answer["copies"]
            found += page
            if len(page) < _PAGE:
                return found
        raise WebError(
            _WHOSE,
            f"tells of more than {_PAGE * _PAGES} copies",
            hint="ask them to withdraw those that are not needed",
        )

    def copy(self, statement: str) -> bytes:
        """The parcel of a copy."""
        return self._send(
            "GET", f"/v1/exchange/copies/{statement}", limit=_PARCEL, patience=_LARGE
        ).content

    def copy_content(self, statement: str, start: int, end: int) -> bytes:
        """A range of the ciphertext of a copy."""
        return self._range(f"/v1/exchange/copies/{statement}/content", start, end)

    def tell_copy(self, statement: str, copy: str) -> None:
        """Tell which item of ours is the copy."""
        self._send("POST", f"/v1/exchange/copies/{statement}", json={"copy": copy})


class Partners:
    """One client an address, kept for its session.

    Args:
        signer: the key and certificate of our node's service.
        logs: by URN, of the agencies that are known at an origin; by default none, and nothing that
            asks for a login is signed.
        allowed: networks beyond public addresses where other agencies' nodes may be; a home passes
            what its operator allowed.
    """

    def __init__(
        self,
        signer: Callable[[], tuple[PrivateKey, bytes]],
        logs: Callable[[str], AbstractSet[str]] = lambda _: frozenset(),
        allowed: tuple[Network, ...] = _HERE,
    ) -> None:
        self._signer = signer
        self._logs = logs
        self._allowed = allowed
        self._clients: dict[str, PartnerClient] = {}
        self._mutex = threading.Lock()

    def __call__(self, url: str) -> PartnerClient:
        """The node at ``url``.

        Raises:
            UsageError: no https origin alone (http on this machine), or an address that is not
                public and that nobody allowed.
        """
        origin = hosts.origin(url, what=_WHOSE)
        ip = hosts.literal(hosts.parse(origin, what=_WHOSE).host)
        if ip is not None and not hosts.permits(self._allowed, ip):
            raise UsageError(
                f"{_WHOSE} is at a {hosts.special(ip)} address, which is not allowed here",
                hint=f"if that is meant, stop the node, then: custody network allow {ip}",
            )
        with self._mutex:
            if origin not in self._clients:
                self._clients[origin] = PartnerClient(
                    origin,
                    signer=self._signer,
                    logs=lambda: self._logs(origin),
                    allowed=self._allowed,
                )
            return self._clients[origin]

    def close(self) -> None:
        """Release connections."""
        with self._mutex:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
