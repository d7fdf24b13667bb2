"""New statements of a batch, on their way into log and database.

Rules ask the database: whether a number has an open case, whether an item was disposed of. What the
same batch said earlier must count there as if it had been sent before, so each event is written
before the next one is judged. Only such events wait for each other, because the log grows by many
as fast as by one, of which none decides about another: openings of items, whose names and exhibit
numbers are judged over the whole batch, and events of one type about different items.
"""

from __future__ import annotations

from ledger.domain.codecs.text import is_case
from ledger.domain.identity.person import PersonId
from ledger.rows.items import ItemRow
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.log import merkle_log
from ledger.services.node.context import Node
from ledger.services.records import record_keys
from ledger.services.registration import bulk_access_alarm, sequencing
from ledger.services.registration.statement_checks import ValidatedSubmission, own_record_grant


class Unwritten:
    """Statements that were judged and are not written yet.

    Args:
        states: items as the batch leaves them.
    """

    def __init__(self, node: Node, unit: UnitOfWork, states: dict[str, ItemRow | None]) -> None:
        self._node, self._unit, self._states = node, unit, states
        self._waiting: list[ValidatedSubmission] = []
        self._kind = ""
        self._subjects = set[str]()

    def take(self, submission: ValidatedSubmission) -> None:
        """Let a statement that was judged wait for those that may follow with it."""
        self._waiting.append(submission)
        self._kind = _kind(submission)
        self._subjects.add(submission.statement.claims.subject)

    def decides_about(self, submission: ValidatedSubmission) -> bool:
        """Whether one that waits must be written before this one is judged."""
        subject = submission.statement.claims.subject
        apart = is_case(subject) or subject in self._subjects
        return bool(self._waiting) and (apart or _kind(submission) != self._kind)

    def write(self) -> list[EntryRow]:
        """Append those that wait, and write what follows from them; their entries, in order."""
        fresh, self._waiting, self._subjects = self._waiting, [], set()
        if not fresh:
            return []
        node, unit = self._node, self._unit
        rows = [merkle_log.entry_row(node.log_id, one.statement) for one in fresh]
        appended = merkle_log.append(unit, node.log_id, rows)
        accesses: dict[PersonId, list[tuple[bytes, str]]] = {}
        subjects = [row.evidence for row in appended]
        stored = unit.grants.named(subjects, "record", node.keys.recipients)
        for submission, row in zip(fresh, appended, strict=True):
            evidence = row.evidence
            for grant in submission.grants:
                unit.grants.put(
                    evidence, grant.scope, grant.recipient, grant.binding or b"", grant.encode()
                )
            key = _record_key(node, unit, submission, stored.get(evidence))
            item = self._states[evidence]
            assert item is not None
            self._states[evidence] = sequencing.write(node, unit, submission, row, item, key)
            if submission.event.type == "accessed":
                who = submission.certificate.subject
                accesses.setdefault(who, []).append((row.digest, evidence))
        for person, opened in accesses.items():
            bulk_access_alarm.note_accesses(node, unit, person, opened)
        return appended


def _kind(submission: ValidatedSubmission) -> str:
    opens = submission.statement.claims.effect == "open"
    return "open" if opens else submission.event.type


def _record_key(
    node: Node, unit: UnitOfWork, submission: ValidatedSubmission, stored: bytes | None
) -> bytes | None:
    """The item's record key; None where it was destroyed with a disposal, after which only the log
    speaks of the item.
    """
    own = own_record_grant(node, submission.grants)
    if own is not None:
        return node.keys.open(own)
    if stored is None and unit.erasures.get(submission.statement.claims.subject) is not None:
        return None
    return record_keys.open_record_key(node, stored)
