"""Verification step 9: the file's size and every recorded digest against the first event."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.domain.codecs.text import counted
from ledger.domain.errors import IncompleteError, VerificationError
from ledger.domain.event.document import Event


@dataclass(frozen=True, slots=True)
class FileDigest:
    """Size in bytes and digests (algorithm to lower-case hex) of a file as the verifier measured
    them.
    """

    size: int
    digests: dict[str, str]


def check(event: Event | None, file: FileDigest | None) -> str:
    """Compare a file with what was recorded.

    Returns:
        the detail of the step: what was compared.

    Raises:
        VerificationError: size or a digest differs.
        IncompleteError: the record of size and digests is withheld, or is none of a file; or not
            every digest that was recorded was measured.
    """
    if file is None:
        return "no file was given to compare"
    if event is not None and _is_of_no_file(event):
        raise IncompleteError(
            9,
            f"this is a record of type {event.type}, which is of no file: nothing to compare",
            hint="name the bundle of the file, or no file",
        )
    if event is None or "size" not in event.body or "digests" not in event.body:
        raise IncompleteError(
            9,
            "the recorded digests are withheld from this bundle",
            hint="ask the agency for a bundle that discloses them",
        )
    body = event.body
    if file.size != body["size"]:
        raise VerificationError(
            9, f"the file has {counted(file.size, 'byte')}, recorded were {body['size']}"
        )
    recorded = body["digests"]
    for name, digest in recorded.items():
        if file.digests.get(name, digest) != digest:
            raise VerificationError(
                9, f"the file's {name} is {file.digests[name]}, recorded was {digest}"
            )
    # Digests of two files in one record: each court would be shown its own as the recorded one.
    if lacking := [name for name in recorded if name not in file.digests]:
        raise IncompleteError(
            9,
            f"recorded and not measured: {', '.join(lacking)}",
            hint="measure " + " and ".join(recorded),
        )
    return f"{counted(file.size, 'byte')}, same {', '.join(recorded)}"


def _is_of_no_file(event: Event) -> bool:
    """Whether the first event says nothing of a file and hides nothing of one: it opened a thing or
    a case, and there are no digests that anybody could disclose.
    """
    members = {"size", "digests"}
    hidden = {f"/body/{name}" for name in members} & set(event.withheld)
    return event.known and not hidden and members.isdisjoint(event.body)
