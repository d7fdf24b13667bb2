"""Numbers that are written in several ways: every spelling finds the item, also in a home that an
earlier version made.
"""

from __future__ import annotations

import hmac
import sqlite3
import unicodedata
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.keystore.file import Unlocking
from ledger.app import bootstrap
from ledger.client.intake.upload import UploadOptions, UploadResult
from ledger.domain.event import normalization
from ledger.services.audit.self_check import examine
from ledger.services.audit.self_check_findings import SelfCheckFinding
from ledger.services.registration import reindexing
from tests.support.desk import PASSPHRASE, Desk

NFC = "M\u00fcller-7 / a"


@pytest.mark.parametrize(
    "spelling",
    [
        unicodedata.normalize("NFD", NFC),
        NFC + " ",
        "\t" + NFC,
        NFC.upper(),
        NFC.lower(),
        "M\u00fcller\u20107 / a",
        "M\u00fcller\u22127 / a",
        "M\u00fcller-7  /\u00a0a",
        "\ufeffM\u00fcl\u200bler-7 / a",
        "M\u00fcl\ufe0fler-7 /\u3000\uff21\u3164",
    ],
)
def test_every_spelling_of_a_number_has_one_form(spelling: str) -> None:
    assert normalization.form(spelling) == normalization.form(NFC)


def test_plain_text_has_the_same_form_by_the_short_way_and_by_the_long_one() -> None:
    plain = "".join(map(chr, range(0x20, 0x7F)))
    for text in (plain, f"  {plain}  x  ", plain.swapcase(), "", " ", "--a"):
        assert normalization.form(text) == normalization.form(text + "\u200b")


def test_numbers_that_differ_stay_apart() -> None:
    assert (
        len(
            {
                normalization.form(one)
                for one in (
                    "2026-117",
                    "2026-118",
                    "2026117",
                    "2026 117",
                    "M\u00fcller",
                    "Muller",
                    "Mueller",
                )
            }
        )
        == 7
    )


def test_a_form_stays_as_it_is_when_it_is_formed_again() -> None:
    for text in ("Stra\u00dfe", "\u0130stanbul", "\u1e9e", "\u03a3\u03c2", NFC, " a  b "):
        assert normalization.form(normalization.form(text)) == normalization.form(text)


def _as_an_earlier_version_left_it(
    home: Path, item: str, numbers: dict[str, str], digest: str
) -> None:
    """Tokens over numbers as they were typed, and no word of an index form."""
    keyring = Unlocking(home / "keyring.json", PASSPHRASE).keyring()

    def token(kind: str, *parts: str) -> bytes:
        message = b"".join(
            len(part.encode()).to_bytes(4, "big") + part.encode() for part in (kind, *parts)
        )
        return hmac.new(keyring.get("index"), message, sha256).digest()

    with closing(sqlite3.connect(home / "ledger.sqlite")) as db, db:
        db.execute("DELETE FROM blind_index")
        rows = [(token("identifier", *pair), item) for pair in numbers.items()] + [
            (token("sha-256", digest), item)
        ]
        db.executemany("INSERT INTO blind_index (token, evidence) VALUES (?, ?)", rows)
        db.execute("DELETE FROM index_form")


def _record(desk: Desk, file: Path, **numbers: str) -> UploadResult:
    members = {
        "identifiers": [{"scheme": scheme, "value": value} for scheme, value in numbers.items()]
    }
    [item] = desk.upload(file, options=UploadOptions(members))
    return item


def test_a_home_of_an_earlier_version_finds_its_items_in_every_spelling(
    home_path: Path, tmp_path: Path
) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"a")
    numbers = {"case": NFC + " ", "exhibit": "A1"}
    with Desk(home_path) as desk:
        item = _record(desk, file, **numbers)
    _as_an_earlier_version_left_it(home_path, item.evidence, numbers, item.digests["sha-256"])
    with Desk(home_path) as desk:
        with desk.node.records.read() as unit:
            assert unit.items.index_form() == normalization.VERSION
        assert list(desk.client.search("case", unicodedata.normalize("NFD", NFC.upper()))) == [
            item.evidence
        ]
        assert list(desk.client.search("Exhibit", " a1")) == [item.evidence]
        [opening, *_] = desk.client.details(item.evidence, desk.access(item.evidence))
        assert {
            identifier["scheme"]: identifier["value"]
            for identifier in opening.document["identifiers"]
        } == numbers, "the record keeps what was typed"
        assert not [
            one for one in examine(desk.node, deep=False) if isinstance(one, SelfCheckFinding)
        ]
        file.write_bytes(b"a")
        assert list(_record(desk, file).duplicates) == [item.evidence], "content is found as before"


def test_a_crash_while_the_index_is_made_anew_repeats_it(
    home_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Desk(home_path) as desk:
        items = []
        for number in range(3):
            file = tmp_path / f"{number}"
            file.write_bytes(b"%d" % number)
            items.append(_record(desk, file, case=f"C-{number}"))
    _as_an_earlier_version_left_it(
        home_path, items[0].evidence, {"case": "C-0"}, items[0].digests["sha-256"]
    )
    real, seen = reindexing._index, []

    def dies(*arguments: Any) -> None:
        seen.append(arguments)
        if len(seen) == 2:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(reindexing, "_PAGE", 1)
    monkeypatch.setattr(reindexing, "_index", dies)
    with pytest.raises(KeyboardInterrupt):
        bootstrap.open_home(home_path, Unlocking(home_path / "keyring.json", PASSPHRASE))
    monkeypatch.setattr(reindexing, "_index", real)
    with Desk(home_path) as desk:
        for number, item in enumerate(items):
            assert list(desk.client.search("case", f"c\u2010{number} ")) == [item.evidence]
