r"""Lists of files with their digests, as other programs write them: strictly read, since what is
compared with a list that was misread is not compared.

- `sha256sum`, `sha1sum`, `md5sum` and the like: `HEX  NAME` or `HEX *NAME`, the algorithm by its
  length; a line that begins with a backslash has `\\`, `\n` and `\r` in its name
- the same with `--tag`, and the programs of BSD: `SHA256 (NAME) = HEX`
- `hashdeep`: two lines that begin with `%%%%`, then `size,md5,sha256,filename`

Blank lines and lines that begin with `#` say nothing. Lines may end as Windows ends them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from ledger.domain.errors import FormatError

LIMIT: Final = 256 << 20
_BY_LENGTH: Final = {32: "md5", 40: "sha-1", 64: "sha-256", 96: "sha-384", 128: "sha-512"}
_BY_TAG: Final = {
    b"MD5": "md5",
    b"SHA1": "sha-1",
    b"SHA256": "sha-256",
    b"SHA384": "sha-384",
    b"SHA512": "sha-512",
    b"SHA3-256": "sha3-256",
    b"SHA3-512": "sha3-512",
    b"BLAKE3": "blake3",
}
_LENGTHS: Final = {name: length for length, name in _BY_LENGTH.items()} | {
    "sha3-256": 64,
    "sha3-512": 128,
    "blake3": 64,
}
_OF_HASHDEEP: Final = {b"md5": "md5", b"sha1": "sha-1", b"sha256": "sha-256"}
_PLAIN: Final = re.compile(rb"(\\?)([0-9A-Fa-f]{32,128}) [ *](.+)", re.DOTALL)
_TAGGED: Final = re.compile(rb"(\\?)([A-Z0-9-]+) \((.+)\) = ([0-9A-Fa-f]+)", re.DOTALL)
_HEX: Final = re.compile(rb"[0-9A-Fa-f]+")
_ESCAPED: Final = re.compile(rb"\\(.?)", re.DOTALL)
_ESCAPES: Final = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}
_MAGIC: Final = b"%%%% HASHDEEP-1.0"
_MARK: Final = b"%%%%"
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ListedDigest:
    """A digest that a list says a file has; ``path`` as it stands there, without `./` before it."""

    path: bytes
    algorithm: str
    value: str


def parse(data: bytes) -> list[ListedDigest]:
    """Read a list.

    Returns:
        its digests; absolute paths count from the folder that all of them have in common.

    Raises:
        FormatError: it is none of these, or a file has two digests of one algorithm in it; with the
            number of the line, and nothing of what stands there.
    """
    lines = data.removeprefix(_BOM).split(b"\n")
    lines = [line.removesuffix(b"\r") for line in lines]
    rows = list(_hashdeep(lines) if lines[0] == _MAGIC else _sums(lines))
    if not rows:
        raise FormatError("list of digests: no file stands in it")
    known: dict[tuple[bytes, str], str] = {}
    for number, row in rows:
        if known.setdefault((row.path, row.algorithm), row.value) != row.value:
            raise _wrong(number, "a file that stands in it before, with another digest")
    return _relative([row for _, row in rows])


def _relative(rows: list[ListedDigest]) -> list[ListedDigest]:
    if not all(row.path.startswith(b"/") for row in rows):
        return rows
    top = posixpath.commonpath([row.path.rpartition(b"/")[0] or b"/" for row in rows])
    return [replace(row, path=row.path[len(top) :].lstrip(b"/")) for row in rows]


def _sums(lines: list[bytes]) -> Iterator[tuple[int, ListedDigest]]:
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(b"#"):
            continue
        if plain := _PLAIN.fullmatch(line):
            escaped, digits, name = plain.groups()
            algorithm = _BY_LENGTH.get(len(digits), "")
        elif tagged := _TAGGED.fullmatch(line):
            escaped, tag, name, digits = tagged.groups()
            algorithm = _BY_TAG.get(tag, "")
        else:
            raise _wrong(number, "neither `HEX  NAME` nor `SHA256 (NAME) = HEX`")
        yield number, _row(number, _unescaped(number, name) if escaped else name, algorithm, digits)


def _hashdeep(lines: list[bytes]) -> Iterator[tuple[int, ListedDigest]]:
    columns = lines[1].removeprefix(_MARK).strip().split(b",") if len(lines) > 1 else []
    if columns[:1] != [b"size"] or columns[-1:] != [b"filename"] or len(columns) < 3:
        raise _wrong(2, "no columns of hashdeep: %%%% size,md5,sha256,filename")
    for number, line in enumerate(lines[2:], 3):
        if not line.strip() or line.startswith(b"#"):
            continue
        cells = line.split(b",", len(columns) - 1)
        if len(cells) != len(columns) or not cells[0].isdigit() or not cells[-1]:
            raise _wrong(number, f"not the {len(columns)} columns that it says to have")
        name = cells[-1]
        if re.match(rb"[A-Za-z]:\\|\.?\\", name):  # as Windows writes paths
            name = name.replace(b"\\", b"/")
            name = name[2:] if name[1:2] == b":" else name
        for column, digits in zip(columns[1:-1], cells[1:-1], strict=True):
            if column in _OF_HASHDEEP:  # tiger and whirlpool say nothing here
                yield number, _row(number, name, _OF_HASHDEEP[column], digits)


def _row(number: int, name: bytes, algorithm: str, digits: bytes) -> ListedDigest:
    if _LENGTHS.get(algorithm) != len(digits) or not _HEX.fullmatch(digits):
        raise _wrong(number, "no digest of " + (algorithm or "a known algorithm"))
    while name.startswith(b"./"):
        name = name[2:].lstrip(b"/")
    if not name or b"\x00" in name:
        raise _wrong(number, "no name of a file")
    return ListedDigest(name, algorithm, digits.decode().lower())


def _unescaped(number: int, name: bytes) -> bytes:
    def plain(match: re.Match[bytes]) -> bytes:
        if match[1] not in _ESCAPES:
            raise _wrong(number, "a backslash that stands for nothing")
        return _ESCAPES[match[1]]

    return _ESCAPED.sub(plain, name)


def _wrong(number: int, what: str) -> FormatError:
    return FormatError(
        f"list of digests: line {number} is {what}",
        hint="give a list as sha256sum, md5sum, sha1sum (also with --tag) or hashdeep write it",
    )
