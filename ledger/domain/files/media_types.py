"""The media type that a name suggests: by a table that is the same on every machine, never by what
the system has installed.

What is compressed has the type of the compression, whatever is inside: the bytes that are signed
are the compressed ones.
"""

from __future__ import annotations

import mimetypes
from typing import Final

UNKNOWN: Final = "application/octet-stream"
# The table of the language, without the system's files.
_BY_ENDING: Final = dict(mimetypes.MimeTypes().types_map[True])
_MORE: Final = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".pcap": "application/vnd.tcpdump.pcap",
    ".sqlite": "application/vnd.sqlite3",
    ".mkv": "video/x-matroska",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".flac": "audio/flac",
    ".md": "text/markdown",
}
_COMPRESSED: Final = {
    ".gz": "application/gzip",
    ".tgz": "application/gzip",
    ".taz": "application/gzip",
    ".tz": "application/gzip",
    ".svgz": "application/gzip",
    ".bz2": "application/x-bzip2",
    ".tbz2": "application/x-bzip2",
    ".xz": "application/x-xz",
    ".txz": "application/x-xz",
    ".lzma": "application/x-lzma",
    ".lz": "application/x-lzip",
    ".lz4": "application/x-lz4",
    ".z": "application/x-compress",
    ".zst": "application/zstd",
    ".tzst": "application/zstd",
    ".br": "application/x-brotli",
    ".7z": "application/x-7z-compressed",
    ".rar": "application/vnd.rar",
    ".zip": "application/zip",
}


def of_name(name: str) -> str:
    """The media type of a file of this name; only its last ending counts."""
    stem, dot, ending = name.rpartition(".")
    if not stem.strip(".") or not dot:  # no ending, or a hidden file
        return UNKNOWN
    ending = f".{ending.lower()}"
    return _COMPRESSED.get(ending) or _MORE.get(ending) or _BY_ENDING.get(ending) or UNKNOWN
