"""What the chain tells, rebuilt: descriptors, transactions of the anchoring account, and
checkpoints.

The database is looked at before the chain: whatever the home says that the chain has taken must be
there, and the chain may know more.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from ledger.domain.audit.contract_events import CheckpointAnchored, DescriptorPublished
from ledger.domain.chain import contract_layout
from ledger.domain.chain.transactions import Anchored, SentCall
from ledger.domain.errors import CustodyError
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.names import agency_id
from ledger.domain.log import merkle
from ledger.rows.agencies import DescriptorRow
from ledger.rows.logs import TransactionRow
from ledger.rows.states import CheckpointState
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.audit.rebuilding import Rebuild
from ledger.services.audit.row_comparison import shown
from ledger.services.log import merkle_log, stored_map
from ledger.services.onchain import checkpoint_anchoring, transfer_steps

_Sent = dict[Anchored, list[SentCall]]


def rebuild_descriptors(book: Rebuild) -> None:
    """Versions of descriptors, ours and partners', as the registry committed to them."""
    node = book.node
    published: dict[tuple[bytes, int], DescriptorPublished] = {
        (version_row.agency, version_row.version): version_row
        for version_row in book.state.published()
    }
    seen = set()
    for table in ("descriptor", "partner_descriptor"):
        for _, into, page in book.pages(table):
            for row in page:
                with book.guarded(f"{table} {row['version']}"):
                    parsed = descriptors.parse(row["document"])
                    version_row = published.get((agency_id(parsed.agency), parsed.version))
                    if (
                        version_row is None
                        or version_row.digest != sha256(row["document"]).digest()
                    ):
                        continue
                    book.authorities += [
                        der for der in parsed.authorities if der not in book.authorities
                    ]
                    made = DescriptorRow(
                        parsed.version, row["document"], version_row.active_from, version_row.block
                    )
                    if table == "descriptor" and parsed.agency == node.agency:
                        seen.add(parsed.version)
                        into.authority.put_descriptor(made)
                    elif table == "partner_descriptor" and parsed.agency != node.agency:
                        into.partners.put_descriptor(parsed.agency, made)
    for (agency, version), version_row in published.items():
        if agency == agency_id(node.agency) and version not in seen:
            expected = contract_layout.descriptor_commitment(
                version_row.digest, version_row.active_from, version_row.block
            )
            # Not one that was cancelled.
            if node.contracts.descriptor_commitment(agency, version) == expected:
                book.find("row-missing", f"descriptor {version}", "the registry has one", "none")


def rebuild_checkpoints(book: Rebuild) -> None:
    """Transactions as their bytes say; checkpoints from what the contract took, with the
    transaction that it took.
    """
    sent = _transactions(book)
    with book.node.records.read() as unit, book.into.write() as into:
        last = 0
        for checkpoint in book.state.checkpoints(book.node.log_id, after=0):
            here = {"log": checkpoint.log, "size": checkpoint.size}
            if not unit.tables.rows("checkpoint", **here) and book.node.has_come(
                "checkpoint", **here
            ):
                continue  # anchored while this looks at an earlier moment
            with book.guarded(f"checkpoint {checkpoint.size}"):
                _anchored(book, unit, into, checkpoint, sent)
                _compare_map(book, into, checkpoint)
            last = checkpoint.size
        for row in unit.tables.rows("checkpoint", log=book.node.log_id):
            if isinstance(row["size"], int) and row["size"] > last:
                with book.guarded(f"checkpoint {row['size']}"):
                    _pending(book, into, row, last, sent)


def _compare_map(book: Rebuild, into: UnitOfWork, checkpoint: CheckpointAnchored) -> None:
    """Bring the item map up to a checkpoint as it was when that was made, and compare its root."""
    if not book.whole:
        return
    log = checkpoint.log
    derived = stored_map.derive(into, log, checkpoint.size)
    stored_map.keep(into, log, derived)
    newest = into.checkpoints.newest(log, ("final",))
    if newest is not None and newest.size == checkpoint.size:
        into.logs.settle_map(log, checkpoint.size)
    if derived.root != checkpoint.map_root:
        book.find(
            "map-differs",
            f"checkpoint {checkpoint.size}",
            f"map root {checkpoint.map_root.hex()}, anchored in block {checkpoint.block}",
            f"the entries give {derived.root.hex()}",
        )


def _transactions(book: Rebuild) -> _Sent:
    """Transactions by what they anchor."""
    node, sent, nonces = book.node, _Sent(), set()
    for _, into, page in book.pages("chain_transaction"):
        for row in page:
            place = f"chain_transaction {shown(row['hash'])}"
            try:
                call = node.contracts.read_transaction(row["raw"])
            except (CustodyError, TypeError) as error:
                what = error.message if isinstance(error, CustodyError) else "no bytes"
                book.find("row-edited", place, "a transaction of the anchoring account", what)
                book.reported.add(place)
                continue
            if call.sender != node.keys.anchorer_address:
                continue
            nonces.add(call.nonce)
            kind = checkpoint_anchoring.KIND if call.anchored is not None else transfer_steps.KIND
            into.checkpoints.put_transaction(
                TransactionRow(call.hash, kind, call.nonce, row["raw"])
            )
            if call.anchored is not None:
                sent.setdefault(call.anchored, []).append(call)
            else:
                book.calls.setdefault(call.digest, []).append(call)
    for number in range(node.contracts.chain.nonce(node.keys.anchorer_address)):
        # Each was written down before it was sent.
        if number not in nonces and not node.has_come("chain_transaction", nonce=number):
            book.find(
                "row-missing",
                f"chain_transaction of nonce {number}",
                "the anchoring account sent one",
                "none",
            )
    return sent


def _anchored(
    book: Rebuild, unit: UnitOfWork, into: UnitOfWork, checkpoint: CheckpointAnchored, sent: _Sent
) -> None:
    node, chain = book.node, book.node.contracts.chain
    anchored = (checkpoint.prev, checkpoint.size, checkpoint.root, checkpoint.map_root)
    stored = next(
        iter(unit.tables.rows("checkpoint", log=checkpoint.log, size=checkpoint.size)), None
    )
    for call in sent.get(anchored, []):
        receipt = chain.receipt(call.hash)
        if receipt is None or not receipt.succeeded or receipt.block != checkpoint.block:
            continue
        kept = stored["note"] if stored is not None else b""
        row = checkpoint_anchoring.submitted(node, unit, *anchored, call.hash, kept=kept)
        newest = unit.checkpoints.newest(checkpoint.log, ("submitted", "anchored", "final"))
        behind = (
            stored["state"]
            if stored is not None and newest is not None and newest.size == checkpoint.size
            else "final"
        )
        if behind == "submitted":  # the node has not looked at the chain since
            into.checkpoints.put(row)
            return
        # A chain whose blocks are final at once knows no such state.
        waits = behind == "anchored" and chain.head().number > chain.final()
        state: CheckpointState = "anchored" if waits else "final"
        into.checkpoints.put(
            checkpoint_anchoring.mined(
                node,
                unit,
                row,
                state,
                checkpoint.version,
                chain.block(checkpoint.block),
                receipt.gas_used,
            )
        )
        return
    book.find(
        "row-missing",
        f"chain_transaction of the checkpoint {checkpoint.size}",
        "the transaction that the contract took",
        "none",
    )


def _pending(book: Rebuild, into: UnitOfWork, row: dict[str, Any], last: int, sent: _Sent) -> None:
    """A checkpoint on its way: the tree's root, in a transaction that is written down."""
    node, chain = book.node, book.node.contracts.chain
    if not book.whole:
        return
    root = merkle.root_of(row["size"], merkle_log.reader(into, node.log_id))
    derived = stored_map.derive(into, node.log_id, row["size"])
    stored_map.keep(into, node.log_id, derived)
    anchored = (last, row["size"], root, derived.root)
    calls = sent.get(anchored, [])
    # Where a fee was raised there are several: the row names the newest, or the one that was mined.
    for call in sorted(calls, key=lambda one: one.hash == row["transaction"]):
        receipt = chain.receipt(call.hash)
        made = checkpoint_anchoring.submitted(node, into, *anchored, call.hash, kept=row["note"])
        if receipt is not None and receipt.succeeded and row["state"] == "anchored":
            version = node.contracts.active_version(node.keys.anchorer_address, receipt.block)
            into.checkpoints.put(
                checkpoint_anchoring.mined(
                    node,
                    into,
                    made,
                    "anchored",
                    version,
                    chain.block(receipt.block),
                    receipt.gas_used,
                )
            )
        elif call.hash == row["transaction"] or (
            receipt is None and chain.nonce(node.keys.anchorer_address) <= call.nonce
        ):
            into.checkpoints.put(made)
