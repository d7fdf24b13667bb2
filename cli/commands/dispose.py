"""custody dispose: disposal by two persons, destruction of keys, and the certificate of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands import dispose_request
from cli.invocation.global_options import STATE, Evidence, Json
from cli.invocation.hints import command, runnable
from cli.items import decisions, disposal_certificates, items, selection, short_ids
from cli.node import people
from cli.terminal import output, questions
from cli.terminal.questions import Yes
from cli.wording import event_members, person_words
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from cli.items.selection import Chosen, Done
    from cli.node.session import Session
    from ledger.domain.ports.answers import Disposal, Recorded, RecordedDocument

_HELP = """Dispose of an item: one person requests it, another one approves, a custodian carries it
out. Keys are destroyed for good.

\b
Example:
  custody --home ~/node dispose request 3f0c1d2e-... \\
    --reason "case closed" --rule wpg-9
  custody --home ~/mine dispose approve 3f0c1d2e-...
  custody --home ~/node dispose carry-out 3f0c1d2e-... \\
    --method "keys destroyed"
  custody --home ~/node dispose certificate 3f0c1d2e-...
"""
_APPROVE = """Approve a requested disposal, as a second person. You are shown what was requested, by
whom and why, and asked, of several for each; what you sign names that request and no other.

\b
Example:
  custody --home ~/mine dispose approve 3f0c1d2e-...
  custody dispose approve 2026-117/A2/
"""
_CARRY_OUT = """Carry an approved disposal out: nobody can open the item afterwards. Its events stay
in the log and go on verifying. You are shown who requested and approved it and what holds for the
item, and asked once, also of several.

\b
Example:
  custody --home ~/node dispose carry-out 3f0c1d2e-... \\
    --method "keys destroyed" --rule wpg-9
"""
_CERTIFICATE = """Print the certificate of a disposal: which keys were destroyed when, who confirmed
it, and until when backups live.

\b
Example:
  custody --home ~/node dispose certificate 3f0c1d2e-...
"""
_LAST = "                (by the record, gone with the keys: told here for the last time)"
_WHY = {"purpose": "disposal"}
_ASK = "custody dispose request ID --reason WHY; then a colleague: `custody dispose approve ID`"


def approve(
    evidence: selection.Several,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session

    said = {"reason": reason} if reason else {}
    questions.require(yes=yes)
    with open_session() as session:
        chosen = selection.find(session, evidence)
        selection.require_some(chosen)
        dispose_request.tell_parts(session, chosen)
        done = selection.each(
            chosen,
            lambda one: decisions.decide(
                session, one.urn, "approved", said, _newest_request, yes=yes, basis=_WHY
            ),
            "approving",
        )
    rules = {str(approved.body.get("rule", "")) for _, (_, approved) in done.answers}
    rule = ["--rule", rules.pop()] if len(rules) == 1 and "" not in rules else []
    ways = command("dispose", "carry-out", evidence[0], *evidence[1:], "--method", "HOW", *rule)
    done.answers[:] = [(one, answer) for one, (answer, _) in done.answers]
    if chosen.alone:
        [(_, answer)] = done.answers
        output.result(answer, f"approved; a custodian carries it out with: {ways}")
        return
    many = counted(len(done.answers), "item")
    selection.tell(done, f"approved for {many}; a custodian carries it out with: {ways}")


def carry_out(
    evidence: selection.Several,
    method: Annotated[str, typer.Option(help="How: keys destroyed, medium shredded ...")],
    rule: Annotated[str, typer.Option(help="Rule by which it is disposed of.")] = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.domain.errors import StorageError

    questions.require(yes=yes)
    with open_session() as session:
        chosen = selection.find(session, evidence)
        selection.require_some(chosen)
        backups = session.node.status(chain=False, ipfs=False).backupsUntil
        if backups is None:
            raise StorageError(
                "until when a backup opens this item is not known: its file cannot be read",
                hint="make a backup: custody backup DIR --keys FILE",
            )
        dispose_request.tell_parts(session, chosen)
        said = {"scope": "all", "method": method, **dispose_request.named(rule)}
        ready = selection.each(
            chosen, lambda one: _ready(session, one.urn, said, backups), "reading"
        )
        _agree(ready, chosen, method, yes=yes)
        done = selection.each(
            replace(chosen, items=tuple(one for one, _ in ready.answers)),
            lambda one: _carried_out(session, one.urn, dict(ready.answers)[one]),
            "destroying keys",
        )
        done.refused[:0], done.left[:0] = ready.refused, ready.left
        done.stopped = ready.stopped or done.stopped
        gone = session.node.sync_handovers()
        names = short_ids.shorts(session, [one.urn for one, _ in done.answers])
        certificates: list[tuple[Disposal, str, list[str]]] = []
        for at, (one, (answer, decided)) in enumerate(done.answers):
            disposal = session.node.disposal(one.urn)
            done.answers[at] = (one, {"statement": answer.statement, "disposal": disposal})
            certificates.append((disposal, names[one.urn], decided))
    told = disposal_certificates.of_several(certificates)
    told += [f"problem: {name}: {runnable(what)}" for name, what in gone.problems.items()]
    if chosen.alone:
        [(_, value)] = done.answers
        output.result(value, *told)
        return
    selection.tell(done, *told)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A disposal that may be carried out: what was read, what would be signed, what is shown, and
    who decided it on which terms.
    """

    events: list[RecordedDocument]
    body: dict[str, Any]
    shown: list[str]
    decided: list[str]


def _ready(session: Session, urn: str, said: dict[str, Any], backups: int) -> _Ready:
    """Read who asked for a disposal, and who approved it.

    Raises:
        RuleError: nobody did.
    """
    from ledger.domain.codecs.text import format_time
    from ledger.domain.errors import RuleError

    events, standing = decisions.read(
        session, urn, "disposed", {**said, "approvals": [event_members.UNREAD]}, _WHY
    )
    request = _newest_request(events)
    approvals = _approvals(events, session.person.certificate.agency)
    if not approvals:
        raise RuleError(
            f"nobody has approved the disposal as it was requested last, by event {request.seq}",
            hint="a colleague approves it: `custody dispose approve ID`",
        )
    body: dict[str, Any] = {
        **said,
        "approvals": approvals,
        **({"backupsExpire": format_time(backups)} if backups else {}),
    }
    called = people.named(session, person_words.actors(event.document for event in events))
    return _Ready(
        events,
        body,
        decisions.lines(events, request, standing, called),
        _decided(events, body, called),
    )


def _agree(ready: Done, chosen: Chosen, method: str, *, yes: bool) -> None:
    """Show what was requested and approved, of each item, and ask once for all of them.

    Raises:
        UsageError: they do not agree.
    """
    if not ready.answers:
        return
    if not STATE.json:
        for _, one in ready.answers:
            approved = [line for line in one.decided if line.startswith("approved")]
            output.say(*one.shown, "", f"method          {method}", *approved)
    if STATE.preview and not chosen.alone:  # of the first of them what would be signed is shown
        return
    many = "its keys" if chosen.alone else f"the keys of {counted(len(ready.answers), 'item')}"
    it = "it" if len(ready.answers) == 1 else "them"
    questions.agree(
        f"Destroy {many}? Nobody can open {it} afterwards.",
        yes=yes,
        otherwise="all is as before, and the approvals stand",
    )


def _carried_out(session: Session, urn: str, ready: _Ready) -> tuple[Recorded, list[str]]:
    """Destroy the keys.

    Returns:
        the node's answer, and what the record said, which is gone with them.
    """
    from ledger.client.reading import retrieval

    answer = retrieval.record(
        session.node, session.person, session.clock, urn, "disposed", ready.body, read=ready.events
    )
    return answer, [*ready.decided, _LAST]


def certificate(evidence: Evidence, as_json: Json = False) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        disposal = session.node.disposal(items.urn_of(session, evidence))
        [name] = short_ids.shorts(session, [disposal.evidence]).values()
    output.result(disposal, *disposal_certificates.certificate(disposal, name))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="dispose")

    dispose_request.register(group)

    group.command(help=_APPROVE)(approve)

    group.command("carry-out", help=_CARRY_OUT)(carry_out)

    group.command(help=_CERTIFICATE)(certificate)


def _of_type(events: list[RecordedDocument], event_type: str) -> list[RecordedDocument]:
    return [event for event in events if event.type == event_type]


def _approvals(events: list[RecordedDocument], agency: str) -> list[str]:
    """Statements of people of an agency who approve the newest request: those of guests, whom an
    earlier version let approve, count for nothing.
    """
    requested = _newest_request(events).statement
    return [
        event.statement
        for event in _of_type(events, "approved")
        if event.body["target"] == requested
        and event.document is not None
        and event.document["actor"]["agency"] == agency
    ]


def _newest_request(events: list[RecordedDocument]) -> RecordedDocument:
    from ledger.domain.errors import RuleError

    requests = _of_type(events, "disposal-requested")
    if not requests:
        raise RuleError("nobody has requested the disposal of this item", hint=_ASK)
    return requests[-1]


def _decided(
    events: list[RecordedDocument], body: dict[str, Any], called: person_words.Names
) -> list[str]:
    """By whom and on which terms it was decided: as the record said that was read before it went.

    Args:
        body: of the disposal.
    """
    requested = _newest_request(events)
    return [
        f"rule            {body.get('rule', 'none was named')}",
        f"reason          {requested.body['reason']}",
        f"method          {body['method']}",
        f"requested       {_by(requested, called)}",
        *_approved(events, body, called),
    ]


def _approved(
    events: list[RecordedDocument], body: dict[str, Any], called: person_words.Names
) -> list[str]:
    """Who approved it, a line for each."""
    return [
        f"approved        {_by(event, called)}"
        for event in events
        if event.statement in body["approvals"]
    ]


def _by(event: RecordedDocument, called: person_words.Names) -> str:
    document = event.document or {}
    return f"{document['time']} by {person_words.signer(document['actor'], called)}"
