"""Bundles for a reader who must not see everything: fields and whole documents left out, the rest
still verifiable (DESIGN section 2).

A correction says the values of what it corrects in the open: that of a field or document which is
left out is left out whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ledger.domain.bundle.bundle import Bundle
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.text import b64url
from ledger.domain.errors import UsageError, VerificationError
from ledger.domain.event import document as documents
from ledger.domain.event.disclosure import HIDING
from ledger.domain.event.document import Event
from ledger.domain.verify.signed_events import DISTRUST

#: Members that say again, in another form, what these others say: whoever withholds a name must not
#: give its bytes.
_AGAIN: Final = {"/body/ext": ("/body/name", "/body/path"), "/body/omissions": ("/body/path",)}
#: Members of a correction that say a value.
_VALUES: Final = ("/body/old", "/body/new")
_SELECTOR: Final = re.compile(r"(?:(\d{1,6}):?)?(/[^\s]{1,200})?")


class Withheld:
    """Which disclosures and documents stay out of a bundle.

    Args:
        selectors: "/body/place" (in every event), "3:/body/place" (in event 3), "3" (the whole
            document of event 3).

    Raises:
        UsageError: a selector of another form.
    """

    def __init__(self, selectors: Sequence[str]) -> None:
        self._fields: set[tuple[int | None, str]] = set()
        self._documents: set[int] = set()
        self._met: set[tuple[int | None, str]] = set()
        self._known: set[str] = set()
        self._numbers: dict[str, int] = {}  # of events, by their statement digests in hex
        self._corrected: dict[int, tuple[int, str]] = {}
        for text in selectors:
            match = _SELECTOR.fullmatch(text)
            if match is None or not text:
                raise UsageError(
                    f"{text!r} names no field",
                    hint="fields look like /body/place, 3:/body/place, or 3 for a whole event",
                )
            number = int(match[1]) if match[1] is not None else None
            if match[2] is None and number is not None:
                self._documents.add(number)
            else:
                self._fields.add((number, match[2]))

    def require_counted(self, count: int) -> None:
        """Check that the item has the events that are named.

        Args:
            count: of its events.

        Raises:
            UsageError: it has fewer.
        """
        named = {number for number, _ in self._fields if number is not None} | self._documents
        if beyond := sorted(number for number in named if number >= count):
            raise UsageError(
                f"there is no event {beyond[0]} to leave out: the item has events 0 to {count - 1}",
                hint="see them: custody show ID --basis WHY",
            )

    def require_compared(self) -> None:
        """Check that the digests of the content stay, by which the file beside it is compared.

        Raises:
            UsageError: they are left out, alone or with the whole event that recorded them.
        """
        fields = {place for number, place in self._fields if number in (None, 0)}
        if 0 in self._documents or any(_overlap(place, "/body/digests") for place in fields):
            raise UsageError(
                "the digests of the file are not to be left out here: nobody could compare it, and "
                "so no folder with it would verify; nothing was signed",
                hint="for the record without its file: custody bundle ID",
            )

    def shown(self, number: int, event: Event) -> tuple[bytes | None, tuple[str, ...]]:
        """What of a document goes into the bundle; see export.Shown. They are asked for in order:
        each names the statement of the one before it.
        """
        if event.value["prev"] is not None:
            self._numbers[event.value["prev"]] = number - 1
        repeats = event.type == "corrected" and self._repeats(number, event)
        if number in self._documents:
            self._met.add((number, ""))
            return None, ()
        if repeats:
            return None, ()
        written = strict_json.parse(event.raw, what="event document", limit=len(event.raw))
        places = dict(_hidden(written, ""))
        kept = []
        for disclosure in event.disclosures:
            pointer = places[b64url(disclosure.digest)]
            self._known.add(pointer)
            pointers = _said_at(pointer)
            wanted = {
                (where, place) for where in (None, number) for place in pointers
            } & self._fields
            if wanted:
                self._met |= wanted
            else:
                kept.append(disclosure.encoded)
        return event.raw, tuple(kept)

    def _repeats(self, number: int, event: Event) -> bool:
        """Whether a correction says again what is left out: of a field or of a whole document, also
        where it corrects an earlier correction of that.
        """
        target = self._numbers.get(event.body.get("target", ""), -1)
        pointer = event.body.get("pointer", "")  # where that is not known here: any
        places = [(target, pointer)]
        if target in self._corrected and pointer.startswith(_VALUES):
            places.append(self._corrected[target])
        self._corrected[number] = places[-1]
        return any(
            place in self._documents
            or any(
                chosen in (None, place) and _overlap(left_out, also)
                for chosen, left_out in self._fields
                for also in _said_at(corrected)
            )
            for place, corrected in places
        )

    def require_met(self) -> None:
        """Check that everything to be withheld was there to withhold: a typing error must not
        disclose a victim.

        Raises:
            UsageError: something was not.
        """
        lacking = [
            f"{'' if number is None else f'{number}:'}{pointer}"
            for number, pointer in self._fields - self._met
        ]
        lacking += [str(number) for number in self._documents if (number, "") not in self._met]
        if lacking:
            known = ", ".join(sorted(self._known)) or "nothing"
            text = (
                "not in this item's record, or not a field that can be withheld: "
                f"{', '.join(sorted(lacking))}"
            )
            raise UsageError(text, hint=f"there is: {known}")


def require_withheld(bundle: Bundle, evidence: str, selectors: Sequence[str]) -> None:
    """Check of a bundle that a node made that it is the item's, and leaves out what was to be left
    out: whoever passes it on relies on that, and the node could have forgotten it.

    Raises:
        VerificationError: it is another item's, or shows something of it.
    """
    if bundle.evidence != evidence:
        raise VerificationError(2, "the node gave the bundle of another item", hint=DISTRUST)
    withheld = Withheld(selectors)
    for number, bundled in enumerate(bundle.statements):
        if bundled.document is None:
            continue
        event = documents.parse(bundled.document, bundled.disclosures)
        if withheld.shown(number, event) != (bundled.document, bundled.disclosures):
            raise VerificationError(
                2,
                f"event {number} of the bundle shows what was to be left out; it was not written",
                hint=DISTRUST,
            )


def _said_at(pointer: str) -> tuple[str, ...]:
    """The members whose value is said at a pointer: there, and what it says again in another
    form.
    """
    again = (also for place, said in _AGAIN.items() if _overlap(pointer, place) for also in said)
    return (pointer, *again)


def _hidden(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """(digest, pointer) of every hidden member of a document."""
    if isinstance(value, dict):
        hidden = zip(value.get("_sd", ()), value.get("_sd_names", ()), strict=True)
        yield from ((digest, f"{pointer}/{name}") for digest, name in hidden)
        for name, item in value.items():
            if name not in HIDING:
                yield from _hidden(item, f"{pointer}/{name}")


def _overlap(one: str, other: str) -> bool:
    """Whether one of two JSON pointers is the other, or leads to a place within it."""
    first, second = (
        pointer.replace("~1", "/").replace("~0", "~") + "/" for pointer in (one, other)
    )
    return first.startswith(second) or second.startswith(first)
