"""The doctor's checks of log and checkpoints: the smallest parts, and what they give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.domain.chain import contract_layout
from ledger.domain.codecs.text import counted
from ledger.domain.errors import CustodyError
from ledger.domain.identity import certificate as certificates
from ledger.domain.log import merkle
from ledger.domain.log import statement as statements
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.audit.chain_events import Progress
from ledger.services.audit.self_check_findings import RESTORE, SelfCheckFinding
from ledger.services.log import merkle_log
from ledger.services.node.context import Node

_PAGE: Final = 256


def check_log(node: Node, progress: Progress) -> Iterator[SelfCheckFinding | int]:
    """Every entry parses, is where its index says, hashes to its digest, verifies, and the tiles
    give the same root.
    """
    with node.records.read() as unit:
        log = merkle_log.require_log(unit, node.log_id)
        frontier, advance = merkle.Frontier(), progress("checking the log", log.size)
        for start in range(0, log.size, _PAGE):
            rows = unit.logs.entries(node.log_id, start, min(start + _PAGE, log.size))
            if not rows:  # of a size that was made up there would be no end
                yield SelfCheckFinding("log", f"entry {start} is missing", RESTORE)
                return
            for index, row in enumerate(rows, start):
                if row.index != index:
                    yield SelfCheckFinding("log", f"entry {index} is missing", RESTORE)
                    return
                yield from _check_entry(unit, row)
                frontier.append(merkle.leaf_hash(row.entry))
                yield 1
            advance(len(rows))
        if frontier.size != log.size:
            yield SelfCheckFinding(
                "log", f"{counted(frontier.size, 'entry')} found, {log.size} expected", RESTORE
            )
        elif frontier.root() != merkle.root_of(log.size, merkle_log.reader(unit, node.log_id)):
            yield SelfCheckFinding("log", "entries and tiles give different roots", RESTORE)


def _check_entry(unit: UnitOfWork, row: EntryRow) -> Iterator[SelfCheckFinding]:
    try:
        statement = statements.parse_entry(row.entry)
        der = unit.people.certificate(statement.certificate)
        if der is None:
            yield SelfCheckFinding(
                "log", f"the certificate of entry {row.index} is missing", RESTORE
            )
            return
        statements.verify_signature(statement, certificates.parse(der).key)
    except CustodyError as error:
        yield SelfCheckFinding("log", f"entry {row.index}: {error.message}", RESTORE)


def check_checkpoints(node: Node, progress: Progress) -> Iterator[SelfCheckFinding | int]:
    """Every final checkpoint has the root of the tree and the commitment of the contract; the
    contract knows no more.
    """
    with node.records.read() as unit:
        read = merkle_log.reader(unit, node.log_id)
        after, newest = 0, 0
        size = merkle_log.require_log(unit, node.log_id).size
        advance = progress("checking checkpoints", size)
        while rows := unit.checkpoints.page(node.log_id, after=after):
            for row in rows:
                if merkle.root_of(row.size, read) != row.root:
                    yield SelfCheckFinding(
                        "checkpoints",
                        f"the checkpoint of {counted(row.size, 'entry')} has another "
                        "root than the log",
                        RESTORE,
                    )
                if row.state == "final":
                    newest = row.size
                    expected = contract_layout.checkpoint_commitment(
                        row.prev,
                        row.size,
                        row.root,
                        row.map_root,
                        row.version,
                        row.time,
                        row.block,
                    )
                    if node.contracts.checkpoint_commitment(node.log_id, row.size) != expected:
                        yield SelfCheckFinding(
                            "checkpoints",
                            f"the contract holds another commitment for "
                            f"{counted(row.size, 'entry')}",
                            RESTORE,
                        )
                yield 1
            advance(rows[-1].size - after)
            after = rows[-1].size
        sent = newest_sent(node, unit)
    on_chain = node.contracts.latest(node.log_id).size
    if on_chain > sent:  # one may have been anchored meanwhile: it was written down before
        with node.records.read() as unit:
            sent = newest_sent(node, unit)
    if on_chain > sent:
        yield SelfCheckFinding(
            "checkpoints",
            f"the contract knows {counted(on_chain, 'entry')}, this home sent {sent} to it",
            (
                "this home is older than the chain: restore the newest backup; if there is none, "
                "the agencies vote for the next log number"
            ),
            home_is_whole=True,
        )
    elif on_chain < newest:
        yield SelfCheckFinding(
            "checkpoints",
            f"the contract knows {counted(on_chain, 'entry')}, {newest} were final",
            "the chain was rolled back: ask its operators",
        )


def newest_sent(node: Node, unit: UnitOfWork) -> int:
    """How many entries the newest checkpoint has that was ever sent to the contract, as far as the
    home knows.
    """
    newest = unit.checkpoints.newest(node.log_id, ("submitted", "anchored", "final"))
    return newest.size if newest is not None else 0
