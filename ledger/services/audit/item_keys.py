"""Sealed keys of items: each has the form that its row says, opens where its key is at hand, and
lies with somebody who may have it.
"""

from __future__ import annotations

from ledger.domain.codecs.text import subject_bytes
from ledger.domain.crypto import grants
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.errors import CustodyError
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.names import is_pseudonym
from ledger.domain.identity.person import PersonId
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.audit.rebuilding import Rebuild
from ledger.services.audit.row_comparison import Row
from ledger.services.audit.stored_items import ReconstructedItem
from ledger.services.records import documents
from ledger.services.registration.statement_checks import RELEASES


class ItemKeys:
    """Checks the grants of items, one item after another; ``count`` grants, ``opened`` of them
    opened.

    Args:
        keys: HPKE keys at hand, the node's among them: grants made to them are opened.
    """

    def __init__(self, book: Rebuild, keys: list[HpkePrivateKey]) -> None:
        self._book = book
        self._keys = {key.public.digest: key for key in keys}
        self._people: dict[PersonId, bytes] = {}
        self.count = self.opened = 0
        self._custody: dict[str, set[bytes]] = {book.node.agency: set()}
        self._nodes = set(book.node.keys.recipients)
        self._allowed: set[bytes] = set()
        with book.node.records.read() as unit, book.into.read() as into:
            # Whoever something may be sealed to: the agency, other agencies, and people who were
            # enrolled or admitted.
            published = [
                row["document"]
                for table in ("descriptor", "partner_descriptor")
                for row in into.tables.rows(table)
            ]
            for descriptor in map(descriptors.parse, published):
                self._custody.setdefault(descriptor.agency, set()).add(descriptor.custody.digest)
                self._allowed |= {descriptor.node.digest, descriptor.custody.digest}
                if descriptor.agency == book.node.agency:
                    self._nodes.add(descriptor.node.digest)
            for person in unit.people.all():
                with book.guarded(f"person {person.person}"):
                    self._people[person.person] = documents.hpke_key(person).digest
            self._allowed |= {*self._nodes, *self._people.values()}

    def check(self, into: UnitOfWork, item: ReconstructedItem) -> None:
        """Check the grants of an item, and write them down as they say of themselves."""
        evidence, named = item.item.state.evidence, self._named(item)
        scopes: dict[str, set[bytes]] = {}
        for row in item.grants:
            self.count += 1
            place = f"grant {row['scope']} {row['recipient'].hex()[:16]} of {evidence}"
            scopes.setdefault(row["scope"], set()).add(row["recipient"])
            self._check_form(into, evidence, row, place)
            self._check_recipient(row, named, place)
            self._check_use(item, row, place)
        if not item.erased:
            self._require_kept(item, scopes)

    def _check_form(self, into: UnitOfWork, evidence: str, row: Row, place: str) -> None:
        """The sealed key says of itself what its row says, and opens where its key is at hand."""
        scope, recipient, binding = row["scope"], row["recipient"], row["binding"]
        try:
            grant = grants.parse(row["data"])
            said = (grant.evidence, grant.scope, grant.recipient, grant.binding or b"")
            if said != (subject_bytes(evidence), scope, recipient, binding):
                expected = "a sealed key of the same scope, recipient and item"
                self._book.find("grant-differs", place, expected, "another")
            elif recipient in self._keys:
                self._keys[recipient].open(grant)
                self.opened += 1
            into.grants.put(evidence, scope, recipient, binding, b"")  # no key leaves the home
        except CustodyError as error:
            self._book.find("grant-differs", place, "a sealed key", error.message)

    def _check_recipient(self, row: Row, named: dict[str, set[bytes]] | None, place: str) -> None:
        """Whoever has the key is known, and named by an event of the item."""
        if row["recipient"] not in self._allowed:
            expected = "somebody of this agency, a guest, or another agency"
            self._book.find("grant-stranger", place, expected, "an unknown key")
        elif named is not None and row["recipient"] not in named.get(row["scope"], set()):
            expected = "an event of the item that names whoever has the key"
            self._book.find("row-inserted", place, expected, "none")

    def _check_use(self, item: ReconstructedItem, row: Row, place: str) -> None:
        """The key is of the content that the item has, and of an item whose keys are kept."""
        bound = item.content is None or row["binding"] == item.content.commitment
        if row["scope"] == "content" and not bound:
            self._book.find(
                "grant-differs", place, "bound to the item's content", "bound to something else"
            )
        if item.erased:
            self._book.find(
                "document-left",
                f"grant {row['scope']} of {item.item.state.evidence}",
                "nothing, as the keys were destroyed",
                "a sealed key",
            )

    def _named(self, item: ReconstructedItem) -> dict[str, set[bytes]] | None:
        """Keys to which something of the item may be sealed here, by scope; None where an event
        that may tell cannot be read.

        Whoever has a sealed key has a part in the item, and anybody can seal anything to anybody:
        the one that the node never took with an event is made up. A key that was released stays,
        also when its event counts no more; one that cannot be read is told elsewhere.
        """
        if None in item.sequenced:
            return None
        home = self._book.node.agency
        keys = set(self._custody[home])
        people = {item.item.opener}
        for event in item.sequenced:
            assert event is not None
            if event.type == "transfer-accepted":
                people.add(PersonId(event.value["actor"]["agency"], event.value["actor"]["id"]))
            elif event.type in RELEASES:
                to = event.body.get("to", {})
                agency = to.get("agency", home)
                keys |= self._custody.get(agency, set())
                if is_pseudonym(to.get("person", "")):  # else somebody who is named in words
                    people.add(PersonId(agency, to["person"]))
        keys |= {self._people[person] for person in people if person in self._people}
        return {"record": self._nodes, "content": keys}

    def _require_kept(self, item: ReconstructedItem, scopes: dict[str, set[bytes]]) -> None:
        """Whoever must be able to read record and content can."""
        node, row = self._book.node, item.item
        place = f"of {row.state.evidence}"
        if not node.keys.recipients & scopes.get("record", set()):
            self._book.find(
                "grant-missing",
                f"grant record {place}",
                "the record key sealed to this node",
                "none",
            )
        if (
            item.content is None
            or row.state.custodian != node.agency
            or row.state.origin != node.agency
        ):
            return
        wanted = {"the custodians": self._custody[node.agency]}
        if row.opener is not None and row.opener in self._people:
            wanted["whoever recorded it"] = {self._people[row.opener]}
        for whom, keys in wanted.items():
            if not keys & scopes.get("content", set()):
                self._book.find(
                    "grant-missing",
                    f"grant content {place}",
                    f"the content key sealed to {whom}",
                    "none",
                )
