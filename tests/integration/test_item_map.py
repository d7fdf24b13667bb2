"""The item map of a node's log: kept with each checkpoint, and what becomes of it when something
breaks.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from ledger.domain.errors import FrozenError, NotFoundError, StorageError
from ledger.domain.log import item_map, map_tiles
from ledger.services.log import stored_map
from ledger.services.onchain import checkpoint_anchoring
from tests.support import oracle
from tests.support.desk import Desk


def values_at(desk: Desk, size: int) -> tuple[bytes, dict[bytes, bytes]]:
    """Root and values of the map, from the entries alone."""
    log, values = desk.node.log_id, dict[bytes, bytes]()
    with desk.node.records.read() as unit:
        for row in unit.logs.entries(log, 0, size):
            key = item_map.key_of(log, row.evidence)
            before = values.get(key, item_map.EMPTY)
            values[key] = item_map.extend(before, row.index, item_map.entry_hash(row.entry))
    return oracle.map_root(values), values


def kept(desk: Desk) -> dict[tuple[bytes, int], bytes]:
    with desk.node.records.read() as unit:
        rows = unit.tables.rows("map_tile")
    return {(row["prefix"], row["size"]): row["data"] for row in rows}


def recorded(desk: Desk, folder: Path, name: str) -> str:
    path = folder / name
    path.write_bytes(name.encode())
    return desk.upload(path)[0].evidence


def test_each_final_checkpoint_has_the_map_of_its_entries(desk: Desk, tmp_path: Path) -> None:
    items: list[str] = []
    for number in range(3):
        items.append(recorded(desk, tmp_path, f"{number}.jpg"))
        desk.record(items[0], "note", {"text": "again"})
        size = desk.anchor().final
        root, values = values_at(desk, size)
        with desk.node.records.read() as unit:
            for subject in [*items, "urn:custody:agency:NL-POL", "urn:uuid:never"]:
                proof, value = stored_map.prove(unit, desk.node.log_id, size, root, subject)
                key = item_map.key_of(desk.node.log_id, subject)
                assert value == values.get(key)
                item_map.verify(root, key, value, item_map.parse_proof(proof.encode()))
            with pytest.raises(FrozenError, match="leads to root"):
                stored_map.prove(unit, desk.node.log_id, size, bytes(32), items[0])
            with pytest.raises(NotFoundError, match="not kept"):
                stored_map.prove(unit, desk.node.log_id, size - 1, root, items[0])
    # Nothing is kept of what a final checkpoint replaced.
    prefixes = [prefix for prefix, _ in kept(desk)]
    assert len(prefixes) == len(set(prefixes))


def test_a_crash_before_a_checkpoint_is_written_leaves_nothing_of_its_map(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(desk, tmp_path, "a.jpg")
    desk.anchor()
    before, item = kept(desk), recorded(desk, tmp_path, "b.jpg")
    with monkeypatch.context() as patched:

        def killed(*_: object) -> None:
            raise StorageError("killed")

        patched.setattr(checkpoint_anchoring, "stored_map", _Killed(killed))
        with pytest.raises(StorageError):
            checkpoint_anchoring.step(desk.node)
    assert kept(desk) == before
    size = desk.anchor().final
    with desk.node.records.read() as unit:
        root = values_at(desk, size)[0]
        assert stored_map.prove(unit, desk.node.log_id, size, root, item)[1] is not None


class _Killed:
    """The module, whose process ends when the tiles were written and the checkpoint was not."""

    def __init__(self, killed: object) -> None:
        self.derive, self._killed = stored_map.derive, killed

    def keep(self, *arguments: object) -> None:
        stored_map.keep(*arguments)  # type: ignore[arg-type]
        self._killed()  # type: ignore[operator]


def test_tiles_that_were_altered_freeze_the_log_before_anything_false_is_anchored(
    desk: Desk, tmp_path: Path
) -> None:
    keys: dict[bytes, str] = {}
    while len({key[:1] for key in keys}) == len(keys):  # until two stand in a tile below the root
        item = recorded(desk, tmp_path, f"{len(keys)}.jpg")
        keys[item_map.key_of(desk.node.log_id, item)] = item
    desk.anchor()
    deep = max((prefix for prefix, _ in kept(desk)), key=len)
    item = next(keys[key] for key in keys if key.startswith(deep))
    engine = create_engine(f"sqlite:///{desk.path / 'ledger.sqlite'}")
    with engine.begin() as database:
        database.execute(
            text("UPDATE map_tile SET data = zeroblob(length(data)) WHERE prefix = :deep"),
            {"deep": deep},
        )
    engine.dispose()
    desk.record(item, "note", {"text": "again"})
    with pytest.raises(FrozenError, match="item map"):
        desk.anchor()


def test_the_map_is_brought_up_through_checkpoints_that_were_made_without_it(
    desk: Desk, tmp_path: Path
) -> None:
    """A home of an earlier version: its audit rebuilds the tiles checkpoint by checkpoint."""
    for number in range(3):
        recorded(desk, tmp_path, f"{number}.jpg")
        desk.anchor()
    before = kept(desk)
    with desk.node.records.write() as unit:
        for size in {size for _, size in before}:
            unit.logs.drop_map(desk.node.log_id, size)
        newest = unit.checkpoints.newest(desk.node.log_id, ("final",)).size
        derived = stored_map.derive(unit, desk.node.log_id, newest)
        stored_map.keep(unit, desk.node.log_id, derived)
        unit.logs.settle_map(desk.node.log_id, newest)
    assert kept(desk) == before
    assert derived.root == values_at(desk, newest)[0]


def test_a_checkpoint_that_never_reached_the_chain_leaves_no_tiles(
    desk: Desk, tmp_path: Path
) -> None:
    recorded(desk, tmp_path, "a.jpg")
    final = desk.anchor().final
    before = kept(desk)
    recorded(desk, tmp_path, "b.jpg")
    with desk.node.records.write() as unit:
        size = unit.logs.get(desk.node.log_id).size
        stored_map.keep(unit, desk.node.log_id, stored_map.derive(unit, desk.node.log_id, size))
        assert size > final
    assert kept(desk) != before
    with desk.node.records.write() as unit:
        unit.logs.drop_map(desk.node.log_id, size)
    assert kept(desk) == before
    with desk.node.records.read() as unit:
        reader = map_tiles.root(lambda all_: unit.logs.map_tiles(desk.node.log_id, all_, final))
    assert reader == values_at(desk, final)[0]
