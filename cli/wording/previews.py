"""What is about to be signed, in plain words: shown with --preview, which signs nothing, and before
somebody at a terminal signs what cannot be taken back.

It is shown where it goes to the node: what is judged there, or recorded, is what was read. A
command that opens the record first has the node judge its draft before; what it reads then may add
to it, such as the seals on a thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import typer

from cli.invocation.global_options import STATE
from cli.terminal import output, questions
from cli.wording import event_members, labels
from ledger.domain.errors import UsageError

#: What passes an item on, corrects its record, or closes it. Whoever answers an offer or a request
#: is asked by its own command, which shows more.
ASKED: Final = frozenset(
    {"transfer-offered", "corrected", "disposal-requested", "returned", "voided"}
)
#: Commands by which a person signs for an item, or does several things that follow on each other.
_SIGNING: Final = frozenset(
    {
        *("bundle", "copy", "correct", "court", "disclose", "dispose", "get", "handover", "note"),
        *("person leave", "person replace", "recheck", "record", "seize", "share", "show"),
    }
)
#: Commands by which nobody signs anything, but for a `list` that reads sealed names.
_UNSIGNED: Final = frozenset(
    {
        *("anchor", "audit", "backup", "config", "doctor", "home", "inbox", "init", "ipfs"),
        *("list", "log", "monitor", "restore", "serve", "session", "status", "trust", "verify"),
    }
)


def require_signing(command: str) -> None:
    """Refuse a preview of a command that signs nothing for an item, or much more than is shown.

    Raises:
        UsageError: it is none of those that a preview is for.
    """
    words = [part.value for part in STATE.typed if not part.option]
    if not {command, " ".join(words[:2])} & _SIGNING:
        known = ", ".join(sorted(_SIGNING))
        raise UsageError(
            f"--preview is not for {command}: nothing was done",
            hint="to see what would be recorded: --dry-run in its place"
            if command == "upload"
            else f"it is for {known}",
        )


def require_acting(command: str) -> None:
    """Refuse a role to sign in where the command signs nothing: it would be taken for what says who
    looks.

    Raises:
        UsageError: the command signs nothing.
    """
    reads_names = any(part.option == "--basis" for part in STATE.typed)  # which is signed for
    if command in _UNSIGNED and not (command == "list" and reads_names):
        raise UsageError(
            f"--as is not for {command}, which signs nothing: nothing was done",
            hint=f"leave --as {STATE.acting_as} away",
        )


def of_draft(raw: bytes, disclosures: Sequence[str]) -> None:
    """Show what the node judged and nobody signed yet.

    Raises:
        UsageError: whoever was asked does not sign. typer.Exit: it was a preview.
    """
    from ledger.domain.event import document as documents

    draft = documents.parse(raw, disclosures).value
    # Which of its numbers is corrected is known once the record was read: it is asked for then.
    if STATE.preview or draft["body"].get("pointer") not in event_members.NUMBERS:
        _show([draft])


def of_submissions(submissions: Sequence[dict[str, Any]]) -> None:
    """Show what is signed and recorded nowhere yet.

    Raises:
        UsageError: whoever was asked does not want it recorded. typer.Exit: it was a preview.
    """
    if STATE.preview or questions.can_ask():
        # The old number of an item is known once its record was opened, which is signed for.
        _show([_document(one) for one in submissions], signed="only your access was signed")


def _document(submission: dict[str, Any]) -> dict[str, Any]:
    from ledger.domain.codecs.text import from_b64url
    from ledger.domain.event import document as documents

    raw = from_b64url(submission["document"], what="document")
    return documents.parse(raw, submission["disclosures"]).value


def _show(events: Sequence[dict[str, Any]], *, signed: str = "nothing was signed") -> None:
    if STATE.preview:
        lines = [line for event in events for line in (*_lines(event), "")]
        output.result(
            {"preview": events},
            "This would be signed and recorded; nothing was:",
            "",
            *lines[:-1],
        )
        raise typer.Exit
    if not questions.can_ask() or any(part.option == "--yes" for part in STATE.typed):
        return
    for event in events:
        asked = (event["evidence"], event["type"])
        if event["type"] not in ASKED or asked in STATE.agreed:
            continue
        output.say(*_lines(event))
        before = signed if event["type"] == "corrected" else "nothing was signed"
        questions.agree(
            "Sign it, as it is shown here?", yes=False, otherwise="all is as before", signed=before
        )
        STATE.agreed.add(asked)


def _lines(event: dict[str, Any]) -> list[str]:
    actor, said = event["actor"], event_members.said(event)
    rows = [
        ("item", STATE.item if event["evidence"] == STATE.urn else event["evidence"]),
        ("what", labels.EVENTS.get(event["type"], event["type"])),
        ("signed by", f"you, as {actor['role']} of {actor['agency']}"),
        ("at", event["time"]),
        *((event_members.word(name), event_members.text(one)) for name, one in said),
    ]
    wide = max(len(word) for word, _ in rows) + 2
    return [f"{word:<{wide}}{text}" for word, text in rows]
