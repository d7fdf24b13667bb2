"""The person's side of copies: disclosing with the key, and taking what another agency disclosed as
an item of one's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ledger.client.handovers import handover
from ledger.client.handovers.handover import HandingApi
from ledger.client.images import image_parts
from ledger.client.intake.upload import Upload
from ledger.client.intake.upload_attempts import UploadResult
from ledger.client.intake.upload_request import REFUSE, UploadOptions
from ledger.client.reading import retrieval, whole_record
from ledger.domain.codecs.text import from_b64url
from ledger.domain.errors import FormatError, NotFoundError, VerificationError
from ledger.domain.event.signing import Person
from ledger.domain.files import path_names
from ledger.domain.ports.answers import Copy, CopyRecord, Recorded
from ledger.domain.ports.client import Journal, NodeApi
from ledger.domain.ports.node_and_chain import Clock


class CopyingApi(HandingApi, NodeApi, Protocol):
    """What taking copies asks of a node; see NodeClient."""

    def copies(self) -> list[Copy]: ...
    def copy_record(self, copy: Copy) -> CopyRecord: ...
    def copy_range(self, copy: Copy, start: int, end: int) -> bytes: ...
    def copy_taken(self, copy: Copy, evidence: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom something is disclosed: ``kind`` prosecutor, defence, court, agency ...; ``agency``
    where it has a node of its own.
    """

    kind: str
    name: str = ""
    organisation: str = ""
    agency: str = ""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What a disclosure says. ``mode``: copy, export, view ...; ``members`` are top-level ones
    (basis, ...).
    """

    mode: str
    scope: str = ""
    medium: str = ""
    conditions: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    members: dict[str, Any] = field(default_factory=dict)


def disclose(
    node: HandingApi,
    person: Person,
    clock: Clock,
    evidence: str,
    recipient: Recipient,
    what: Disclosure,
) -> Recorded:
    """Sign that a copy, or a look, is given to somebody; to another agency with the content key;
    the node's answer.

    Conditions that the item itself came with are passed on.

    Raises:
        RuleError: it came with conditions, and no authorisation is named. DeniedError: guarded
            material, or no key.
    """
    basis = what.members.get("basis") or {"purpose": "disclosure"}
    person.role_for("disclosed")
    to = (
        handover.recipient_key(node, recipient.agency, None, person.certificate.agency)
        if recipient.agency
        else None
    )
    retrieval.rehearse(
        node,
        person,
        clock,
        evidence,
        "disclosed",
        _disclosed(recipient, what, what.conditions),
        what.members,
    )
    # Without a key to hand on the record is read, and no more: the file goes by another way, under
    # an access of its own.
    access = retrieval.record_access(
        node, person, clock, evidence, mode="view" if to is None else "copy", basis=basis
    )
    events, standing = node.record(evidence, access)
    opening = events[0].document
    if opening is None:
        raise NotFoundError("the record of this item was destroyed")
    whole_record.require_whole(events)
    sealed = []
    if to is not None:
        sealed = handover.rewrap(node, person, evidence, access, opening["body"], to)
    bound = dict.fromkeys([*standing.conditions, *what.conditions])
    body = _disclosed(recipient, what, list(bound))
    guarded = {"handling": list(standing.handling)} if standing.handling else {}
    said = {**what.members, **guarded}
    return retrieval.record(
        node, person, clock, evidence, "disclosed", body, said, sealed, read=events
    )


def _disclosed(recipient: Recipient, what: Disclosure, conditions: Sequence[str]) -> dict[str, Any]:
    party = {
        name: value
        for name, value in (("name", recipient.name), ("organisation", recipient.organisation))
        if value
    }
    return {
        "recipientKind": recipient.kind,
        "mode": what.mode,
        **(
            {"recipient": {"name": recipient.agency or "(not named)", **party}}
            if party or recipient.agency
            else {}
        ),
        **({"to": {"agency": recipient.agency}} if recipient.agency else {}),
        **({"scope": what.scope} if what.scope else {}),
        **({"medium": what.medium} if what.medium else {}),
        **({"conditions": list(conditions)} if conditions else {}),
        **({"withheld": list(what.withheld)} if what.withheld else {}),
    }


def take(
    node: CopyingApi,
    person: Person,
    journal: Journal,
    clock: Clock,
    copy: Copy,
    workplace: Path,
    members: dict[str, Any],
    progress: Callable[[int], None] = lambda count: None,
    interrupted: str = REFUSE,
) -> UploadResult:
    """Fetch, check and record a copy as an item of our own (`copied`), under keys of our own.

    Args:
        copy: as `copies` lists it.
        workplace: folder for the decrypted file, which is removed again.
        interrupted: what becomes of an earlier try with other details that was interrupted; see
            Options.

    Raises:
        VerificationError: it is not what was disclosed. InterruptedUploadError: an earlier try with
            other details was interrupted.
    """
    own = person.descriptor.agency
    if copy.recipient != own:
        raise VerificationError(
            2,
            f"the node lists a copy for {copy.recipient} as one for {own}",
            hint="do not rely on this node: tell an auditor",
        )
    record = node.copy_record(copy)
    # Of the events in between only the signatures are shown.
    whole_record.require_whole((record.events[0], record.events[-1]))
    opening, disclosed = record.opening, record.disclosed
    given = [from_b64url(text, what="grant") for text in record.grants]
    key = retrieval.content_key(person, copy.evidence, opening["body"], given)
    file = (
        workplace / "copy"
    )  # the name comes from elsewhere: it is recorded, and nothing is called by it
    try:
        with file.open("xb") as out:
            retrieval.decrypt(
                lambda start, end: node.copy_range(copy, start, end),
                key,
                copy.evidence,
                opening["body"],
                out,
                progress,
            )
        source: dict[str, Any] = {"evidence": copy.evidence, "statement": copy.statement}
        if disclosed["body"].get("conditions"):
            source["conditions"] = disclosed["body"]["conditions"]
        inherited = {name: opening[name] for name in ("identifiers",) if name in opening}
        # As it is handled at the giver's now: what it shows may have been seen after it was opened.
        guards = {*opening.get("handling", ()), *disclosed.get("handling", ())}
        inherited |= {"handling": sorted(guards)} if guards else {}
        options = UploadOptions(
            {**inherited, **members},
            tuple(opening["body"]["digests"]),
            body={"source": source, **_image(opening["body"])},
            event_type="copied",
            interrupted=interrupted,
            place=f"copy:{copy.giver}/{copy.evidence}/{copy.statement}",
            name=_name(opening["body"].get("name", "")),
        )
        run = Upload(person, node, journal, clock, options)
        [done] = list(run.run([file], until_told=True))
    finally:
        file.unlink(missing_ok=True)
    node.copy_taken(copy, done.evidence)
    run.told()
    return done


def _image(body: dict[str, Any]) -> dict[str, Any]:
    """What says that the content is a disk image of several segments: the copy is one, too."""
    named = path_names.encode(_name(body.get("name", "")))
    return {"image": body["image"]} if image_parts.parts(body, named) else {}


def _name(text: str) -> bytes:
    """The bytes of a name that somebody else recorded."""
    text = text.rpartition("/")[2] or "copy"
    try:
        return path_names.decode(text)
    except FormatError:
        return text.encode()
