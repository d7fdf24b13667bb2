"""The manifest of a folder, version 2: what was recorded of it, what was left out and why
(docs/format.md).

- every path is the name's bytes below the folder, spelled as pathnames does; no path stands twice
- a member is a file that is an item of its own; a folder is said to be there, empty or not
- what was not recorded stands among the omissions with what it was and the reason; of a symbolic
  link its target
- what the format cannot say is listed in ``LEFT_OUT``
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.domain.codecs import strict_json
from ledger.domain.codecs.digests import check_digests
from ledger.domain.codecs.text import b64url, evidence_bytes, from_b64url, is_version, require
from ledger.domain.files import path_names

MEDIA_TYPE: Final = "application/vnd.custody.manifest+json"
LIMIT: Final = 1 << 30  # bytes: a million files and more
#: Bytes of a manifest that a command reads at once, of some two hundred thousand files: whoever
#: recorded it chose its size.
AT_ONCE: Final = 64 << 20
#: What a file system may know besides, and what this version does not say.
LEFT_OUT: Final = (
    "times of access, change and birth",
    "where the holes of sparse files lie",
    "flags of the file system",
)
KINDS: Final = (
    *(
        "file",
        "folder",
        "symbolic link",
        "named pipe",
        "socket",
        "block device",
        "character device",
    ),
    *("custody's own files", "unknown"),
)
#: The access list of a file on Linux, and in it the rows of 8 bytes behind a version of 4.
_ACCESS: Final = b"system.posix_acl_access"
_ENTRY: Final = struct.Struct("<HHI")
_GROUP: Final = 0x04
_NAMED: Final = (0x02, 0x08)  # a user, a group
_NFS: Final = b"system.nfs4_acl"
_TIME: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})\.[0-9]{9}")
_MODE: Final = re.compile(r"[0-7]{4}")
_CID: Final = re.compile(r"b[a-z2-7]{58}")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the file system says of a file or a folder.

    ``modified``: nanoseconds since 1970, before and after every calendar; ``links``: names that the
    file has, inside the folder or not;
    ``same_as``: path of the member that is the same file under another name; ``attributes``:
    extended ones, access lists among them.
    """

    mode: int
    user: int
    group: int
    modified: int
    links: int = 1
    same_as: bytes | None = None
    sparse: bool = False
    attributes: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def rights(self) -> int:
        """The mode that it is given where its access list is not: under one, the bits of the group
        say what anybody in the list may get at most (acl(5)), and without it the whole group would
        get that. A list may also name somebody who gets less than the rest, and who would be one of
        the rest without it. Of a list that cannot be read the owner alone gets something.
        """
        lists = dict(self.attributes)
        listed = lists.get(_ACCESS)
        if listed is None:
            return self.mode & (0o7700 if _NFS in lists else 0o7777)
        rows = _ENTRY.iter_unpack(listed[4:]) if len(listed) % _ENTRY.size == 4 else ()
        found: list[tuple[int, int]] = [(tag, rights & 7) for tag, rights, _ in rows]
        own = [rights for tag, rights in found if tag == _GROUP]
        if len(own) != 1:
            return self.mode & 0o7700
        group, rest = own[0], 7
        for tag, rights in found:
            if tag in _NAMED:
                rest &= rights & self.mode >> 3
                group &= rights if tag == _NAMED[0] else 7
        return self.mode & (0o7700 | group << 3 | rest)

    def as_json(self) -> dict[str, Any]:
        """Facts of a file, as members of its row."""
        row: dict[str, Any] = {
            "mode": f"{self.mode:04o}",
            "owner": [self.user, self.group],
            "modified": seconds(self.modified),
        }
        if self.links != 1:
            row["links"] = self.links
        if self.same_as is not None:
            row["sameAs"] = path_names.encode(self.same_as)
        if self.sparse:
            row["sparse"] = True
        if self.attributes:
            row["attributes"] = {
                path_names.encode(name): b64url(value) for name, value in self.attributes
            }
        return row


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the folder and the item that it is. ``path`` is relative to the folder."""

    path: bytes
    evidence: str
    size: int
    digests: dict[str, str]
    cid: str
    facts: Facts

    def as_json(self) -> dict[str, Any]:
        """The row."""
        row = {
            "evidence": self.evidence,
            **_path(self.path),
            "size": self.size,
            "digests": self.digests,
            "cid": self.cid,
        }
        return row | self.facts.as_json()


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is there; the path of the uploaded one itself is empty."""

    path: bytes
    facts: Facts

    def as_json(self) -> dict[str, Any]:
        """The row."""
        return _path(self.path) | self.facts.as_json()


@dataclass(frozen=True, slots=True)
class Omission:
    """What was not recorded: what it is, and why. ``target``: what a symbolic link says."""

    path: bytes
    kind: str
    reason: str
    target: bytes | None = None

    def as_json(self) -> dict[str, Any]:
        """The row."""
        row = {**_path(self.path), "kind": self.kind, "reason": self.reason}
        return row if self.target is None else row | {"target": path_names.encode(self.target)}


@dataclass
class Manifest:
    """A folder as it was found."""

    members: list[Member] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)
    omissions: list[Omission] = field(default_factory=list)

    def encode(self) -> bytes:
        """The bytes that become an item."""
        lists = (
            (name, [row.as_json() for row in getattr(self, name)])
            for name in ("members", "folders", "omissions")
        )
        return strict_json.dump({"v": 2, **dict(lists), "leftOut": list(LEFT_OUT)})


def seconds(nanoseconds: int) -> str:
    """Nanoseconds since 1970 as seconds with nine decimals: no calendar, so every time that a file
    system can hold has one.
    """
    sign = "-" if nanoseconds < 0 else ""
    return f"{sign}{abs(nanoseconds) // 10**9}.{abs(nanoseconds) % 10**9:09d}"


def _path(raw: bytes) -> dict[str, str]:
    """The path, and its bytes where they are not plainly those of the text."""
    text = path_names.encode(raw)
    return {"path": text} if text.encode() == raw else {"path": text, "pathBytes": b64url(raw)}


def parse(data: bytes) -> Manifest:
    """Parse a manifest.

    Returns:
        the manifest, every name in its bytes.

    Raises:
        FormatError: another version, an unknown or missing member, or a path that stands twice.
    """
    value = strict_json.parse(data, what="manifest", limit=LIMIT)
    require(
        isinstance(value, dict) and is_version(value.get("v"), 2),
        "manifest: expected version 2",
    )
    require(
        set(value) == {"v", "members", "folders", "omissions", "leftOut"},
        "manifest: unknown or missing member",
    )
    require(value["leftOut"] == list(LEFT_OUT), "manifest: another list of what is left out")
    rows = {name: value[name] for name in ("members", "folders", "omissions")}
    require(
        all(isinstance(listed, list) for listed in rows.values()),
        "manifest: expected lists of members, folders and omissions",
    )
    manifest = Manifest(
        [_member(row) for row in rows["members"]],
        [_folder(row) for row in rows["folders"]],
        [_omission(row) for row in rows["omissions"]],
    )
    files = [member.path for member in manifest.members]
    # A folder may be there and unreadable from some point on.
    gone = {omission.path for omission in manifest.omissions if omission.kind != "folder"}
    require(
        len(set(files)) == len(files) and gone.isdisjoint(files),
        "manifest: a path that stands twice",
    )
    require(
        len({folder.path for folder in manifest.folders}) == len(manifest.folders),
        "manifest: a folder that stands twice",
    )
    require(
        len({omission.path for omission in manifest.omissions}) == len(manifest.omissions),
        "manifest: an omission that stands twice",
    )
    require(manifest.encode() == data, "manifest: not as this version writes it")
    return manifest


_FACTS: Final = frozenset({"mode", "owner", "modified"})
_MORE_FACTS: Final = frozenset({"links", "sameAs", "sparse", "attributes", "pathBytes"})


def _row(row: Any, needed: frozenset[str], allowed: frozenset[str]) -> bytes:
    """The path of a row whose members are as they should be."""
    require(
        isinstance(row, dict) and needed <= set(row) <= needed | allowed,
        "manifest: a row with unknown or missing members",
    )
    require(isinstance(row["path"], str), "manifest: a path is text")
    return path_names.decode(row["path"])


def _facts(row: dict[str, Any]) -> Facts:
    mode, owner, modified, links = row["mode"], row["owner"], row["modified"], row.get("links", 1)
    require(
        isinstance(mode, str) and bool(_MODE.fullmatch(mode)),
        "manifest: a mode is four octal digits",
    )
    require(
        isinstance(owner, list) and len(owner) == 2 and all(_count(number) for number in owner),
        "manifest: an owner is two numbers",
    )
    require(
        isinstance(modified, str) and bool(_TIME.fullmatch(modified)),
        "manifest: a time is seconds with nine decimals",
    )
    same, attributes = row.get("sameAs"), row.get("attributes", {})
    require(_count(links) and (same is None or isinstance(same, str)), "manifest: malformed links")
    require(
        row.get("sparse", True) is True and isinstance(attributes, dict),
        "manifest: malformed facts of a file",
    )
    pairs = tuple(
        (path_names.decode(name), from_b64url(encoded, what="manifest"))
        for name, encoded in attributes.items()
    )
    whole, decimals = modified.lstrip("-").split(".")
    moment = int(whole) * 10**9 + int(decimals)
    return Facts(
        int(mode, 8),
        owner[0],
        owner[1],
        -moment if modified.startswith("-") else moment,
        links,
        None if same is None else path_names.decode(same),
        "sparse" in row,
        pairs,
    )


def _member(row: Any) -> Member:
    path = _row(row, _FACTS | {"evidence", "path", "size", "digests", "cid"}, _MORE_FACTS)
    evidence_bytes(row["evidence"], what="manifest")
    check_digests(row["digests"], what="manifest")
    require(_count(row["size"]) and bool(path), "manifest: a member has a path and a size")
    require(
        isinstance(row["cid"], str) and bool(_CID.fullmatch(row["cid"])),
        "manifest: a CIDv1 in base32 was expected",
    )
    return Member(path, row["evidence"], row["size"], row["digests"], row["cid"], _facts(row))


def _folder(row: Any) -> Folder:
    return Folder(_row(row, _FACTS | {"path"}, _MORE_FACTS), _facts(row))


def _omission(row: Any) -> Omission:
    path = _row(row, frozenset({"path", "kind", "reason"}), frozenset({"target", "pathBytes"}))
    target = row.get("target")
    require(
        row["kind"] in KINDS and isinstance(row["reason"], str) and bool(row["reason"]),
        "manifest: an omission says what it is and why",
    )
    require(target is None or isinstance(target, str), "manifest: a target is text")
    return Omission(
        path, row["kind"], row["reason"], None if target is None else path_names.decode(target)
    )


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
