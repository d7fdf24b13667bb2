"""custody handover pause: reading an item that is on offer."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from cli.invocation.global_options import STATE, Basis, Evidence, Json
from cli.invocation.hints import command
from cli.items import items, offer_confirmation
from cli.terminal import outfile, output, questions

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.client.handovers.handover_pause import Reading
    from ledger.domain.ports.answers import RecordedDocument

_HELP = """Read an item that is on offer: the offer is taken back, your access signed, the content
decrypted, and the offer made again.

While an offer is open nobody can read the item. If the other agency accepts at the same moment the
chain decides. Started again after an interruption it goes on; without -o it only makes the offer
again.

\b
Example:
  custody --home ~/nl handover pause 3f0c1d2e-... -o photo.jpg \\
    --basis "the court asks for it today"
"""


def pause(
    evidence: Evidence,
    basis: Basis = "",
    out: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write the content to.")
    ] = None,
    force: outfile.Force = False,
    wait: Annotated[
        float, typer.Option(min=0, max=86400, help="Seconds to wait for the chain.")
    ] = 600,
    yes: questions.Yes = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.client.handovers import handover_pause
    from ledger.domain.errors import UsageError

    written = ExitStack()
    file = written.enter_context(outfile.writing(out, force=force)) if out is not None else None
    with written, open_session() as session:
        named = items.find(session, evidence)
        urn, said = named.urn, items.reason(basis, named, evidence, "handover", "pause")
        item = session.node.item(urn)
        if item.offer is not None and (out is None) != (item.cid is None):
            wrong = (
                "this item has no content" if item.cid is None else "say where the content shall go"
            )
            raise UsageError(wrong, hint="leave -o away" if item.cid is None else "add -o FILE")
        if item.offer is not None and not _is_own(session, session.node.open_offer(urn)):
            questions.require(yes=yes)
        with _Told(out, force=force) as told, written:
            waiting = handover_pause.Waiting(wait, output.say)
            handover_pause.take_back(
                session.node, session.person, session.clock, urn, waiting, basis=said
            )
            told.taken_back = True
            reading = handover_pause.begin(session.node, session.person, session.clock, urn, said)
            if file is not None:
                _decrypt(session, urn, reading, file.file)
            written.close()  # whole, and on the disk, before nobody can read it again
            told.written = out is not None
            _agree(session, urn, reading, yes=yes)
            answer = handover_pause.offer_again(
                session.node, session.person, session.clock, urn, reading
            )
            told.finished = True
        from cli.node.forwarding import forward

        forward(session, reading.terms.agency)
    text = (
        f"read and offered again to {reading.terms.person or reading.terms.agency}, with "
        "the same terms"
    )
    output.result(
        asdict(answer) | {"path": str(out) if out is not None else None, "access": reading.access},
        text,
    )


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("pause", help=_HELP)(pause)


def _decrypt(session: Session, urn: str, reading: Reading, file: Any) -> None:
    from ledger.client.reading import retrieval

    body = retrieval.content_record(reading.events)
    with output.progress("decrypting", body["size"]) as advance:
        retrieval.fetch(
            session.node, session.person, urn, reading.access, file, advance, recorded=body
        )


def _is_own(session: Session, offer: RecordedDocument) -> bool:
    """Whether the person who works here signed an offer."""
    return offer_confirmation.offered_by(offer) == session.person.certificate.subject


def _agree(session: Session, urn: str, reading: Reading, *, yes: bool) -> None:
    """Show an offer that somebody else made, and ask whether it shall be made again: it would be
    this person's own from then on, also where the other one's key turns out to be stolen.

    Raises:
        UsageError: they do not agree, or cannot be asked.
    """
    from cli.node import people
    from cli.wording import person_words
    from ledger.client.handovers.offered_item import OnOffer

    if _is_own(session, reading.offer):
        return
    opening, offer = reading.events[0].document, reading.offer.document
    assert opening is not None
    assert offer is not None  # the record is whole
    statement, events = reading.offer.statement, tuple(reading.events)
    shown = OnOffer(urn, statement, opening, offer, reading.standing, (), events)
    called = people.named(session, person_words.actors([opening, offer]))
    output.say(*offer_confirmation.offer_lines(shown, called))
    questions.agree(
        "Somebody else made this offer. Make it again, in your name?",
        yes=yes,
        otherwise="the item is not on offer now",
        hint=command("handover", STATE.item, "--to", "NUMBER"),
    )


class _Told:
    """Says where an interruption has left the item, and what to start to go on."""

    def __init__(self, out: Path | None, *, force: bool) -> None:
        self._out, self._force = out, ["--force"] if force else []
        self.taken_back = self.written = self.finished = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        from ledger.domain.errors import CustodyError

        if error is None or self.finished:
            return
        target = ["-o", self._out, *self._force] if self._out and not self.written else []
        item = STATE.item
        again = command("handover", "pause", item, *target, "--basis", "WHY")
        if not self.taken_back:
            if not isinstance(error, CustodyError):
                output.say(
                    "custody: stopped before the offer was taken back for good; see: "
                    f"{command('handover', 'list')}; to go on: {again}"
                )
            return
        output.say(
            "custody: the item is not on offer "
            f"now{', its content is written' if self.written else ''}"
        )
        output.say(f"  what to do: to offer it again with the same terms: {again}")
