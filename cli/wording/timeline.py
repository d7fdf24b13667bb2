"""Events told in plain words, from their documents: what, by whom, and what they say. For `custody
show` and `custody verify`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cli.terminal import moments, output
from cli.wording import event_members, labels, person_words
from ledger.domain.codecs.text import counted
from ledger.domain.event import corrections
from ledger.domain.event.disclosure import HIDING
from ledger.domain.event.stated_digests import HERE
from ledger.domain.untrusted.visible import visible, width

if TYPE_CHECKING:
    from ledger.domain.ports.answers import Look

_MARGIN: Final = 12
_WIDE: Final = 78
_PARTIES: Final = {
    "counterparty": "with",
    "recipient": "to",
    "witness": "witness",
    "by": "by",
    "reviewer": "reviewed by",
    "owner": "owner",
    "collector": "taken by",
}
#: Members that are told in a way of their own: see _behind and _image.
_OWN: Final = frozenset({"to", "seals", "conditions", "tool", "digests", "stated", "image"})
_SHORT: Final = 12


@dataclass(frozen=True, slots=True)
class Told:
    """An event as a timeline tells it. ``document``: None where it is sealed or withheld;
    ``statement``: its digest in hex; ``proven``: how far it is proven; ``void``: the other side of
    a handover was first; ``looked``: who looked at what is offered, before answering.
    """

    number: int
    time: str
    effect: str
    agency: str
    statement: str
    document: dict[str, Any] | None
    proven: str
    void: bool = False
    looked: Sequence[Look] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    """One thing that an event says; ``place``: the member that says it, as a JSON pointer."""

    place: str
    word: str
    value: str


class Timeline:
    """The events of one item, told in plain words.

    Args:
        events: in their order.
        names: an agency's own words for event types, in its language: they stand beside ours.
        called: how people are called here.
    """

    def __init__(
        self,
        events: Sequence[Told],
        names: dict[str, str],
        called: person_words.Names = person_words.pseudonym,
    ) -> None:
        self._events, self._names, self._called = events, names, called
        known = [event for event in events if event.document is not None and not event.void]
        self._documents = {event.statement: event.document or {} for event in known}
        self._told = {event.statement: event for event in events}
        #: Digests of content that are told whole where they were recorded.
        self._recorded = {
            value
            for document in self._documents.values()
            if isinstance(digests := document["body"].get("digests"), dict)
            for value in digests.values()
            if isinstance(value, str)
        }
        self._corrected: dict[str, list[tuple[int, str]]] = {}
        for event in known:
            if event.document is not None and event.document["type"] == "corrected":
                body = event.document["body"]
                named = self._corrected.setdefault(str(body.get("target")), [])
                named.append((event.number, str(body.get("pointer"))))

    def lines(self) -> list[str]:
        """All events, day by day."""
        lines, day = list[str](), ""
        for event in self._events:
            date, clock, utc = moments.day_and_clock(event.time)
            if date != day:
                lines += [date, ""] if not day else ["", date, ""]
                day = date
            lines += self._entry(event, clock, utc)
        return lines

    def _entry(self, event: Told, clock: str, utc: str) -> list[str]:
        """One event: its number, what in plain words, by whom, what it says, and how far it is
        proven.
        """
        document = event.document
        if document is not None:
            what = labels.EVENTS.get(document["type"], document["type"])
            if document["type"] in self._names:
                what += f" ({self._names[document['type']]})"
            actor = document["actor"]
            called = self._called(event.agency, actor.get("id", ""))
            who = f"{actor['role']} {called} of {event.agency}"
        else:
            what, who = labels.EFFECTS.get(event.effect, event.effect), event.agency
        void = "  (void: the other side was first)" if event.void else ""
        lines = [f"{event.number:>3}  {clock}  {what:<24} {who}{void}"]
        looks = [
            f"looked at before the answer, its {look.what}: "
            f"{person_words.shown(self._called, look.person, event.agency)}, {look.time}"
            for look in event.looked
        ]
        said = self._said(event) if document is not None else []
        for text in [*([f"signed at {utc}"] if utc else []), *said, *looks, event.proven]:
            lines += (
                [text]
                if isinstance(text, output.Struck)
                else output.wrapped(text, _WIDE, indent=_MARGIN, further=2)
            )
        return lines

    def _said(self, event: Told) -> list[str]:
        """What an event says, with what it was corrected to beside the old value."""
        assert event.document is not None
        rows = self._rows(event.document)
        if event.statement not in self._corrected or event.statement not in self._documents:
            return [f"{row.word}: {row.value}" for row in rows]
        standing = corrections.standing(self._documents, event.statement)
        values = {row.place: row.value for row in self._rows(standing)}
        return [
            f"{row.word}: {row.value}"
            if (now := values.get(row.place, row.value)) == row.value
            else _changed(row.word, row.value, now, self._by(event.statement, row.place))
            for row in rows
        ]

    def _by(self, statement: str, place: str) -> str:
        """Which events corrected what stands at a place, or above or below it."""
        numbers = [
            str(number)
            for number, pointer in self._corrected[statement]
            if f"{pointer}/".startswith(f"{place}/") or f"{place}/".startswith(f"{pointer}/")
        ]
        return f"event {', '.join(numbers)}"

    def _rows(self, document: dict[str, Any]) -> list[_Row]:
        """What a document says; of a type that this version does not know, as it stands there."""
        from ledger.domain.event.types import TYPES

        body = document["body"]
        if document["type"] not in TYPES:
            return [_Row(f"/body/{name}", name, self._plain(value)) for name, value in body.items()]
        if document["type"] == "corrected":
            return self._correction(body)
        return [*_before(document), *self._members(body), *_behind(document)]

    def _correction(self, body: dict[str, Any]) -> list[_Row]:
        pointer = str(body.get("pointer", "(withheld)"))
        name = pointer.removeprefix("/body/")
        word = labels.MEMBERS.get(name, pointer) if name != pointer else self._number(body, pointer)
        new = _text(body["new"]) if "new" in body else "(withheld)"
        was = f"was {_text(body['old'])}, now {new}" if "old" in body else f"now {new}"
        rows = [_Row("/body/target", "about", self._plain(body.get("target", "(withheld)")))]
        rows.append(_Row("/body/new", word, was))
        return rows + ([_Row("/body/reason", "reason", body["reason"])] if "reason" in body else [])

    def _number(self, body: dict[str, Any], pointer: str) -> str:
        """What a number that was corrected is called, such as exhibit, by the event that gave it;
        another place as it was signed.
        """
        target = self._documents.get(str(body.get("target")))
        rows = _before(target) if target is not None else []
        called = {f"{row.place}/value": row.word for row in rows if row.place != "/basis"}
        return called.get(pointer, pointer)

    def _members(self, body: dict[str, Any]) -> list[_Row]:
        rows = []
        for name, word in labels.MEMBERS.items():
            if name in body and not isinstance(body[name], (dict, list)):
                value = (
                    f"{output.size(body[name])} ({counted(body[name], 'byte')})"
                    if name == "size"
                    else self._plain(body[name])
                )
                rows.append(_Row(f"/body/{name}", word, value))
        rows += [
            _Row(f"/body/{name}", word, event_members.text(body[name]))
            for name, word in _PARTIES.items()
            if isinstance(body.get(name), dict)
        ]
        if isinstance(body.get("to"), dict):
            rows.append(_Row("/body/to", "to", person_words.recipient(body["to"], self._called)))
        told = {row.place.removeprefix("/body/") for row in rows}
        return rows + [
            _Row(
                f"/body/{name}",
                event_members.word(name),
                event_members.text(self._named(value), event_members.word(name)),
            )
            for name, value in event_members.rows(_further(body), but=told | _OWN)
        ]

    def _named(self, value: Any) -> Any:
        """A value with other events of the item by their numbers, and with digests that were told
        whole shortened.
        """
        if isinstance(value, dict):
            return {name: self._named(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self._named(one) for one in value]
        if value in self._recorded:
            return f"{value[:_SHORT]}..., as recorded"
        return self._plain(value) if isinstance(value, str) else value

    def _plain(self, value: Any) -> str:
        """A value in words: another event of the item by its number."""
        event = self._told.get(value) if isinstance(value, str) else None
        if event is None:
            return event_members.text(value)
        kind = event.document["type"] if event.document is not None else ""
        what = labels.EVENTS.get(kind, kind) or labels.EFFECTS.get(event.effect, event.effect)
        return f"event {event.number}, {what}"


def _changed(word: str, old: str, new: str, by: str) -> str:
    """A value that was corrected: struck through beside the new one, where a terminal can."""
    old, new = visible(old), visible(new)
    begin = f"{' ' * _MARGIN}{visible(word)}: "
    line = f"{begin}{old}  {new}  (corrected by {by})"
    if output.can_strike() and width(line) <= _WIDE:
        return output.Struck.of(line, len(begin), len(begin) + len(old))
    return f"{word}: was {old}, now {new} (corrected by {by})"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _further(body: dict[str, Any]) -> dict[str, Any]:
    """A body without what extensions say again: the time of a file to the nanosecond, and the
    header of a disk image (see _image).
    """
    ext = body.get("ext")
    if not isinstance(ext, dict):
        return body
    again = {"imageHeader", *({"modified"} & body.keys())}
    left = {name: one for name, one in ext.items() if name not in again}
    return {name: one for name, one in body.items() if name != "ext"} | (
        {"ext": left} if left else {}
    )


def _numbered(identifier: dict[str, Any]) -> str:
    """A number, with whoever gave it where that is said."""
    issuer = f" (given by {identifier['issuer']})" if "issuer" in identifier else ""
    return f"{identifier['value']}{issuer}"


def _before(document: dict[str, Any]) -> list[_Row]:
    """What a document says of itself before its body: numbers, and why."""
    rows = [
        _Row(f"/identifiers/{at}", identifier["scheme"], _numbered(identifier))
        for at, identifier in enumerate(document.get("identifiers", []))
    ]
    if "basis" in document:
        basis = document["basis"]
        reference = f" ({basis['reference']})" if "reference" in basis else ""
        said = {name: one for name, one in basis.items() if name not in ("purpose", "reference")}
        more = f", {event_members.text(said)}" if set(said) - HIDING else ""
        rows.append(_Row("/basis", "why", f"{basis.get('purpose', '(withheld)')}{reference}{more}"))
    return rows


def _behind(document: dict[str, Any]) -> list[_Row]:
    """What a document says in lists, when it happened, why it is late, and digests."""
    body, rows = document["body"], []
    if body.get("seals"):
        rows.append(_Row("/body/seals", "seals", event_members.text(body["seals"], "seals")))
    rows += [
        _Row(f"/body/conditions/{at}", "on condition", condition)
        for at, condition in enumerate(body.get("conditions", []))
    ]
    if "tool" in body:
        rows.append(_Row("/body/tool", "tool", event_members.text(body["tool"])))
    occurred = document.get("occurred", {})
    if "from" in occurred and (
        not {"zone", "to"}.isdisjoint(occurred)
        or occurred.get("clock", "system") != "system"
        or moments.apart(occurred["from"], document["time"])
    ):
        more = "".join(
            f", {word} {occurred[name]}"
            for name, word in (("to", "until"), ("clock", "by the clock"))
            if name in occurred
        )
        rows.append(_Row("/occurred", "happened", f"{moments.happened(occurred)}{more}"))
    if document.get("handling"):
        rows.append(_Row("/handling", "marks", event_members.text(document["handling"])))
    if "late" in document:
        rows.append(_Row("/late", "recorded late", document["late"]))
    rows += [
        _Row(f"/body/digests/{name}", name, value)
        for name, value in body.get("digests", {}).items()
    ]
    rows += [
        _Row(f"/body/stated/{at}", *stated(row).split(": ", 1))
        for at, row in enumerate(body.get("stated", []))
    ]
    return rows + [
        _Row(f"/body {at}", *line.split(": ", 1)) for at, line in enumerate(_image(body))
    ]


def _image(body: dict[str, Any]) -> list[str]:
    """What is recorded of a disk image, and what it says of itself: word for word, and foreign."""
    image, ext, lines = body.get("image"), body.get("ext"), []
    if isinstance(image, dict):
        segments = counted(len(image.get("segments", [])), "segment")
        more = event_members.text(
            {name: image[name] for name in ("sectors", "sectorSize") if name in image}
        )
        sectors = f", {more}" if more != "nothing" else ""
        lines.append(f"disk image: {image.get('format', '(withheld)')}, {segments}{sectors}")
        if errors := image.get("readErrors"):
            lines.append(f"sectors not read when it was made: {counted(len(errors), 'stretch')}")
    said = ext.get("imageHeader") if isinstance(ext, dict) else None
    if isinstance(said, dict):
        lines += [f"the disk image says: {name}: {value}" for name, value in said.items()]
    return lines


def stated(row: dict[str, Any]) -> str:
    """What somebody stated to be the digest of something, in words: of what, by whom, and whether
    it was compared.

    Args:
        row: a row of the member `stated` of a body.
    """
    what = labels.STATED_OF.get(row.get("over", ""), "it is not said what")
    ext = row.get("ext")
    if isinstance(ext, dict) and "segment" in ext:
        what = f"the segment {ext['segment']}"
    by = row.get("by", "somebody who is not named")
    if by == HERE:
        result = "which was found here"
    else:
        outcomes = {None: "not compared", True: "compared here, and the same"}
        told = outcomes.get(row.get("checked"), "compared here, and ANOTHER ONE was found")
        result = f"stated by {by}, {told}"
    return f"{row['algorithm']} of {what}: {row['value']}, {result}"
