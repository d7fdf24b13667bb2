"""`upload --expect`: lists of digests that files are compared with as they are taken in, and what a
person is told of it, first and last.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.intake.upload_report import LISTED
from ledger.domain.codecs.text import counted
from ledger.domain.files import path_names

if TYPE_CHECKING:
    from ledger.client.intake.expected_digests import ExpectedDigests
    from ledger.client.intake.upload import UploadResult

Expect = Annotated[
    list[Path] | None,
    typer.Option(
        help="List of digests that came with the files (sha256sum, md5sum, sha1sum, --tag, "
        "hashdeep): each file is compared with it, and what differs is recorded and told.",
    ),
]
_HOW: Final = "give a list as sha256sum, md5sum, sha1sum (also with --tag) or hashdeep write it"


def read(lists: list[Path] | None) -> ExpectedDigests | None:
    """Read the lists; None where none was given.

    Raises:
        UsageError: one is no list.
        UnreadableError: one cannot be read.
    """
    from cli.items.arguments import read_file
    from ledger.client.intake.expected_digests import ExpectedDigests
    from ledger.domain.errors import FormatError, UsageError
    from ledger.domain.files import digest_lists

    if not lists:
        return None
    rows = []
    for path in lists:
        if path.is_dir():
            raise UsageError(f"{path} is a folder, and no list of digests", hint=_HOW)
        try:
            rows += digest_lists.parse(read_file(path))
        except FormatError as error:
            raise UsageError(f"{path}: {error.message}", hint=_HOW) from error
    return ExpectedDigests(rows)


def first(done: Sequence[UploadResult], expected: ExpectedDigests | None) -> list[str]:
    """What is told before all else: that files are not what the list says."""
    wrong = [item for item in done if item.mismatch]
    if expected is None or not wrong:
        return []
    shown = [f"  {item.path}: {', '.join(item.mismatch)}" for item in wrong[:LISTED]]
    more = [f"  and {len(wrong) - LISTED} more"] if len(wrong) > LISTED else []
    told = counted(len(wrong), "file", ("is", "are"))
    return [f"{told} NOT what the list of digests says:", *shown, *more]


def last(
    done: Sequence[UploadResult], expected: ExpectedDigests | None, lists: Sequence[Path]
) -> list[str]:
    """What became of the list, in the end."""
    if expected is None:
        return []
    missing, unlisted = expected.missing(), _unlisted(expected, lists)
    wrong = sum(bool(item.mismatch) for item in done)
    lines = [f"{counted(expected.count, 'file')} of the list of digests met, {wrong} differing."]
    if missing:
        lines.append(f"{len(missing)} in the list and not recorded:")
        lines += _some([path_names.encode(path) for path in missing])
    if unlisted:
        lines.append(f"{len(unlisted)} not in the list:")
        lines += _some(unlisted)
    if wrong:
        lines.append(
            f"{counted(wrong, 'file')} recorded as found, with both digests: NOT what the list of "
            "digests says."
        )
    return lines


def _some(paths: Sequence[str]) -> list[str]:
    more = [f"  and {len(paths) - LISTED} more"] if len(paths) > LISTED else []
    return [*(f"  {path}" for path in paths[:LISTED]), *more]


def _unlisted(expected: ExpectedDigests, lists: Sequence[Path]) -> list[str]:
    """Files that no list has, but for the lists themselves."""
    own = {os.path.realpath(path) for path in lists}
    return [path for path in expected.unlisted if os.path.realpath(path) not in own]


def as_json(
    done: Sequence[UploadResult], expected: ExpectedDigests | None, lists: Sequence[Path]
) -> dict[str, Any]:
    """The same, for scripts."""
    if expected is None:
        return {"expected": None}
    return {
        "expected": {
            "met": expected.count,
            "mismatch": [item.path for item in done if item.mismatch],
            "missing": [path_names.encode(path) for path in expected.missing()],
            "unlisted": _unlisted(expected, lists),
        }
    }


def code(done: Sequence[UploadResult], expected: ExpectedDigests | None) -> int:
    """The exit code that follows: 1 where something differs, 3 where something is missing."""
    if any(item.mismatch for item in done):
        return 1
    return 3 if expected is not None and expected.missing() else 0
