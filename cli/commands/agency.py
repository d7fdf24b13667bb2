"""custody agency: the keys of the agency itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command
from cli.terminal import output

if TYPE_CHECKING:
    from ledger.domain.ports.node_answers import PublishedDescriptor

_HELP = """The keys of the agency itself, which give way to others: on a day that was planned, or
when one was stolen or lost.

\b
Example:
  custody --home ~/node agency rotate-log-key
"""
_LOG_KEY = """Have another key sign the log, as an administrator, in the home with the governor's
key.

A new version of the agency's descriptor names it, and is in force after the delay of the registry
(a day). Until then the old key goes on signing, and what waits in the log is anchored under it at
once. What it signed goes on counting. It is destroyed by itself when nothing of its time can be
mined any more. If this is interrupted, type the same again. Make a backup afterwards: an older one
lacks the new key.

\b
Example:
  custody --home ~/node agency rotate-log-key
"""


def rotate_log_key(as_json: Json = False) -> None:
    from cli.node.session import open_session
    from ledger.app import publish_descriptor, settings

    config = settings.read(STATE.home)
    with open_session() as session:
        done = publish_descriptor.rotate_log_key(
            session.keyring,
            session.node,
            session.person.descriptor,
            chain=config.chain.id,
            registry=bytes.fromhex(config.registry[2:]),
        )
    output.result(done, *_told(done))


def _told(done: PublishedDescriptor) -> list[str]:
    """What was published, and what holds until it is in force."""
    return [
        f"Version {done.version} of the descriptor is published, in force from {done.activeFrom}.",
        "What was in the log is anchored under the keys before, which sign until then."
        if done.anchored
        else f"What was in the log is not anchored yet; see how far it is: {command('status')}",
    ]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="agency")
    group.command("rotate-log-key", help=_LOG_KEY)(rotate_log_key)
