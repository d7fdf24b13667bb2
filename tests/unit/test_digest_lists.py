"""Lists of digests, as other programs write them, are read strictly: a line that is misread would be
a file that is not compared.
"""

from __future__ import annotations

import pytest

from ledger.domain.errors import FormatError
from ledger.domain.files.digest_lists import ListedDigest, parse

MD5, SHA1, SHA256, SHA512 = "a" * 32, "b" * 40, "c" * 64, "d" * 128


def rows(text: bytes) -> list[tuple[bytes, str, str]]:
    return [(one.path, one.algorithm, one.value) for one in parse(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{SHA256}  a.txt\n".encode(), [(b"a.txt", "sha-256", SHA256)]),
        (f"{SHA256} *a b.bin".encode(), [(b"a b.bin", "sha-256", SHA256)]),
        (f"{MD5}  ./sub/a\n{SHA1}  sub/b\n".encode(), [
            (b"sub/a", "md5", MD5), (b"sub/b", "sha-1", SHA1)]),
        (f"{SHA512.upper()}  x\r\n".encode(), [(b"x", "sha-512", SHA512)]),
        (f"\\{SHA256}  a\\nb\\\\c\\rd\n".encode(), [(b"a\nb\\c\rd", "sha-256", SHA256)]),
        (f"{SHA256}  a\\nb\n".encode(), [(b"a\\nb", "sha-256", SHA256)]),
        (f"SHA256 (a (1).txt) = {SHA256}\n".encode(), [(b"a (1).txt", "sha-256", SHA256)]),
        (f"SHA3-256 (x) = {SHA256}\n".encode(), [(b"x", "sha3-256", SHA256)]),
        (f"\\MD5 (a\\nb) = {MD5}\n".encode(), [(b"a\nb", "md5", MD5)]),
        (f"\ufeff# made by x\n\n{SHA256}  \u00e9\n".encode(), [("\u00e9".encode(), "sha-256", SHA256)]),
        (f"{SHA256}  \n".encode()[:-1] + b"\xff\n", [(b"\xff", "sha-256", SHA256)]),
        (f"{SHA256}  a\n{SHA256}  a\n".encode(), [(b"a", "sha-256", SHA256)] * 2),
        (f"{SHA256}  /mnt/ev/a\n{SHA256}  /mnt/ev/sub/b\n".encode(), [
            (b"a", "sha-256", SHA256), (b"sub/b", "sha-256", SHA256)]),
        (f"{SHA256}  /a\n".encode(), [(b"a", "sha-256", SHA256)]),
    ],
)  # fmt: skip
def test_what_coreutils_and_bsd_write_is_read(
    text: bytes, expected: list[tuple[bytes, str, str]]
) -> None:
    assert rows(text) == expected


def test_what_hashdeep_writes_is_read_with_commas_in_names_and_paths_of_windows() -> None:
    head = (
        "%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## Invoked from: /x\n## $ hashdeep\n##\n"
    )
    text = f"{head}12,{MD5},{SHA256},/x/a,b.txt\n0,{MD5},{SHA256},/x/sub/c\n"
    assert parse(text.encode()) == [
        ListedDigest(b"a,b.txt", "md5", MD5),
        ListedDigest(b"a,b.txt", "sha-256", SHA256),
        ListedDigest(b"sub/c", "md5", MD5),
        ListedDigest(b"sub/c", "sha-256", SHA256),
    ]
    text = f"{head}12,{MD5},{SHA256},C:\\ev\\a.txt\n12,{MD5},{SHA256},C:\\ev\\s\\b\n"
    assert {one.path for one in parse(text.encode())} == {b"a.txt", b"s/b"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no file stands in it"),
        ("\n# nothing\n", "no file stands in it"),
        (f"{SHA256}  a\nrubbish\n", "line 2 is neither"),
        (f"{SHA256} a\n", "line 1 is neither"),
        (f"{SHA256[:-1]}  a\n", "line 1 is no digest of a known algorithm"),
        (f"SHA256 (a) = {MD5}\n", "line 1 is no digest of sha-256"),
        (f"CRC32 (a) = {MD5}\n", "line 1 is no digest of a known algorithm"),
        (f"\\{SHA256}  a\\xb\n", "line 1 is a backslash that stands for nothing"),
        (f"{SHA256}  ./\n", "line 1 is no name of a file"),
        (f"{SHA256}  a\n{'e' * 64}  ./a\n", "line 2 is a file that stands in it before"),
        ("%%%% HASHDEEP-1.0\n", "line 2 is no columns"),
        ("%%%% HASHDEEP-1.0\n%%%% size,filename\n1,a\n", "line 2 is no columns"),
        (f"%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n{MD5},a\n", "line 3 is not the 3 columns"),
        (f"%%%% HASHDEEP-1.0\n%%%% size,md5,filename\nx,{MD5},a\n", "line 3 is not the 3 columns"),
        (f"%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n1,{SHA1},a\n", "line 3 is no digest of md5"),
    ],
)
def test_a_line_that_is_none_is_told_by_its_number_and_the_list_is_not_taken(
    text: str, why: str
) -> None:
    with pytest.raises(FormatError, match=why):
        parse(text.encode())
