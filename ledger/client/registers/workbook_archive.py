"""A spreadsheet's own file as what it is, a ZIP archive of XML, read in bounds.

- an archive is judged by its directory before anything is unpacked: number and names of its parts,
  how they are packed, and how long they say that they are; none unpacks to more than it says
- XML has no document type, so it defines no entities, and no tag without end
- what is encrypted, or has macros, is told as that
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Final
from xml.parsers import expat

from ledger.domain.errors import UsageError

#: How archives (ZIP: .xlsx, .xlsm, .ods) and compound files (OLE: .xls, encrypted .xlsx) begin.
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_COMPOUND: Final = bytes.fromhex("d0cf11e0a1b11ae1")
#: A hundred thousand rows of all columns have some 160 MiB of XML.
_UNPACKED: Final = 256 << 20
_PARTS: Final = 10_000
_CHUNK: Final = 64 << 10
#: A tag with all that it says. Expat reads a longer one anew with every chunk.
_TAG: Final = 1 << 20
#: Expat keeps each open tag, and each name that it ever saw.
_DEEP: Final = 100
_KINDS: Final = 5_000
_ENCRYPTED: Final = 0x1
_SAVED: Final = "open it in the spreadsheet program and save it again as .xlsx or .ods"

#: ("<", name, attributes), (">", name, {}) or ("", text, {}). Names are `namespace local`.
Event = tuple[str, str, dict[str, str]]


def is_archive(data: bytes) -> bool:
    """Whether bytes begin as a spreadsheet's own file does, and no table of text."""
    return data.startswith((*_ZIP, _COMPOUND))


def damaged(what: str) -> UsageError:
    """A file that no spreadsheet program writes like that."""
    return UsageError(f"the spreadsheet file is damaged: {what}", hint=_SAVED)


class Archive:
    """The parts of a spreadsheet's file."""

    def __init__(self, data: bytes) -> None:
        """Read the directory.

        Raises:
            UsageError: no such file, or one that is not read.
        """
        _refuse_compound(data)
        if data.count(b"PK\x01\x02") > _PARTS:  # before each becomes an object
            raise damaged("it has too many parts")
        with _unpacking():
            self._file = zipfile.ZipFile(BytesIO(data))
        infos = self._file.infolist()
        self._parts = {info.filename: info for info in infos}
        if len({name.casefold() for name in self._parts}) < len(infos):
            raise damaged("a part stands in it twice")
        for info in infos:
            if info.flag_bits & _ENCRYPTED:
                raise encrypted()
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise damaged("it is packed in an unusual way")
        self._read: dict[str, int] = {}  # how long the parts are that were read

    @property
    def names(self) -> frozenset[str]:
        """Names of all parts."""
        return frozenset(self._parts)

    def read(self, name: str) -> bytes:
        """A part at once.

        Raises:
            UsageError: there is none, or it is damaged or too long.
        """
        return b"".join(self._chunks(name))

    def events(self, name: str) -> Iterator[Event]:
        """What a part of XML says, in order.

        Raises:
            UsageError: as above; no XML, or XML that defines something.
        """
        reading = _Reading()
        given = 0
        try:
            for chunk in self._chunks(name):
                reading.parser.Parse(chunk, False)
                given += len(chunk)
                if given - max(reading.parser.CurrentByteIndex, 0) > _TAG:
                    raise damaged("a part of it is one tag without end")
                yield from reading.found
                reading.found.clear()
            reading.parser.Parse(b"", True)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise damaged("a part of it is no XML") from error
        yield from reading.found

    def _chunks(self, name: str) -> Iterator[bytes]:
        info = self._parts.get(name)
        if info is None:
            raise damaged("a part is missing")
        self._read[name] = info.file_size
        if sum(self._read.values()) > _UNPACKED:
            raise UsageError(
                f"unpacked it is longer than {_UNPACKED >> 20} MiB",
                hint="import it in parts, or save the sheet alone",
            )
        with _unpacking(), self._file.open(info) as part:
            while chunk := part.read(_CHUNK):
                yield chunk


class _Reading:
    """One part of XML, and what was found in it so far."""

    def __init__(self) -> None:
        self.found: list[Event] = []
        self.parser = parser = expat.ParserCreate(namespace_separator=" ")
        self._depth, self._names = 0, set[str | None]()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartNamespaceDeclHandler = self._namespace

    def _start(self, tag: str, said: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEP:
            raise damaged("its tags lie too deep in one another")
        if tag not in self._names or not self._names.issuperset(said):
            self._know(tag, *said)
        self.found.append(("<", tag, said))

    def _end(self, tag: str) -> None:
        self._depth -= 1
        self.found.append((">", tag, {}))

    def _text(self, text: str) -> None:
        self.found.append(("", text, {}))

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        self._know(prefix, uri)

    def _know(self, *names: str | None) -> None:
        self._names.update(names)
        if len(self._names) > _KINDS:
            raise damaged("it has too many kinds of tags")


@contextmanager
def _unpacking() -> Iterator[None]:
    """Tell what is wrong with an archive.

    Raises:
        UsageError: for what zipfile and zlib raise.
    """
    try:
        yield
    except UsageError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        OverflowError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise damaged("it cannot be unpacked") from error


def _refuse_doctype(*_: object) -> None:
    """Entities are made by document types: ten of them, one in the other, are gigabytes."""
    raise damaged("it has a document type, which spreadsheets never write")


def _refuse_compound(data: bytes) -> None:
    if not data.startswith(_COMPOUND):
        return
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise encrypted()
    raise UsageError(
        "an old spreadsheet file (.xls), which is not read",
        hint="save it as .xlsx or .ods in the spreadsheet program",
    )


def encrypted() -> UsageError:
    """A file that needs a password, as a whole or for some of its parts."""
    return UsageError(
        "the spreadsheet file is encrypted",
        hint="open it in the spreadsheet program and save it without a password",
    )


def macros() -> UsageError:
    """A file with macros: what its cells hold may be what a program put there."""
    return UsageError(
        "the spreadsheet file has macros (as .xlsm files do), and is not read",
        hint="save it as .xlsx or .ods without macros",
    )
