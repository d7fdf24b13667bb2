"""custody recheck"""

from __future__ import annotations

from dataclasses import asdict

import typer

from cli.invocation.global_options import Basis, Evidence, Json
from cli.items import items
from cli.terminal import output
from cli.wording import labels

_HELP = """Decrypt and hash an item's stored content again, and record the result as a signed event.

\b
Example:
  custody --home ~/evidence recheck 3f0c1d2e-... --basis "yearly fixity check"
"""
_SAID = {
    "match": "match: the content here is, bit for bit, what was recorded",
    "mismatch": "mismatch: the content here is NOT what was recorded",
    "missing": "missing: the content is not here",
    "unreachable": "unreachable: the content could not be reached, which says nothing of it",
    "unreadable": "unreadable: the content could not be read, which says nothing of it",
}
_NONE = {"sha-256": "00" * 32}
_TRIED = {"scope": "content", "result": "match", "expected": _NONE, "found": _NONE, "size": 0}
_CODES = {"mismatch": 1, "missing": 1, "unreachable": 3, "unreadable": 4}


def recheck(evidence: Evidence, basis: Basis = "", as_json: Json = False) -> None:
    from cli.node.session import open_session
    from ledger.client.reading import retrieval
    from ledger.domain.blocks.failed_reading import result_of
    from ledger.domain.errors import (
        CustodyError,
        NetworkError,
        NotFoundError,
        StorageError,
        UnreadableError,
        UsageError,
        VerificationError,
    )

    failure: CustodyError | None = None
    with open_session() as session:
        session.person.role_for("verified")
        named = items.find(session, evidence)
        urn = named.urn
        if not session.node.readable(urn, "copy").content:
            raise UsageError(
                "this item has no content here that could be read",
                hint="see what it is: custody show ID --basis WHY",
            )
        said = items.reason(basis, named, evidence, "recheck")
        parts = (session.node, session.person, session.clock, urn)
        # Judged before the access is signed: a result that the profile refuses afterwards would
        # leave a reading for nothing. Size and digests, not known yet, stand for those to come.
        retrieval.rehearse(*parts, "verified", _TRIED, profile_alone=True)
        access = retrieval.record_access(*parts, mode="copy", basis=said)
        events = session.node.details(urn, access)
        expected = retrieval.content_record(events)
        body = {"scope": "content", "expected": expected["digests"], "size": expected["size"]}
        try:
            with output.progress("hashing", expected["size"]) as advance:
                opened = retrieval.fetch(
                    session.node, session.person, urn, access, None, advance, recorded=expected
                )
            body |= {"result": "match", "found": opened.digests}
        except (
            VerificationError,
            NotFoundError,
            UnreadableError,
            NetworkError,
            StorageError,
        ) as error:
            # Told apart: a node out of reach is never taken for a mismatch. Whoever may not
            # read it has read nothing to record.
            failure, body = error, {**body, "result": result_of(error), "reason": error.message}
        answer = retrieval.record(
            session.node, session.person, session.clock, urn, "verified", body, read=events
        )
    output.result(
        asdict(answer) | {"result": body["result"]},
        _SAID[body["result"]],
        labels.recorded(answer, "that it was checked is recorded"),
    )
    if failure is not None:
        raise typer.Exit(output.failure(failure, _CODES[body["result"]]))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(recheck)
