"""custody record: everything that can happen to an item, one command each; see
cli/wording/eventforms.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.invocation.global_options import STATE, Evidence, Json
from cli.invocation.hints import command
from cli.items import decisions, exhibits, items, selection
from cli.terminal import moments, output
from cli.terminal.questions import Yes
from cli.wording import known_codes, labels, record_options
from cli.wording.eventforms import FORMS, Field, Form
from ledger.domain.codecs.text import counted
from ledger.domain.event.normalization import form as form_of

if TYPE_CHECKING:
    from cli.items.short_ids import Named
    from cli.node.session import Session
    from ledger.domain.ports.answers import Recorded, RecordedDocument

_HELP = """Record what happened to an item, to several or to a whole case: signed by you, in order,
for ever.

\b
Example:
  custody record move 2026-117/ --to "store 3, shelf 14"
  custody --home ~/evidence record seal 3f0c1d2e-... --number S-2
  custody --home ~/evidence record hold 3f0c1d2e-... --name appeal-7
"""
_COMMON: dict[str, Any] = {
    "basis": record_options.Purpose,
    "basis_kind": record_options.BasisKind,
    "authorisation": record_options.Authorisation,
    "authority": record_options.Authority,
    "occurred": record_options.Occurred,
    "late": record_options.Late,
}
#: What is recorded for a folder and not for its files, and how these are told to stand.
_NOT_OF_PARTS: Final = {
    "restricted": "keep their marks as they are",
    "unrestricted": "keep their marks as they are",
    "hold-placed": "are under no hold by that",
    "hold-released": "keep their holds as they are",
}
_TIMES = ("time", "past")
_REPEATED = ("texts", "seals", "names", "items")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="record")
    for form in FORMS:
        group.command(
            form.name,
            help=(
                f"{form.help}\n\n\b\nExample:\n  custody record {form.name} 3f0c1d2e-... \\\n   "
                f" {form.example}"
            ),
        )(_command(form))


def _command(form: Form) -> Callable[..., None]:
    """A function with the form's options as its signature, which is what typer reads."""

    def run(**given: Any) -> None:
        _run(form, given)

    several = Evidence if _is_decision(form) else selection.Several
    parameters: dict[str, tuple[Any, Any]] = {"evidence": (several, inspect.Parameter.empty)}
    for field in form.fields:
        many = field.kind in _REPEATED
        option = typer.Option(
            f"--{field.option}", help=field.help, min=0 if field.kind == "event" else None
        )
        kind: Any = list[str] if many else (int if field.kind == "event" else str)
        default: Any = inspect.Parameter.empty if field.required else ([] if many else "")
        parameters[_name(field)] = (Annotated[kind, option], default)
    for name, annotation in _COMMON.items():
        parameters.setdefault(name, (annotation, ""))
    parameters["yes"] = (Yes, False)
    parameters["as_json"] = (Json, False)
    ordered = sorted(parameters.items(), key=lambda pair: pair[1][1] is not inspect.Parameter.empty)
    kind_of = inspect.Parameter.KEYWORD_ONLY
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, kind_of, default=d, annotation=a) for name, (a, d) in ordered]
    )
    run.__annotations__ = {name: annotation for name, (annotation, _) in ordered}
    run.__name__ = form.name
    return run


def _name(field: Field) -> str:
    return "field_" + field.option.replace("-", "_")


def _run(form: Form, given: dict[str, Any]) -> None:
    from cli.node.session import open_session
    from ledger.client.reading import retrieval

    said = record_options.basis_member(
        given["basis"], given["basis_kind"], given["authorisation"], given["authority"]
    )
    said |= record_options.moment_members(given["occurred"], given["late"])
    for field in form.fields:
        if field.codes is not None:
            given[_name(field)] = _known(field, given[_name(field)])
        if field.kind in _TIMES and (
            text := given[_name(field)]
        ):  # before anything is asked of a node
            read = record_options.past_time if field.kind == "past" else moments.read
            given[_name(field)] = read(text, f"--{field.option}").text
    if form.type == "identified":
        number = {form_of(given["field_scheme"]): given["field_value"]}
        record_options.require_numbers(number.get("case", ""), number.get("exhibit", ""))
    with open_session() as session:
        if _is_decision(form):
            urn = items.urn_of(session, given["evidence"])
            decided = _decided(session, urn, form, _body(session, form, given), given, said)
            output.result(decided, labels.recorded(decided))
            return
        chosen = selection.find(session, given["evidence"])
        selection.agree(chosen, f"Record {form.type!r} for {{}}?", yes=given["yes"])
        body = _body(session, form, given)
        done = selection.each(
            chosen,
            lambda one: retrieval.record(
                session.node, session.person, session.clock, one.urn, form.type, body, said
            ),
            "recording",
        )
        if form.type in _NOT_OF_PARTS and not STATE.offline:
            _tell_parts(session, [one for one, _ in done.answers], _NOT_OF_PARTS[form.type])
        if form.type == "voided" and chosen.alone and not STATE.offline:
            _tell_numbered(session, chosen.items[0], body["reason"])
    selection.tell_recorded(chosen, done)


def _known(field: Field, typed: Any) -> Any:
    """Codes as they are signed; see known_codes.

    Raises:
        UsageError: one is not known, and not said to be meant.
    """
    codes, option = field.codes, f"--{field.option}"
    if codes is None or not typed:
        return typed
    if isinstance(typed, str):
        return known_codes.read(codes, option, typed)
    return known_codes.read_all(codes, option, typed)


def _tell_parts(session: Session, named: list[Named], how: str) -> None:
    """Say that items which are parts of those that were named stand as before: files of a folder
    are items of their own.
    """
    for one, left in exhibits.beside(session, named):
        output.say(
            f"{one.short}: {counted(len(left), 'part')} of it, items of their own, {how}",
            f"see which: {command('tree', one.short)}",
        )


def _tell_numbered(session: Session, voided: Named, reason: str) -> None:
    """Say that parts of an exhibit which was named by its numbers, and voided, stand as before."""
    numbers = dict(voided.numbers)
    if "case" not in numbers or "exhibit" not in numbers:
        return
    if parts := exhibits.parts(session, voided.urn, numbers["case"], numbers["exhibit"]):
        whole = f"{numbers['case']}/{numbers['exhibit']}/"
        output.say(
            f"{counted(len(parts), 'part')} of it, items of their own, stand as before",
            f"to void them too: {command('record', 'void', whole, '--reason', reason)}",
        )


def _body(session: Session, form: Form, given: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = dict(form.fixed)
    for field in form.fields:
        value = given[_name(field)]
        if field.kind != "event" and value not in ("", []):
            _put(body, field.path.split("."), _value(session, field, value))
    return body


def _is_decision(form: Form) -> bool:
    """Whether it is about an event that somebody else recorded."""
    return any(field.kind == "event" for field in form.fields)


def _decided(
    session: Session,
    urn: str,
    form: Form,
    body: dict[str, Any],
    given: dict[str, Any],
    said: dict[str, Any],
) -> Recorded:
    """Show the event that is to be approved or refused, ask, and sign for that one."""
    from ledger.domain.errors import NotFoundError, UsageError

    [asked] = [given[_name(field)] for field in form.fields if field.kind == "event"]
    known = {event.seq for event in session.node.events(urn)}
    if asked not in known:
        raise UsageError(f"the item has events 0 to {len(known) - 1}, not {asked}")

    def pick(events: list[RecordedDocument]) -> RecordedDocument:
        found = next((event for event in events if event.seq == asked), None)
        if found is None:
            raise NotFoundError(f"what event {asked} said was destroyed")
        return found

    why = said.get("basis") or {"purpose": "approval"}
    answer, _ = decisions.decide(
        session, urn, form.type, body, pick, yes=given["yes"], basis=why, members=said
    )
    return answer


def _value(session: Session | None, field: Field, value: Any) -> Any:
    if field.kind == "seals":
        return [{"number": member} for member in value]
    if field.kind == "names":
        return [{"name": member} for member in value]
    if field.kind == "items":
        return [items.also(session, member).urn for member in value]
    return items.also(session, value).urn if field.kind == "item" else value


def _put(body: dict[str, Any], path: list[str], value: Any) -> None:
    """Put a value at a path; a number in the path is a place in a list."""
    place: Any = body
    for name, following in zip(path, [*path[1:], ""], strict=True):
        if isinstance(place, list):
            if not place:
                place.append({})
            place = place[int(name)]
            continue
        if not following:
            place[name] = value
            return
        place = place.setdefault(name, [] if following.isdigit() else {})
