"""Who tells the trust root of a person's own chain: their home, or the node that their folder
belongs to. It is public: nobody is asked for a passphrase.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.invocation.global_options import STATE

if TYPE_CHECKING:
    from ledger.client.trust_roots import TrustApi


@dataclass(frozen=True, slots=True)
class _OfHome:
    """The chain of a home, also while another process has the home."""

    home: Path

    def trust_root(self, pin: int | None = None) -> bytes:
        """See ``TrustApi``."""
        from ledger.app import public_trust

        return public_trust.read(self.home, pin)


@contextmanager
def teller() -> Iterator[TrustApi]:
    """Who tells it.

    Raises:
        UsageError: there is no home; nobody may be asked now, or another node answers there.
            StorageError: others can write in the home. NetworkError: the node does not answer.
    """
    from cli.node.session import require_home
    from ledger.adapters.node.client import NodeClient
    from ledger.app import settings
    from ledger.domain.errors import UsageError

    require_home()
    if not settings.is_client(STATE.home):
        yield _OfHome(STATE.home)
        return
    if STATE.offline:
        raise UsageError(
            "it is your agency's node that tells its trust root, and --offline asks nobody",
            hint="leave out --offline",
        )
    own = settings.read_client(STATE.home)
    with NodeClient(own.server) as node:
        if node.agency().log != own.log:
            # No verdict on any evidence, of which nothing was judged.
            raise UsageError(
                f"another node than your agency's answers at {own.server}",
                hint="tell your administrator",
            )
        yield node


def agency() -> str:
    """Whose chain that is."""
    from ledger.app import settings

    if settings.is_client(STATE.home):
        return settings.read_client(STATE.home).agency
    return settings.read(STATE.home).agency
