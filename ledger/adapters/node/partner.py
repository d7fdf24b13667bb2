"""Another agency's node, over HTTPS: what our node asks of it with its service certificate."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ledger.adapters.node.client import NodeClient
from ledger.domain.cose import PrivateKey
from ledger.domain.encoding import from_b64url
from ledger.domain.errors import NetworkError
from ledger.domain.hosts import require_tls
from ledger.domain.records import DescriptorRow


class PartnerClient(NodeClient):
    """See ports.PartnerApi."""

    def descriptor(self) -> bytes:
        """The descriptor in force there."""
        return from_b64url(self.agency()["descriptor"], what="descriptor")

    def versions(self) -> list[DescriptorRow]:
        """Descriptor versions there."""
        rows = self._send("GET", "/v1/agency/descriptors", authenticated=False).json()["descriptors"]
        try:
            documents = [from_b64url(one["document"], what="descriptor") for one in rows]
            numbers = [(int(one["version"]), int(one["activeFrom"]), int(one["block"])) for one in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise NetworkError("the node answered nonsense about its descriptors", hint="is this address a custody node?") from error
        pairs = zip(documents, numbers, strict=True)
        return [DescriptorRow(version, document, active_from, block) for document, (version, active_from, block) in pairs]

    def crl(self) -> bytes:
        """The newest revocation list."""
        return self._send("GET", "/v1/log/crl", authenticated=False).content

    def fresh_crl(self, time: int) -> bytes:
        """The newest revocation list, issued now where it is older than a time."""
        return self._send("POST", "/v1/exchange/crl", json={"time": time}).content

    def exchanged(self) -> list[dict[str, Any]]:
        """Handovers between them and us."""
        return list(self._send("GET", "/v1/exchange").json()["handovers"])

    def parcel(self, evidence: str) -> bytes:
        """The parcel of a handover."""
        return self._send("GET", f"/v1/exchange/{evidence}/parcel").content

    def ciphertext(self, evidence: str, start: int, end: int) -> bytes:
        """A range of the ciphertext."""
        return self._send("GET", f"/v1/exchange/{evidence}/content", headers={"Range": f"bytes={start}-{end - 1}"}).content

    def disposals(self) -> list[dict[str, Any]]:
        """Disposals of items that we held before."""
        return list(self._send("GET", "/v1/exchange/disposals").json()["disposals"])

    def closing(self, evidence: str) -> bytes:
        """What their log says up to a disposal."""
        return self._send("GET", f"/v1/exchange/{evidence}/closing").content

    def copies(self) -> list[dict[str, Any]]:
        """Copies that they gave us."""
        return list(self._send("GET", "/v1/exchange/copies").json()["copies"])

    def copy(self, statement: str) -> bytes:
        """The parcel of a copy."""
        return self._send("GET", f"/v1/exchange/copies/{statement}").content

    def copy_content(self, statement: str, start: int, end: int) -> bytes:
        """A range of the ciphertext of a copy."""
        headers = {"Range": f"bytes={start}-{end - 1}"}
        return self._send("GET", f"/v1/exchange/copies/{statement}/content", headers=headers).content

    def tell_copy(self, statement: str, copy: str) -> None:
        """Tell which item of ours is the copy."""
        self._send("POST", f"/v1/exchange/copies/{statement}", json={"copy": copy})


class Partners:
    """One client an address, kept for its session.

    Args:
        signer: the key and certificate of our node's service.
    """

    def __init__(self, signer: Callable[[], tuple[PrivateKey, bytes]]) -> None:
        self._signer = signer
        self._clients: dict[str, PartnerClient] = {}
        self._mutex = threading.Lock()

    def __call__(self, url: str) -> PartnerClient:
        """The node at ``url``.

        Raises:
            UsageError: an address without TLS that is not on this machine.
        """
        require_tls(url, what="another agency's node")
        with self._mutex:
            if url not in self._clients:
                self._clients[url] = PartnerClient(url, signer=self._signer)
            return self._clients[url]

    def close(self) -> None:
        """Release connections."""
        with self._mutex:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
