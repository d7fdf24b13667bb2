"""What was given itself, opened to be read: a file, the segments of a disk image, or a pipe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from ledger import system
from ledger.client.files import folder_walk, steady_file
from ledger.client.files.segmented_file import SegmentedFile
from ledger.client.files.steady_file import Made, Steady
from ledger.client.intake import upload_request
from ledger.client.intake.upload_drafts import extension, name_members
from ledger.client.intake.upload_request import UploadRequest


@contextmanager
def opened(given: UploadRequest) -> Iterator[Steady | SegmentedFile | Made]:
    """The file, or all segments of the image that it is the first one of, or what came through a
    pipe.

    Raises:
        SourceError: it cannot be read. UsageError: it is one of custody's own.
    """
    if given.options.spooled is not None:
        yield given.options.spooled
        return
    if given.image is not None:
        listed = given.details().get("segmentsListed", {})
        with closing(SegmentedFile(given.image.image.segments, listed)) as source:
            yield source
        return
    try:
        fd = os.open(given.path, os.O_RDONLY | system.CLOEXEC | system.NONBLOCK)
    except OSError as error:
        raise steady_file.unreadable(given.path, error) from error
    with os.fdopen(fd, "rb", buffering=0) as file:
        steady = Steady(file, given.path)
        upload_request.require_no_keys(given.path, folder_walk.head_of(fd))
        yield steady


def names(given: UploadRequest) -> dict[str, Any]:
    """Its name, and where it points to if it is a link itself."""
    path = given.path
    is_link = given.options.spooled is None and path.is_symlink()
    more = extension(linkTarget=os.fsencode(path.readlink())) if is_link else {}
    return name_members(given.name, None, more)
