"""Which approvals a disposal that is carried out names."""

from __future__ import annotations

from typing import Any

from cli.commands.dispose import _approvals
from ledger.domain.ports.answers import RecordedDocument

NL, RO = "NL-POL", "RO-DIICOT"


def said(seq: int, event_type: str, agency: str, **body: Any) -> RecordedDocument:
    document = {"type": event_type, "actor": {"agency": agency}, "body": body}
    signed: Any = None
    return RecordedDocument(seq, named(seq), document, signed, None)


def named(seq: int) -> str:
    return f"{seq:064x}"


def test_a_disposal_names_approvals_of_its_own_agency_on_the_newest_request() -> None:
    events = [
        said(1, "disposal-requested", NL),
        said(2, "approved", NL, target=named(1)),
        said(3, "disposal-requested", NL),
        said(4, "approved", RO, target=named(3)),  # of a guest, as an earlier version let them
        said(5, "approved", NL, target=named(3)),
    ]
    assert _approvals(events, NL) == [named(5)]
