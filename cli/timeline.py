"""Events told in plain words, from their documents: what, by whom, and what they say. For `custody
show` and `custody verify`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from cli import labels, output, people
from ledger.domain.codecs.text import counted
from ledger.domain.event.stated_digests import HERE

if TYPE_CHECKING:
    from ledger.domain.ports.answers import Look

_MARGIN: Final = 12
_PARTIES: Final = {
    "counterparty": "with",
    "recipient": "to",
    "witness": "witness",
    "by": "by",
    "reviewer": "reviewed by",
    "owner": "owner",
}


def day_and_clock(time: str) -> tuple[str, str]:
    """(date, clock) of a time as documents write it."""
    date, _, clock = time.removesuffix("Z").partition("T")
    return date, clock


def entry(
    clock: str,
    effect: str,
    agency: str,
    document: dict[str, Any] | None,
    proven: str,
    names: dict[str, str],
    *,
    void: bool = False,
    looked: Sequence[Look] = (),
    called: people.Names = people.pseudonym,
) -> list[str]:
    """One event of a timeline: what in plain words, by whom, what it says, and how far it is
    proven.

    Args:
        effect, agency: as the log shows them.
        names: an agency's own words for event types, in its language: they stand beside ours.
        void: the other side of a handover was first.
        looked: who looked at what is offered, before answering.
        called: how people are called here.
    """
    if document is not None:
        what = labels.EVENTS.get(document["type"], document["type"])
        if document["type"] in names:
            what += f" ({names[document['type']]})"
        actor = document["actor"]
        who = f"{actor['role']} {called(agency, actor.get('id', ''))} of {agency}"
    else:
        what, who = labels.EFFECTS.get(effect, effect), agency
    lines = [
        f"  {clock}  {what:<24} {who}" + ("  (void: the other side was first)" if void else "")
    ]
    looks = [
        f"looked at before the answer, its {look.what}: "
        f"{people.shown(called, look.person, agency)}, {look.time}"
        for look in looked
    ]
    for text in [*(_describe(document, called) if document else []), *looks, proven]:
        lines += output.wrapped(text, 78, indent=_MARGIN, further=2)
    return lines


def _describe(document: dict[str, Any], called: people.Names) -> list[str]:
    """What a document says, line by line; of a type that this version does not know, as it stands
    there.
    """
    from ledger.domain.event.types import TYPES

    body = document["body"]
    if document["type"] not in TYPES:
        return [f"{name}: {value}" for name, value in body.items()]
    lines = [
        f"{identifier['scheme']}: {identifier['value']}"
        for identifier in document.get("identifiers", [])
    ]
    if "basis" in document:
        basis = document["basis"]
        reference = f" ({basis['reference']})" if "reference" in basis else ""
        lines.append(f"why: {basis.get('purpose', '(withheld)')}{reference}")
    for name, word in labels.MEMBERS.items():
        if name in body and not isinstance(body[name], (dict, list)):
            value = (
                f"{output.size(body[name])} ({counted(body[name], 'byte')})"
                if name == "size"
                else body[name]
            )
            lines.append(f"{word}: {value}")
    lines += [
        f"{word}: {body[name].get('name', '(withheld)')}"
        for name, word in _PARTIES.items()
        if isinstance(body.get(name), dict)
    ]
    if isinstance(body.get("to"), dict):
        lines.append(f"to: {people.recipient(body['to'], called)}")
    if body.get("seals"):
        lines.append(f"seals: {', '.join(seal['number'] for seal in body['seals'])}")
    lines += [f"on condition: {condition}" for condition in body.get("conditions", [])]
    if "tool" in body:
        named = [str(body["tool"][name]) for name in ("name", "version") if name in body["tool"]]
        lines.append(f"tool: {' '.join(named)}")
    if "late" in document:
        lines.append(f"recorded late: {document['late']}")
    return [
        *lines,
        *(f"{name}: {value}" for name, value in body.get("digests", {}).items()),
        *map(stated, body.get("stated", [])),
        *_image(body),
    ]


def _image(body: dict[str, Any]) -> list[str]:
    """What is recorded of a disk image, and what it says of itself: word for word, and foreign."""
    image, ext, lines = body.get("image"), body.get("ext"), []
    if isinstance(image, dict):
        segments = counted(len(image.get("segments", [])), "segment")
        lines.append(f"disk image: {image.get('format', '(withheld)')}, {segments}")
        if errors := image.get("readErrors"):
            lines.append(f"sectors not read when it was made: {counted(len(errors), 'stretch')}")
    said = ext.get("imageHeader") if isinstance(ext, dict) else None
    if isinstance(said, dict):
        lines += [f"the disk image says: {name}: {value}" for name, value in said.items()]
    if isinstance(collector := body.get("collector"), dict):
        role = f" ({collector['role']})" if "role" in collector else ""
        lines.append(f"taken by: {collector.get('name', '(withheld)')}{role}")
    return lines


def stated(row: dict[str, Any]) -> str:
    """What somebody stated to be the digest of something, in words: of what, by whom, and whether
    it was compared.

    Args:
        row: a row of the member `stated` of a body.
    """
    what = labels.STATED_OF.get(row.get("over", ""), "it is not said what")
    by = row.get("by", "somebody who is not named")
    if by == HERE:
        result = "which was found here"
    else:
        outcomes = {None: "not compared", True: "compared here, and the same"}
        told = outcomes.get(row.get("checked"), "compared here, and ANOTHER ONE was found")
        result = f"stated by {by}, {told}"
    return f"{row['algorithm']} of {what}: {row['value']}, {result}"
