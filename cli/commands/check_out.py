"""custody check-out, custody check-in: things that leave the store and come back, by scanner."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command
from cli.items import decisions, items, scanning, short_ids
from cli.node import people
from cli.terminal import moments, questions
from cli.wording import labels
from ledger.domain.errors import DeniedError, RuleError, UsageError
from ledger.domain.identity.person import PersonId
from ledger.domain.ports.answers import documents_of

if TYPE_CHECKING:
    from cli.items.short_ids import Named
    from cli.node.session import Session
    from ledger.domain.ports.answers import Item, Recorded

_OUT: Final = """Check things out of the store, by a barcode scanner: place and reason are said
once, then each line that it types is one item (`custody label` prints labels). An empty line ends.

Each is answered at once; what is wrong with one is told with a bell, and nothing is recorded for
it. Two events are signed for each: that its record was read, to tell where it lay, and the move.

\b
Example:
  custody check-out --to "court, room 3" --reason "hearing"
  custody check-out --to "NFI" --reason "DNA" --with "J. Vos" \\
      --due "2026-12-24 12:00 Z"
"""
_IN: Final = """Check things in to the store, by a barcode scanner, as `custody check-out` checks
them out.

\b
Example:
  custody check-in --to "store 3, shelf 14" --reason "back from court"
  custody check-in --to "store 3, shelf 14" --reason "DNA done" \\
      --from "J. Vos"
"""
#: Digits with nothing else: the beginning of an id. A label has twelve; of what other barcodes on
#: a bag say, short ones would soon fit some item.
_DIGITS: Final = re.compile("[0-9a-fA-F]*")
_FEWEST: Final = short_ids.SHORT
_Reason = Annotated[str, typer.Option(help="Why, for all of them; signed and recorded.")]


@dataclass(frozen=True, slots=True)
class _Way:
    """Where things go, and which event says so. ``party``: who takes or brings them, without keys
    of their own; empty where they only lie elsewhere.
    """

    done: str
    into_store: bool
    place: str
    reason: str
    party: str
    due: str = ""

    @property
    def type(self) -> str:
        """The type of the event."""
        if not self.party:
            return "moved"
        return "received" if self.into_store else "released"

    def body(self, before: str = "") -> dict[str, Any]:
        """What the event says.

        Args:
            before: where the item lay, where its record says so.
        """
        if not self.party:
            lay = {"from": before} if before else {}
            return {"place": self.place, **lay, "reason": self.reason}
        due = {"due": self.due} if self.due else {}
        party = {"counterparty": {"name": self.party}}
        return {**party, "place": self.place, "purpose": self.reason, **due}

    def require(self, out: str) -> None:
        """Check that an item can go this way.

        Args:
            out: to whom it is handed out by its record; empty where to nobody.

        Raises:
            RuleError: somebody else has it, by its record.
        """
        if out and not (self.into_store and self.party):
            raise RuleError(
                f"by its record {out} has it",
                hint="once it is back: "
                + command("check-in", "--to", "PLACE", "--reason", "WHY", "--from", out),
            )
        if self.into_store and self.party and out != self.party:
            raise RuleError(f"by its record {out or 'nobody'} has it, not {self.party}")


def check_out(
    to: Annotated[str, typer.Option("-t", "--to", help="Where they go, for all of them.")] = "",
    reason: _Reason = "",
    party: Annotated[
        str, typer.Option("--with", help="Who takes them, if they have no keys of their own.")
    ] = "",
    due: Annotated[
        str, typer.Option(help='When they are due back: "2026-12-24 12:00 +01:00"; with --with.')
    ] = "",
    as_json: Json = False,
) -> None:
    if due and not party.strip():
        raise UsageError(
            "--due is of what somebody takes along", hint="say who takes them: --with NAME"
        )
    until = moments.read(due, "--due").text if due else ""
    _run(_Way("checked out", False, to.strip(), reason.strip(), party.strip(), until))


def check_in(
    to: Annotated[str, typer.Option("-t", "--to", help="Where they lie now, all of them.")] = "",
    reason: _Reason = "",
    party: Annotated[
        str, typer.Option("--from", help="Who had them, as check-out --with named them.")
    ] = "",
    as_json: Json = False,
) -> None:
    _run(_Way("checked in", True, to.strip(), reason.strip(), party.strip()))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("check-out", help=_OUT)(check_out)
    app.command("check-in", help=_IN)(check_in)


def _run(way: _Way) -> None:
    from cli.node.session import open_session

    if STATE.offline:
        raise UsageError("where an item lay, the node alone knows", hint="scan with a network")
    way = replace(way, place=way.place or questions.text("Where to?"))
    way = replace(way, reason=way.reason or questions.text("Why? Your words are signed:"))
    if not way.place or not way.reason:
        raise UsageError(
            "place and reason are said once, before the first scan",
            hint=command(
                "check-in" if way.into_store else "check-out", "--to", "PLACE", "--reason", "WHY"
            ),
        )
    with open_session() as session:
        run = _Run(session, way)
        scans = scanning.each(run.take)
    more = {"place": way.place, "reason": way.reason}
    scanning.tell(scans, f"{way.done} to {way.place}", more)


class _Run:
    """One run of scans."""

    def __init__(self, session: Session, way: _Way) -> None:
        """Check what is said once.

        Raises:
            UsageError: it is too long, for example. DemandError: the profile asks for more.
        """
        from ledger.domain.event.signing import draft_event
        from ledger.domain.item.jurisdiction_profile import Demands

        self._session, self._way = session, way
        self._seen: set[str] = set()
        about = session.node.agency()
        draft = draft_event(
            session.person, way.type, way.body(), evidence=uuid.uuid4().urn, seq=1, prev=bytes(32),
            time=session.clock.now(),
        )  # fmt: skip
        Demands.from_json(about.profile, about.demands).require_met(draft)

    def take(self, text: str) -> tuple[dict[str, Any], str]:
        """Record what was scanned; what was done, and the answer.

        Raises:
            CustodyError: nothing was recorded but, at most, that its record was read.
        """
        named = self._named(text)
        item = self._session.node.item(named.urn)
        number, before, answer = self._record(named, item)
        self._seen.add(named.urn)
        way, short = self._way, short_ids.short_digest(item.opening) or named.short
        value = {
            "scanned": text,
            "evidence": named.urn,
            "id": short,
            "number": number,
            "from": before,
            "to": way.place,
            "index": answer.index,
            "state": answer.state,
        }
        told = f"{number} ({short})" if number else short
        lay = f"from {before} " if before else ""
        whose = f", {'from' if way.into_store else 'with'} {way.party}" if way.party else ""
        return value, f"{told}: {lay}to {way.place}{whose}{self._holder(item)}"

    def _named(self, text: str) -> Named:
        """The item that a line names.

        Raises:
            UsageError: none, several, or something that is no label. KnownError: it was scanned.
        """
        if _DIGITS.fullmatch(text) and len(text) < _FEWEST:
            raise UsageError(
                "too short for a label",
                hint="scan the label of the item, or type its case and exhibit: 2026-117/A1",
            )
        named = items.also(self._session, text, told=False)
        items.go_on_with(named)
        if named.urn in self._seen:
            raise scanning.KnownError("scanned already, and recorded once")
        return named

    def _record(self, named: Named, item: Item) -> tuple[str, str, Recorded]:
        """Read where it lay, and sign where it goes: its number, where it lay, the answer."""
        from ledger.client.reading import retrieval
        from ledger.domain.item import whereabouts

        session, way = self._session, self._way
        self._require_ours(item)
        events, standing = decisions.opened(session, named.urn, {"purpose": way.reason})
        documents = documents_of(events)
        before = whereabouts.lies_at(documents)
        way.require(standing.handedOutTo)
        if not way.party and before.casefold() == way.place.casefold():
            raise scanning.KnownError("lies there already, by its record")
        answer = retrieval.record(
            session.node, session.person, session.clock, named.urn, way.type, way.body(before),
            read=events,
        )  # fmt: skip
        return _number(documents), before, answer

    def _require_ours(self, item: Item) -> None:
        """Check that this person may move an item, before its record is read for it.

        Raises:
            DeniedError: they may not.
        """
        from ledger.domain.identity.roles import counting_roles
        from ledger.domain.item.participation import Part, require_part

        certificate = self._session.person.certificate
        guest = certificate.agency != self._session.person.descriptor.agency
        parts = {part for part in Part if part.name.lower() in (item.parts or ())}
        held = counting_roles(certificate.roles, guest=guest)
        try:
            require_part(self._way.type, parts, held=held)
        except DeniedError as error:
            raise DeniedError(
                f"{self._holder_of(item)} holds it, and it is not yours to move", hint=error.hint
            ) from error

    def _holder(self, item: Item) -> str:
        """Who holds it, where that is somebody else: a custodian moves what colleagues hold."""
        own = self._session.person.certificate.subject
        if (item.custodian, item.holder) == (own.agency, own.pseudonym):
            return ""
        return f", held by {self._holder_of(item)}"

    def _holder_of(self, item: Item) -> str:
        holder = PersonId(item.custodian, item.holder)
        return labels.holder(item, people.named(self._session, [holder]))


def _number(documents: dict[str, dict[str, Any]]) -> str:
    """Case and exhibit of an item as its record stands; empty where it has none."""
    from ledger.client.intake.part_numbers import number_of
    from ledger.domain.event import same_record

    standing = next(iter(dict(same_record.versions(documents)).values()), {})
    given = standing.get("identifiers", [])
    return "/".join(one for scheme in ("case", "exhibit") if (one := number_of(given, scheme)))
