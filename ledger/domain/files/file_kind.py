"""What a file is by its first bytes, so that somebody who gave the wrong one is told which it
was.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

#: Bytes that are looked at.
HEAD: Final = 4096

_MAGIC: Final = (
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (0, b"GIF8", "a GIF image"),
    (0, b"II*\x00", "a TIFF image"),
    (0, b"MM\x00*", "a TIFF image"),
    (8, b"WEBP", "a WebP image"),
    (4, b"ftyp", "a video or image (MP4, MOV or HEIC)"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive or an office document"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"SQLite format 3\x00", "an SQLite database"),
    (0, b"EVF\x09\x0d\x0a\xff\x00", "a disk image (E01)"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (0, b"\xd0\xcf\x11\xe0", "an office document"),
    (0, b"-----BEGIN ", "a key or certificate (PEM)"),
    (0, b"urn:custody:log:", "a signed checkpoint of a log"),
    (0, b"\xfe\xff", "a text in UTF-16"),
    (0, b"\xff\xfe", "a text in UTF-16"),
)
_BUNDLE: Final = re.compile(rb"(?:[\xa1-\xb7]|\xb8.)\x61v", re.DOTALL)
#: Our own files of JSON, by their member ``kind``.
_OURS: Final = {
    "custody-trust-root": "a trust root",
    "custody-audit-report": "the report of an audit",
    "custody-alarm": "an alarm of a monitor",
    "custody-founder": "an agency's card for founding",
    "custody-card": "somebody's card for enrolling",
    "custody-parcel": "a parcel between agencies",
}


def is_bundle(head: bytes) -> bool:
    """Whether a file begins like an evidence bundle of any version: a CBOR map whose first member,
    in its order, is the version ``v``.
    """
    return _BUNDLE.match(head) is not None


def is_trust_root(head: bytes) -> bool:
    """Whether a file begins like a trust root."""
    return _kind_of_json(head) == "custody-trust-root"


def describe(head: bytes) -> str:
    """A file in plain words, by its first HEAD bytes."""
    if not head:
        return "an empty file"
    if is_bundle(head):
        return "an evidence bundle"
    for at, mark, words in _MAGIC:
        if head[at : at + len(mark)] == mark:
            return words
    kind = _kind_of_json(head)
    if kind is not None:
        return _OURS.get(kind, "a JSON file")
    if not head.strip(b"\x00"):
        return "a file of zeros"
    try:
        # A cut in the middle of a character says nothing about the file.
        text = codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD)
    except UnicodeDecodeError:
        return "a file of another kind"
    return "a file of another kind" if re.search(r"[\x00-\x08\x0e-\x1f]", text) else "a text"


def _kind_of_json(head: bytes) -> str | None:
    """The member ``kind`` of a JSON object of ours; empty for any other, None for what is no JSON
    object.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith(b"{"):
        return None
    match = re.search(rb'"kind"\s*:\s*"(custody-[a-z-]+)"', text)
    return match[1].decode() if match else ""
