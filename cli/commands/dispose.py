"""custody dispose: disposal by two persons, destruction of keys, and the certificate of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import decisions, event_members, items, output, people, questions
from cli.global_options import STATE, Evidence, Json
from cli.hints import command, elsewhere, runnable
from cli.questions import Yes

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.domain.ports.answers import Disposal, RecordedDocument

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
_REQUEST = """Request the disposal of an item.

\b
Example:
  custody --home ~/node dispose request 3f0c1d2e-... \\
    --reason "case closed" --rule wpg-9
"""
_APPROVE = """Approve a requested disposal, as a second person. You are shown what was requested, by
whom and why, and asked; what you sign names that request and no other.

\b
Example:
  custody --home ~/mine dispose approve 3f0c1d2e-...
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


def request(
    evidence: Evidence,
    reason: Annotated[str, typer.Option(help="Why.")],
    rule: Annotated[
        str, typer.Option(help="Rule by which it is disposed of, as your profile names it.")
    ] = "",
    as_json: Json = False,
) -> None:
    from cli.session import open_session
    from ledger.client import retrieval

    body = {"reason": reason, **_named(rule)}
    with open_session() as session:
        urn = items.urn_of(session, evidence)
        # The node judges the disposal itself for it, which is not what is previewed.
        hindrance = "" if STATE.preview else _hindrance(session, urn, rule)
        answer = retrieval.record(
            session.node, session.person, session.clock, urn, "disposal-requested", body
        )
    output.result(
        answer,
        "requested; a colleague approves it with their own keys: "
        f"`{elsewhere('dispose', 'approve', evidence)}`",
        *([f"note: now it could not be carried out: {hindrance}"] if hindrance else []),
    )


def _hindrance(session: Session, urn: str, rule: str) -> str:
    """What keeps the item from being disposed of now, such as a hold: as far as whoever asks may
    carry a disposal out themselves, and the node tells them.
    """
    from ledger.client import retrieval
    from ledger.domain.errors import DeniedError, RuleError

    body = {
        "scope": "all",
        "method": "as requested",
        "approvals": [event_members.UNREAD],
        **_named(rule),
    }
    parts = (session.node, session.person, session.clock, urn)
    try:
        retrieval.rehearse(*parts, "disposed", body)
    except RuleError as error:
        return error.message
    except DeniedError:
        return ""
    return ""


def approve(
    evidence: Evidence,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.session import open_session

    said = {"reason": reason} if reason else {}
    with open_session() as session:
        urn = items.urn_of(session, evidence)
        answer, approved = decisions.decide(
            session, urn, "approved", said, _newest_request, yes=yes, basis=_WHY
        )
    rule = ["--rule", str(approved.body["rule"])] if "rule" in approved.body else []
    output.result(
        answer,
        "approved; a custodian carries it out with: "
        + command("dispose", "carry-out", evidence, "--method", "HOW", *rule),
    )


def carry_out(
    evidence: Evidence,
    method: Annotated[str, typer.Option(help="How: keys destroyed, medium shredded ...")],
    rule: Annotated[str, typer.Option(help="Rule by which it is disposed of.")] = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.session import open_session
    from ledger.client import retrieval
    from ledger.domain.codecs.text import format_time
    from ledger.domain.errors import RuleError, StorageError

    questions.require(yes=yes)
    with open_session() as session:
        urn = items.urn_of(session, evidence)
        said = {"scope": "all", "method": method, **_named(rule)}
        backups = session.node.status(chain=False, ipfs=False).backupsUntil
        if backups is None:
            raise StorageError(
                "until when a backup opens this item is not known: its file cannot be read",
                hint="make a backup: custody backup DIR --keys FILE",
            )
        events, standing = decisions.read(
            session, urn, "disposed", {**said, "approvals": [event_members.UNREAD]}, _WHY
        )
        approvals = _approvals(events, session.person.certificate.agency)
        if not approvals:
            number = _newest_request(events).seq
            raise RuleError(
                f"nobody has approved the disposal as it was requested last, by event {number}",
                hint="a colleague approves it: `custody dispose approve ID`",
            )
        body: dict[str, Any] = {
            **said,
            "approvals": approvals,
            **({"backupsExpire": format_time(backups)} if backups else {}),
        }
        called = people.named(session, people.actors(event.document for event in events))
        if not STATE.json:
            request = _newest_request(events)
            output.say(*decisions.lines(events, request, standing, called))
            output.say("", f"method          {method}", *_approved(events, body, called))
        questions.agree(
            "Destroy its keys? Nobody can open it afterwards.",
            yes=yes,
            otherwise="the item stays as it is, and the approval stands",
        )
        answer = retrieval.record(
            session.node, session.person, session.clock, urn, "disposed", body, read=events
        )
        done = session.node.sync_handovers()
        disposal = session.node.disposal(urn)
        [name] = items.shorts(session, [urn]).values()
    problems = [f"problem: {name}: {runnable(what)}" for name, what in done.problems.items()]
    output.result(
        {"statement": answer.statement, "disposal": disposal},
        *_certificate(disposal, name, [*_decided(events, body, called), _LAST]),
        *problems,
    )


def certificate(evidence: Evidence, as_json: Json = False) -> None:
    from cli.session import open_session

    with open_session() as session:
        disposal = session.node.disposal(items.urn_of(session, evidence))
        [name] = items.shorts(session, [disposal.evidence]).values()
    output.result(disposal, *_certificate(disposal, name))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="dispose")

    group.command(help=_REQUEST)(request)

    group.command(help=_APPROVE)(approve)

    group.command("carry-out", help=_CARRY_OUT)(carry_out)

    group.command(help=_CERTIFICATE)(certificate)


def _named(rule: str) -> dict[str, str]:
    return {"rule": rule} if rule else {}


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
    events: list[RecordedDocument], body: dict[str, Any], called: people.Names
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
    events: list[RecordedDocument], body: dict[str, Any], called: people.Names
) -> list[str]:
    """Who approved it, a line for each."""
    return [
        f"approved        {_by(event, called)}"
        for event in events
        if event.statement in body["approvals"]
    ]


def _by(event: RecordedDocument, called: people.Names) -> str:
    document = event.document or {}
    return f"{document['time']} by {people.signer(document['actor'], called)}"


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
        f"statement       {items.short_digest(disposal.statement)}",
        *decided,
        f"keys destroyed  {disposal.destroyed} here",
        *(
            f"confirmed       {one.agency} at {one.time}, by {items.short_digest(one.statement)}"
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
