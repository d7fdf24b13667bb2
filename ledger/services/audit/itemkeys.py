"""Sealed keys of items: each has the form that its row says, opens where its key is at hand, and lies with somebody who may have it."""

from __future__ import annotations

from ledger.domain import grants
from ledger.domain.encoding import evidence_bytes
from ledger.domain.errors import CustodyError
from ledger.domain.grants import HpkePrivateKey
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.person import PersonId
from ledger.domain.unit import Unit
from ledger.services import reading
from ledger.services.audit.rebuilding import Rebuild
from ledger.services.audit.rebuiltitems import Examined


class ItemKeys:
    """Checks the grants of items, one item after another; ``count`` grants, ``opened`` of them opened.

    Args:
        keys: HPKE keys at hand, the node's among them: grants made to them are opened.
    """

    def __init__(self, book: Rebuild, keys: list[HpkePrivateKey]) -> None:
        self._book = book
        self._keys = {key.public.digest: key for key in keys}
        self._people: dict[PersonId, bytes] = {}
        self.count = self.opened = 0
        with book.node.records.read() as unit, book.into.read() as into:
            self._custodians = {descriptors.parse(row.document).custody.digest for row in into.descriptors()}
            # Whoever something may be sealed to: the agency, other agencies, and people who were enrolled or admitted.
            published = [row["document"] for table in ("descriptor", "partner_descriptor") for row in into.rows(table)]
            self._allowed = {key.digest for one in map(descriptors.parse, published) for key in (one.node, one.custody)}
            for person in unit.people():
                with book.guarded(f"person {person.person}"):
                    self._people[person.person] = reading.hpke_key(person).digest
            self._allowed |= set(self._people.values())

    def check(self, into: Unit, one: Examined) -> None:
        """Check the grants of an item, and write them down as they say of themselves."""
        evidence, rows = one.item.state.evidence, one.grants
        scopes: dict[str, set[bytes]] = {}
        for row in rows:
            self.count += 1
            place = f"grant {row['scope']} {row['recipient'].hex()[:16]} of {evidence}"
            scopes.setdefault(row["scope"], set()).add(row["recipient"])
            try:
                grant = grants.parse(row["data"])
                told = (grant.evidence, grant.scope, grant.recipient, grant.binding or b"")
                if told != (evidence_bytes(evidence), row["scope"], row["recipient"], row["binding"]):
                    self._book.find("grant-differs", place, "a sealed key of the same scope, recipient and item", "another")
                elif row["recipient"] in self._keys:
                    self._keys[row["recipient"]].open(grant)
                    self.opened += 1
                into.put_grant(evidence, row["scope"], row["recipient"], row["binding"], b"")  # no key leaves the home
            except CustodyError as error:
                self._book.find("grant-differs", place, "a sealed key", error.message)
            if row["recipient"] not in self._allowed:
                self._book.find("grant-stranger", place, "somebody of this agency, a guest, or another agency", "an unknown key")
            if row["scope"] == "content" and one.content is not None and row["binding"] != one.content.commitment:
                self._book.find("grant-differs", place, "bound to the item's content", "bound to something else")
            if one.erased:
                self._book.find(
                    "document-left", f"grant {row['scope']} of {evidence}", "nothing, as the keys were destroyed", "a sealed key"
                )
        if not one.erased:
            self._require_kept(one, scopes)

    def _require_kept(self, one: Examined, scopes: dict[str, set[bytes]]) -> None:
        """Whoever must be able to read record and content can."""
        node, item = self._book.node, one.item
        place = f"of {item.state.evidence}"
        if node.keys.hpke.public.digest not in scopes.get("record", set()):
            self._book.find("grant-missing", f"grant record {place}", "the record key sealed to this node", "none")
        if one.content is None or item.state.custodian != node.agency or item.state.origin != node.agency:
            return
        wanted = {"the custodians": self._custodians}
        if item.opener is not None and item.opener in self._people:
            wanted["whoever recorded it"] = {self._people[item.opener]}
        for whom, keys in wanted.items():
            if not keys & scopes.get("content", set()):
                self._book.find("grant-missing", f"grant content {place}", f"the content key sealed to {whom}", "none")
