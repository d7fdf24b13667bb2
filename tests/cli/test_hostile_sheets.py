"""A spreadsheet's own file that harms whoever opens it, or that programs read differently."""

from __future__ import annotations

import resource
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from ledger.client.registers import register_table
from ledger.domain.errors import UsageError
from tests.support.workbooks import (
    HEAD,
    ROW,
    archive,
    ods,
    ods_of,
    ods_parts,
    ods_row,
    parts_of,
    said,
    xlsx,
)


def changed(data: bytes, part: str, old: str, new: str) -> bytes:
    parts = parts_of(data)
    text = parts[part]
    assert isinstance(text, bytes)
    assert old.encode() in text
    return archive({**parts, part: text.replace(old.encode(), new.encode())})


GOOD = xlsx([HEAD, ROW])
GOOD_ODS = ods([HEAD, ROW])
BOMB = "<!DOCTYPE a [" + "".join(
    f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 100}">' for n in range(12)
) + "]>"  # fmt: skip


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00", "is damaged: it cannot be unpacked"),
        (b"PK\x05\x06" + bytes(18), "an archive, and neither CSV nor a spreadsheet"),
        (GOOD[: len(GOOD) // 2], "is damaged: it cannot be unpacked"),
        (archive({"a": "b"}), "an archive, and neither CSV nor a spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "an old spreadsheet file"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "is encrypted",
        ),
        (archive({**parts_of(GOOD_ODS), "Basic/script-lc.xml": "<a/>"}), "has macros"),
        (archive(ods_parts("", manifest="<manifest:encryption-data/>")), "is encrypted"),
        (archive({**ods_parts(""), "mimetype": "application/vnd.oasis.opendocument.text"}), "and no spreadsheet"),
        (changed(GOOD, "[Content_Types].xml", "spreadsheetml.sheet.main+xml", "wordprocessingml.document.main+xml"),
         "and no workbook"),
        (changed(GOOD, "[Content_Types].xml",
                 "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
                 "application/vnd.ms-excel.sheet.macroEnabled.main+xml"), "has macros"),
        (changed(GOOD, "xl/_rels/workbook.xml.rels", '/worksheet"', '/xlMacrosheet"'), "has macros"),
        (changed(GOOD, "xl/worksheets/sheet1.xml", "<worksheet", BOMB + "<worksheet"), "it has a document type"),
        (changed(GOOD_ODS, "content.xml", "<office:document-content", BOMB + "<office:document-content"),
         "it has a document type"),
        (changed(GOOD, "xl/worksheets/sheet1.xml", 'r="2"', 'r="1"'), "its rows are out of order"),
        (changed(GOOD, "xl/worksheets/sheet1.xml", 'r="B2"', 'r="A2"'), "its cells are out of order"),
        (changed(GOOD, "xl/worksheets/sheet1.xml", 'r="B2"', 'r="B3"'), "a cell stands in another row"),
        (changed(GOOD, "xl/worksheets/sheet1.xml", "</worksheet>", ""), "a part of it is no XML"),
        (changed(GOOD, "xl/worksheets/sheet1.xml", "<sheetData>", "<sheetData>" + "<a>" * 200), "too deep"),
        (changed(GOOD, "xl/worksheets/sheet1.xml", "<sheetData>", "<sheetData>" + "".join(f"<a{n}/>" for n in range(6000))),
         "too many kinds"),
        (changed(GOOD, "xl/worksheets/sheet1.xml", "<sheetData>", "<sheetData a='" + "x" * (3 << 20) + "'>"),
         "one tag without end"),
        (changed(GOOD_ODS, "content.xml", "<table:table ", "<table:table table:name='a'><table:table-source/></table:table><table:table "),
         "is linked to another file"),
    ],
)  # fmt: skip
def test_what_is_no_sheet_that_is_read_is_told_in_plain_words(data: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        register_table.read(data)


def flagged(data: bytes) -> bytes:
    """The same archive, whose entries say that they are encrypted."""
    found, at = bytearray(data), 0
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = 0
        while (at := data.find(mark, at)) >= 0:
            found[at + flags] |= 1
            at += 4
    return bytes(found)


def understated(data: bytes) -> bytes:
    """The same archive, whose directory says that each part is ten bytes long."""
    found, at = bytearray(data), 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        found[at + 24 : at + 28] = (10).to_bytes(4, "little")
        at += 4
    return bytes(found)


def twice(data: bytes) -> bytes:
    parts = parts_of(data)
    return archive({**parts, "XL/worksheets/SHEET1.xml": parts["xl/worksheets/sheet1.xml"]})


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (flagged(GOOD), "is encrypted"),
        (twice(GOOD), "a part stands in it twice"),
        (understated(GOOD), "it cannot be unpacked"),
        (archive(parts_of(GOOD), zipfile.ZIP_LZMA), "packed in an unusual way"),
    ],
)
def test_an_archive_that_programs_read_differently_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        register_table.read(data)


def grown(data: bytes, part: str, filler: bytes, mib: int) -> bytes:
    """An archive one part of which is that long once it is unpacked."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in parts_of(data).items():
            with file.open(name, "w") as member:
                member.write(text if isinstance(text, bytes) else text.encode())
                for _ in range(mib if name == part else 0):
                    member.write(filler * ((1 << 20) // len(filler)))
    return out.getvalue()


def bombs() -> list[bytes]:
    """Files of at most a few megabytes, each of which would be gigabytes."""
    giant = grown(GOOD, "xl/worksheets/sheet1.xml", b" " * 64, 300)
    filled = said("x", ' table:number-columns-repeated="16000"')
    repeated = ods_of(
        ods_row(*map(said, HEAD))
        + ods_row(filled, said_of_row=' table:number-rows-repeated="1000000"')
    )
    empty = '<table:table-cell table:number-columns-repeated="16384"/>'
    many = archive({f"{n}": b"" for n in range(20_000)}, zipfile.ZIP_STORED)
    tables = archive(ods_parts(f'<table:table table:name="a">{ods_row(empty)}</table:table>' * 400))
    return [giant, repeated, many, tables]


def test_bombs_are_refused_in_little_memory_and_time(tmp_path: Path) -> None:
    for number, data in enumerate(bombs()):
        (tmp_path / str(number)).write_bytes(data)
    code = (
        "import sys; from pathlib import Path; from ledger.client.registers import register_table\n"
        "from ledger.domain.errors import UsageError\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    try: register_table.read(path.read_bytes())\n"
        "    except UsageError as error: print(error.message)\n"
    )

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        preexec_fn=bounded, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "unpacked it is longer than 256 MiB",
        "more than 2,400,000 filled cells",
        "the spreadsheet file is damaged: it has too many parts",
        "the spreadsheet file is damaged: it has 400 sheets",
    ], done.stderr
