"""A folder while it is recorded: its manifest, and what its event says of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ledger.client.files import folder_walk
from ledger.client.intake.file_draft import FileDraft
from ledger.client.intake.part_numbers import PartNumbers
from ledger.client.intake.upload_attempts import UploadResult
from ledger.client.intake.upload_drafts import described, name_members
from ledger.client.intake.upload_request import UploadRequest
from ledger.domain.files import manifest, path_names
from ledger.domain.files.manifest import Facts, Manifest, Member, Omission

#: Omissions in the event itself, and characters of their paths: a document holds 1 MiB, the
#: manifest all.
_MOST: Final = (1000, 200_000)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was given, or lies in a given folder, and was not recorded. ``lost``: it would
    have been, but it could not be read, or looks like a file of custody's own; ``excluded``: on
    purpose.
    """

    path: str
    kind: str
    reason: str
    lost: bool
    excluded: bool = False

    @classmethod
    def of(cls, omission: Omission, path: Path) -> LeftOut:
        """What an omission of a folder's manifest is told as."""
        excluded = folder_walk.is_excluded(omission)
        lost = omission.kind in ("file", "folder", "unknown") or (
            omission.kind == folder_walk.OWN and omission.reason != folder_walk.IN_USE
        )
        return cls(str(path), omission.kind, omission.reason, lost and not excluded, excluded)


class Gathering:
    """A folder while it is recorded: the manifest, and the members that wait for their
    acknowledgement.

    Args:
        parts: the exhibit numbers of its files; None where it has none itself.
    """

    def __init__(self, given: UploadRequest, parts: PartNumbers | None) -> None:
        self.given = given
        self._parts = parts
        self.earlier = ""  # the number under which the folder was recorded before
        self.manifest = Manifest()
        self._names: dict[tuple[int, int], bytes] = {}
        self._waiting: dict[str, tuple[bytes, Facts]] = {}

    def path(self, relative: bytes) -> Path:
        """Where something in the folder is, as the person spelled it."""
        return self.given.path / os.fsdecode(relative)

    def draft(self, relative: bytes) -> FileDraft:
        """A file of the folder, as it is to be recorded."""
        given = self.given
        names = name_members(relative.rpartition(b"/")[2], relative, {})
        return FileDraft(
            given, self.path(relative), given.place_of(relative), given.details_of(relative),
            described(names, {**given.options.body, "source": given.source}), self._parts,
            given.options.event_type, self.earlier,
        )  # fmt: skip

    def described(self) -> dict[str, Any]:
        """What the record of the folder says of its content, once all members are known."""
        members, omissions = self.manifest.members, self.manifest.omissions
        members.sort(key=lambda member: member.path)
        return {
            "mediaType": manifest.MEDIA_TYPE,
            "count": len(members),
            "omissions": shown(omissions),
            "omitted": len(omissions),
        }

    def first_name(self, file: tuple[int, int], path: bytes) -> bytes | None:
        """The path under which this file, by device and inode, was met before."""
        first = self._names.setdefault(file, path)
        return first if first != path else None

    def expect(self, path: bytes, facts: Facts) -> None:
        """Remember what the file system says of a member."""
        self._waiting[str(self.path(path))] = path, facts

    def acknowledged(self, done: UploadResult) -> None:
        """Take a member into the manifest."""
        path, facts = self._waiting.pop(done.path)
        self.manifest.members.append(
            Member(path, done.evidence, done.size, done.digests, done.cid, facts)
        )


def shown(omissions: list[Omission]) -> list[dict[str, Any]]:
    """The first omissions, as the event itself says them."""
    found: list[dict[str, Any]] = []
    length = 0
    for omission in omissions[: _MOST[0]]:
        path = path_names.encode(omission.path) or "."
        length += len(path)
        if length > _MOST[1]:
            break
        found.append(
            {
                "path": path,
                "reason": omission.kind
                if omission.reason == folder_walk.NOT_REGULAR
                else omission.reason,
            }
        )
    return found
