"""Every column of every table of a rich home edited on its own: the rebuilt database has it
otherwise, or column_sources.py says why nothing can.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from ledger.adapters.audit_state import SqliteAuditState
from ledger.adapters.database.engine import sqlite_url
from ledger.adapters.database.store import SqlRecords
from ledger.app import give_custody_key, open_audit
from ledger.client.handovers import copying, handover
from ledger.client.handovers.copying import Disclosure, Recipient
from ledger.client.intake.upload import UploadOptions
from ledger.domain.audit.report import AuditReport
from ledger.domain.codecs.text import format_time
from ledger.domain.event.offer_terms import OfferTerms
from ledger.rows.table import TABLES
from ledger.services.access import sessions
from ledger.services.audit import column_sources, database_comparison, internal
from ledger.services.audit.chain_events import silent
from ledger.services.handovers import erasure
from ledger.services.people import admission
from tests.integration.test_guests import admit
from tests.support.consortium import NL, RO, Consortium, offer
from tests.support.desk import BASIS, Desk
from tests.support.people import joined
from tests.support.time_authority import seen_by_an_authority

ROOT = Path(__file__).parents[2]


def test_every_table_and_column_has_its_rule() -> None:
    """A new table or column is compared, or somebody has said why not."""
    tables = SQLModel.metadata.tables
    assert TABLES.keys() == tables.keys()
    for rules in (column_sources.FREE, column_sources.PARTLY):
        for table, named in rules.items():
            assert set(named) <= set(tables[table].columns.keys()), table
            assert all(named.values())
    assert set(column_sources.ROWS) <= set(tables)
    for table in column_sources.FREE.keys() & column_sources.PARTLY.keys():
        assert not column_sources.FREE[table].keys() & column_sources.PARTLY[table].keys(), table


def test_the_documentation_names_what_follows_from_nothing() -> None:
    text = (ROOT / "docs/audit.md").read_text()
    for rules in (column_sources.FREE, column_sources.PARTLY):
        for table, named in rules.items():
            for column, why in named.items():
                assert f"| `{table}.{column}` | {why} |" in text, f"{table}.{column}"
    for table, why in column_sources.ROWS.items():
        assert f"| `{table}` | {why} |" in text, table


@dataclass
class Lived:
    """A home with something in every table, its chain as an audit has read it, and an empty
    database to copy.
    """

    desk: Desk
    state: SqliteAuditState
    empty: Path
    folder: Path

    def check(self) -> AuditReport:
        report, target = AuditReport(), self.folder / "rebuilt.sqlite"
        shutil.copy(self.empty, target)
        into = SqlRecords(sqlite_url(target))
        keyring = self.desk.home.keyring
        keys = [
            self.desk.node.keys.hpkes[0],
            *(keyring.hpke_key(name) for name in ("hpke-person", "hpke-custody")),
        ]
        try:
            with self.desk.node.records.snapshot() as moment:
                node = replace(self.desk.node, records=moment)
                database_comparison.check(
                    node, into, self.state, report, keys, silent, lambda one: None
                )
        finally:
            into.close()
            for path in self.folder.glob("rebuilt.sqlite*"):
                path.unlink()
        return report


def file(folder: Path, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(name.encode() * 300)
    return path


def settled(both: Consortium) -> None:
    assert both.settle(NL, RO, rounds=3) == {}


def hand_around(both: Consortium, folder: Path) -> None:
    """Items given, given back, declined, withdrawn, copied, and some on their way."""
    nl, ro = both[NL], both[RO]
    gone, back, refused, kept = (
        one.evidence for one in nl.upload(*(file(folder, f"{n}.jpg") for n in range(4)))
    )
    [theirs, coming] = (
        one.evidence for one in ro.upload(file(folder, "theirs.jpg"), file(folder, "coming.jpg"))
    )
    for one in (gone, back, refused):
        offer(nl, one, RO)
    offer(ro, theirs, NL)
    offer(nl, kept, RO)
    handover.withdraw(nl.client, nl.person, nl.clock, kept, reason="wrong addressee")
    settled(both)
    for one in (gone, back):
        handover.accept(ro.client, ro.person, ro.clock, one)
    handover.decline(ro.client, ro.person, ro.clock, refused, reason="not ours")
    handover.accept(nl.client, nl.person, nl.clock, theirs)
    settled(both)
    offer(ro, back, NL)
    offer(ro, coming, NL)
    settled(both)
    handover.accept(nl.client, nl.person, nl.clock, back)
    settled(both)
    nl.record(back, "note", {"text": "back again"})
    nl.get(theirs)
    what = Disclosure("copy", members={"basis": BASIS})
    copying.disclose(nl.client, nl.person, nl.clock, kept, Recipient("agency", agency=RO), what)
    offer(nl, refused, RO)
    settled(both)


def work_inside(nl: Desk, ro: Desk, folder: Path) -> None:
    """People, guests, parts, corrections, offers within, disposals, sessions, and a tail that is
    not anchored.
    """
    second = joined(nl, folder / "second", "custodian", "reviewer", number="2")
    with second.working() as (_, person):
        give_custody_key.give(
            nl.home.keyring, nl.client, second.pseudonym, fingerprint=person.fingerprint
        )
    guest = joined(ro, folder / "guest", "examiner", number="77")
    admit(nl, guest, folder / "card.json")
    sessions.challenge(nl.node)
    admission.invite(nl.node, number="9", roles=["officer"], inviter=nl.person.certificate.subject)
    named = UploadOptions(members={"identifiers": [{"scheme": "case", "value": "2026-117"}]})
    [photo] = nl.upload(file(folder, "photo.jpg"), options=named)
    [doomed] = nl.upload(
        file(folder, "doomed.jpg"), options=UploadOptions(body={"partOf": photo.evidence})
    )
    nl.upload(file(folder, "part.jpg"), options=UploadOptions(body={"partOf": photo.evidence}))
    [declined] = nl.upload(file(folder, "declined.jpg"))
    within = OfferTerms(NL, int(time.time()) + 3600, person=second.pseudonym)
    handover.offer(nl.client, nl.person, nl.clock, declined.evidence, within)
    with second.working() as (client, person):
        client.incoming(declined.evidence)
        handover.decline(client, person, nl.clock, declined.evidence, reason="not mine")
    handover.share(
        nl.client, nl.person, nl.clock, photo.evidence, with_person=second.pseudonym, basis=BASIS
    )
    handover.share(
        nl.client, nl.person, nl.clock, photo.evidence, with_person=str(guest.id), basis=BASIS
    )
    target = nl.record(photo.evidence, "analysed", {"description": "faces"}).statement
    nl.record(
        photo.evidence,
        "corrected",
        {
            "target": target,
            "pointer": "/body/description",
            "new": "two faces",
            "reason": "typed wrong",
        },
    )
    asked = nl.record(doomed.evidence, "disposal-requested", {"reason": "retention over"}).statement
    approval = second.record(doomed.evidence, "approved", {"target": asked}).statement
    nl.record(
        doomed.evidence,
        "disposed",
        {"scope": "all", "method": "keys destroyed", "approvals": [approval]},
    )
    erasure.settle(nl.node)
    nl.anchor()
    with nl.node.records.write() as unit:
        unit.replicas.put_target(photo.evidence, 2)
    nl.record(
        photo.evidence,
        "hold-placed",
        {"hold": "appeal", "expires": format_time(int(time.time()) + 86400)},
    )
    handover.offer(nl.client, nl.person, nl.clock, photo.evidence, within)


@pytest.fixture(scope="module")
def lived(both_agencies: Consortium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    nl, folder = both_agencies[NL], tmp_path_factory.mktemp("rich")
    hand_around(both_agencies, folder / "abroad")
    work_inside(nl, both_agencies[RO], folder)
    seen_by_an_authority(nl, folder)
    root = nl.trust()
    with ExitStack() as stack:
        state = stack.enter_context(open_audit.temporary(root))
        report = internal.audit(nl.node, root, state, internal.InternalOptions())
        assert report.counts.keys() <= {"handover-waits", "waiting", "copies-few"}, [
            finding.as_json() for finding in report.findings
        ]
        empty = folder / "empty.sqlite"
        SqlRecords(sqlite_url(empty)).close()
        yield Lived(nl, state, empty, folder)


@pytest.fixture(scope="module")
def both_agencies(trio: Consortium) -> Consortium:
    return trio


#: Where a column of columns.PARTLY is taken over from the home: edits of other rows are found.
CARRIED: dict[tuple[str, str], Callable[[dict[str, Any], set[str]], bool]] = {
    ("item", "cid"): lambda row, erased: row["evidence"] in erased,
    ("item", "opened"): lambda row, erased: row["origin"] != NL,
    ("opening", "until"): lambda row, erased: row["evidence"] in erased,
    ("given", "until"): lambda row, erased: row["evidence"] in erased,
    ("given", "agency"): lambda row, erased: row["evidence"] in erased,
    ("link", "parent"): lambda row, erased: row["child"] in erased,
    ("link", "kind"): lambda row, erased: row["child"] in erased,
    # Nothing in this home is behind the chain, and nobody but its own people disposed of anything.
    ("erasure", "statement"): lambda row, erased: False,
    ("erasure", "state"): lambda row, erased: False,
    ("crossing", "state"): lambda row, erased: False,
    ("crossing", "offer_time"): lambda row, erased: False,
    ("crossing", "sent"): lambda row, erased: False,
    ("checkpoint", "state"): lambda row, erased: False,
    ("share", "person"): lambda row, erased: row["evidence"] in erased,
    ("share", "statement"): lambda row, erased: row["evidence"] in erased,
    ("person", "number"): lambda row, erased: False,
    ("person", "active"): lambda row, erased: not row["person"].endswith(f"@{NL}"),
    ("release", "statement"): lambda row, erased: False,
    ("person", "hpke"): lambda row, erased: not row["proof"],
    ("person", "proof"): lambda row, erased: False,
    ("person", "custody"): lambda row, erased: False,
    ("enrolment", "roles"): lambda row, erased: not row["certificate"],
}


def changed(value: Any, rng: random.Random) -> Any:
    if isinstance(value, bytes):
        if not value:
            return b"x"
        place = rng.randrange(len(value))
        return value[:place] + bytes([value[place] ^ (1 << rng.randrange(8))]) + value[place + 1 :]
    if isinstance(value, int):
        return value + 1
    if value is None:
        return None
    return value[:-1] + ("b" if value[-1:] != "b" else "c") if value else "x"


def edits(
    database: sqlite3.Connection, table: str, rng: random.Random, most: int
) -> Iterator[tuple[str, int, dict[str, Any], Any]]:
    """Some rows for each column, changed in it."""
    names = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
    found = database.execute(f'SELECT rowid, * FROM "{table}"').fetchall()
    assert found or table in {"holding", "alarm", "identity"}, (
        f"{table} is empty: nothing of it would be tried"
    )
    for number, column in enumerate(names, 1):
        if column in column_sources.FREE.get(table, {}) or (
            column in column_sources.PARTLY.get(table, {}) and (table, column) not in CARRIED
        ):
            continue
        filled = [row for row in found if row[number] is not None]
        for row in rng.sample(filled, min(most, len(filled))):
            yield column, row[0], dict(zip(names, row[1:], strict=True)), changed(row[number], rng)


@pytest.mark.parametrize(
    ("table", "most"),
    [
        *((table, 1) for table in TABLES),
        # Rows of these tables are in different states, and an edit may be found in some alone.
        *(
            pytest.param(table, 3, marks=pytest.mark.nightly)
            for table in ("item", "checkpoint", "crossing", "link")
        ),
    ],
)
def test_every_edited_column_is_found_or_said_to_follow_from_nothing(
    lived: Lived, rng: random.Random, table: str, most: int
) -> None:
    database = sqlite3.connect(lived.desk.path / "ledger.sqlite", isolation_level=None)
    erased = {row[0] for row in database.execute("SELECT evidence FROM erasure")}
    missed = []
    for column, rowid, row, value in list(edits(database, table, rng, most)):
        try:
            database.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (value, rowid))
        except sqlite3.IntegrityError:
            continue
        try:
            codes = lived.check().codes()
        finally:  # where a key is the rowid itself, the row has moved
            moved = (
                database.execute(
                    f'SELECT count(*) FROM "{table}" WHERE rowid = ?', (rowid,)
                ).fetchone()[0]
                == 0
            )
            database.execute(
                f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?',
                (row[column], value if moved else rowid),
            )
        carried = CARRIED.get((table, column))
        if not codes and not (carried is not None and carried(row, erased)):
            missed.append((column, rowid))
    database.close()
    assert missed == []


@pytest.mark.parametrize("table", sorted(set(TABLES) - set(column_sources.ROWS)))
def test_every_deleted_row_is_found(lived: Lived, rng: random.Random, table: str) -> None:
    database = sqlite3.connect(lived.desk.path / "ledger.sqlite", isolation_level=None)
    names = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
    item = {"link": "child", "opening": "evidence", "given": "evidence"}.get(table)
    there = f' WHERE "{item}" NOT IN (SELECT evidence FROM erasure)' if item else ""
    rowid, *row = rng.choice(database.execute(f'SELECT rowid, * FROM "{table}"{there}').fetchall())
    database.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (rowid,))
    try:
        assert lived.check().codes(), row
    finally:
        marks = ", ".join("?" * len(row))
        listed = ", ".join(f'"{name}"' for name in names)
        database.execute(
            f'INSERT INTO "{table}" (rowid, {listed}) VALUES (?, {marks})', (rowid, *row)
        )
        database.close()


def test_a_lost_record_key_of_an_item_with_nothing_but_its_opening_is_told_and_the_rest_is_audited(
    lived: Lived,
) -> None:
    database = sqlite3.connect(lived.desk.path / "ledger.sqlite", isolation_level=None)
    node = lived.desk.node.keys.hpkes[0].public.digest
    [evidence] = database.execute(
        "SELECT evidence FROM item WHERE seq = 0 AND cid IS NOT NULL LIMIT 1"
    ).fetchone()
    [kept] = database.execute(
        "SELECT data FROM 'grant' WHERE evidence = ? AND scope = 'record'", (evidence,)
    ).fetchone()
    where = (evidence, node)
    database.execute(
        "UPDATE 'grant' SET scope = 'lost' WHERE evidence = ? AND scope = 'record' AND recipient = ?",
        where,
    )
    try:
        assert {"grant-missing", "document-differs"} <= lived.check().codes()
    finally:
        database.execute(
            "UPDATE 'grant' SET scope = 'record' WHERE evidence = ? AND scope = 'lost' AND recipient = ?",
            where,
        )
        assert database.execute(
            "SELECT data FROM 'grant' WHERE evidence = ? AND scope = 'record'", (evidence,)
        ).fetchone() == (kept,)
        database.close()


def test_the_home_is_whole_again_and_says_so(lived: Lived) -> None:
    assert lived.check().codes() == set()


def test_a_session_made_up_for_somebody_else_is_found(lived: Lived) -> None:
    """Whoever can write the database must not be able to log in unseen as somebody else."""
    with lived.desk.node.records.write() as unit:
        session = unit.tables.rows("session")[0]
        other = next(one for one in unit.people.all() if one.person != session["person"])
        fresh = unit.sessions.get(session["token"])
        unit.sessions.put(replace(fresh, token=bytes(32), person=other.person))
    try:
        assert lived.check().codes() == {"row-edited"}
    finally:
        with lived.desk.node.records.write() as unit:
            unit.sessions.drop(bytes(32))
