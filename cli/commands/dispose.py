"""custody dispose: disposal by two persons, destruction of keys, and the certificate of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands import dispose_request
from cli.invocation.global_options import STATE, Evidence, Json
from cli.invocation.hints import command, runnable
from cli.items import decisions, items, selection, short_ids
from cli.node import people
from cli.terminal import output, questions
from cli.terminal.questions import Yes
from cli.wording import event_members, person_words
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
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
item, and asked.

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
        done = selection.each(
            chosen,
            lambda one: _carried_out(session, one.urn, said, backups, yes=yes),
            "destroying keys",
        )
        gone = session.node.sync_handovers()
        names = short_ids.shorts(session, [one.urn for one, _ in done.answers])
        told = list[str]()
        for at, (one, (answer, decided)) in enumerate(done.answers):
            disposal = session.node.disposal(one.urn)
            done.answers[at] = (one, {"statement": answer.statement, "disposal": disposal})
            told += [*([""] if told else []), *_certificate(disposal, names[one.urn], decided)]
    told += [f"problem: {name}: {runnable(what)}" for name, what in gone.problems.items()]
    if chosen.alone:
        [(_, value)] = done.answers
        output.result(value, *told)
        return
    selection.tell(done, *told)


def _carried_out(
    session: Session, urn: str, said: dict[str, Any], backups: int, *, yes: bool
) -> tuple[Recorded, list[str]]:
    """Show who asked for a disposal and who approved it, ask, and destroy the keys.

    Returns:
        the node's answer, and what the record said, which is gone with them.
    """
    from ledger.client.reading import retrieval
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
    if not STATE.json:
        output.say(*decisions.lines(events, request, standing, called))
        output.say("", f"method          {said['method']}", *_approved(events, body, called))
    questions.agree(
        "Destroy its keys? Nobody can open it afterwards.",
        yes=yes,
        otherwise="the item stays as it is, and the approval stands",
    )
    answer = retrieval.record(
        session.node, session.person, session.clock, urn, "disposed", body, read=events
    )
    return answer, [*_decided(events, body, called), _LAST]


def certificate(evidence: Evidence, as_json: Json = False) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        disposal = session.node.disposal(items.urn_of(session, evidence))
        [name] = short_ids.shorts(session, [disposal.evidence]).values()
    output.result(disposal, *_certificate(disposal, name))


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


def _may_keep(nodes: tuple[str, ...]) -> list[str]:
    """IPFS nodes that nobody asks any more, and what ends that."""
    lines = [f"may still keep  ciphertext, without a key: IPFS node {name}" for name in nodes]
    name = nodes[0].partition(", removed ")[0] if nodes else ""
    if name.startswith("("):  # of another agency, which does not name its nodes to guests
        return lines
    done = runnable(f"custody ipfs remove {name} --destroyed")
    return [*lines, f"                once it is destroyed there: {done}"] if lines else []


def _backups(expire: str | None) -> str:
    return (
        f"backups         can be opened until {expire}, not after"
        if expire
        else "backups         none were made"
    )


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


def _certificate(disposal: Disposal, name: str, decided: Sequence[str] = ()) -> list[str]:
    """The certificate in words.

    Args:
        name: short id of the item.
    """
    confirmed = {confirmation.agency for confirmation in disposal.confirmed}
    waiting = [agency for agency in disposal.expected if agency not in confirmed]
    return [
        disposal.title.upper() or "CERTIFICATE OF DISPOSAL",
        "",
        *(
            [*output.wrapped(" ".join(disposal.text.split()), 78, indent=0), ""]
            if disposal.text
            else []
        ),
        f"item            {name}",
        f"disposed of     {disposal.disposed} by {disposal.agency}",
        f"statement       {short_ids.short_digest(disposal.statement)}",
        *decided,
        f"keys destroyed  {disposal.destroyed} here",
        *(
            f"confirmed       {one.agency} at {one.time}, "
            f"by {short_ids.short_digest(one.statement)}"
            for one in disposal.confirmed
        ),
        *(f"still expected  {agency}, which held it before" for agency in waiting),
        f"copies pinned   {disposal.pins} still to be removed, at "
        + (", ".join(disposal.pinnedAt) or "nodes of the agency")
        if disposal.pins
        else "copies pinned   none left at the IPFS nodes in use",
        "                (what came to such a node of a sending that broke off, and was",
        "                never pinned, it keeps without a key till `ipfs repo gc` there)",
        *_may_keep(disposal.mayKeep),
        *(
            [
                "ciphertext      some still on the node's own disk, or it may be; to remove",
                f"                what no other item has: {command('collect')}",
            ]
            if disposal.stored
            else ["ciphertext      none left on the node's own disk"]
        ),
        _backups(disposal.backupsExpire),
        "",
        "What remains: opaque entries in the log, which still prove who held the item",
        "and in which order.",
        f"Check them: {command('bundle', name)}",
        f"Its ids in full: {command('dispose', 'certificate', name, '--json')}",
    ]
