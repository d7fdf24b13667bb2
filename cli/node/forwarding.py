"""What was signed for another agency is brought forward at once where no node serves the home."""

from __future__ import annotations

from typing import Any

from cli.invocation.hints import runnable
from cli.terminal import output


def forward(session: Any, agency: str) -> None:
    """Let the node carry it to the chain at once, where another agency is concerned; what cannot be
    done now is done later.
    """
    from ledger.domain.errors import CustodyError

    if agency and agency != session.person.certificate.agency:
        try:
            session.node.sync_handovers()
        except CustodyError as error:
            later = runnable("custody handover sync")
            output.note(f"signed; not carried to the chain yet: {error.message} ({later})")
