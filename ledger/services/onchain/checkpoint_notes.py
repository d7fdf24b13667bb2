"""Signed notes of checkpoints: each under the log key of the descriptor's version that the chain
names for it.

Which version that is, the block says in which the checkpoint is mined: a note that was signed
before, under the key of a version that was in force until then, is signed anew. An old log key is
kept until nothing of its time can be mined or proven with it any more.
"""

from __future__ import annotations

from dataclasses import replace

from ledger.domain.errors import CustodyError
from ledger.domain.log import receipt as receipts
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node import log_keys
from ledger.services.node.context import Node


def signed(
    node: Node,
    unit: UnitOfWork,
    size: int,
    root: bytes,
    map_root: bytes,
    *,
    version: int | None = None,
    kept: bytes = b"",
) -> bytes:
    """The note of a checkpoint of our log; the same bytes every time.

    Args:
        version: the one that the chain names; None while it is not mined, when any key of ours may
            have signed it.
        kept: a note that is at hand; it counts where it says the same under the right key, whether
            that key is still held or not.

    Raises:
        KeyringError: the key is not held, and no note under it is at hand.
    """
    named = (
        [log_keys.version(unit, version)] if version is not None else log_keys.every_version(unit)
    )
    if kept and any(_says(node, kept, size, root, map_root, one.log_key) for one in named):
        return kept
    key = node.log_key(unit, version)
    return receipts.sign_checkpoint(
        key, log_id=node.log_id, size=size, root=root, map_root=map_root
    ).note


def _says(node: Node, note: bytes, size: int, root: bytes, map_root: bytes, key: bytes) -> bool:
    try:
        parsed = receipts.parse_checkpoint(note)
        receipts.verify_checkpoint(parsed, key)
    except CustodyError:
        return False
    said = (parsed.log_id, parsed.size, parsed.root, parsed.map_root)
    return said == (node.log_id, size, root, map_root)


def give_up_old_keys(node: Node) -> None:
    """Destroy every log key that no version names which is in force, to come, or named by the
    newest final checkpoint; none while a checkpoint is on its way.

    Receipts in bundles are at the newest final checkpoint, and so under its version's key: older
    ones are needed for nothing that is still to be signed.
    """
    with node.records.read() as unit:
        newest = unit.checkpoints.newest(node.log_id, ("final",))
        if newest is None or unit.checkpoints.newest(node.log_id, ("submitted", "anchored")):
            return
        first = min(newest.version, node.descriptor(unit).version)
        every = log_keys.every_version(unit)
    needed = {one.log_key for one in every if one.version >= first}
    old = {one.log_key for one in every} - needed
    keys = tuple(key for key in node.keys.logs if log_keys.public(key) not in old)
    if keys != node.keys.logs:
        node.keep_log_keys(keys)
        node.keys = replace(node.keys, logs=keys)
