"""A bundle has two doors, as bytes and parsed: both judge alike, and behind none of them is it
parsed again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.commands import verify as command
from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle import trust
from ledger.domain.codecs import cbor
from ledger.domain.verify import Status, Verdict, verify, verify_bundle

VECTORS = Path(__file__).parents[1] / "vectors" / "bundle"
NAMES = ("good", "document-changed", "header-cut", "an-event-twice", "certificate-revoked")


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the bundles that were decoded."""
    sizes: list[int] = []
    real: Callable[..., Any] = cbor.decode

    def counted(data: bytes, *, what: str) -> Any:
        if what == "bundle":
            sizes.append(len(data))
        return real(data, what=what)

    monkeypatch.setattr(cbor, "decode", counted)
    return sizes


@pytest.mark.parametrize("name", NAMES)
def test_both_doors_judge_alike(name: str) -> None:
    data = (VECTORS / f"{name}.bundle").read_bytes()
    root = trust.parse((VECTORS / "trust.json").read_bytes())
    whole = verify(data, root).as_json()
    assert verify_bundle(bundles.parse(data), root, size=len(data)).as_json() == whole
    assert verify_bundle(bundles.parse(data), root).as_json() == whole


def test_a_bundle_is_parsed_once_however_much_is_asked_of_it(
    parsed: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, file = VECTORS / "good.bundle", tmp_path / "file"
    file.write_bytes(b"another file")
    code = command.run(path, file, VECTORS / "trust.json", "", timeline=True)
    assert code == 1
    assert "the life of the item" in capsys.readouterr().out
    assert parsed == [path.stat().st_size]


def test_a_node_that_verifies_what_it_parsed_does_not_parse_it_again(parsed: list[int]) -> None:
    data = (VECTORS / "good.bundle").read_bytes()
    root = trust.parse((VECTORS / "trust.json").read_bytes())
    assert verify_bundle(bundles.parse(data), root).verdict is Verdict.VERIFIED
    assert len(parsed) == 1


def test_a_parsed_bundle_of_arrays_of_nothing_is_refused_by_its_size_too() -> None:
    data = (VECTORS / "good.bundle").read_bytes()
    root = trust.parse((VECTORS / "trust.json").read_bytes())
    bundle = bundles.parse(data)
    heavy = replace(bundle.statements[0], document=b"[" + b"[]," * 200_000 + b"[]]")
    report = verify_bundle(replace(bundle, statements=(heavy, *bundle.statements[1:])), root)
    assert report.steps[1].status is Status.FAILED
    assert "too many values" in report.steps[1].detail
