"""custody agency: the keys of the agency itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command
from cli.terminal import output

if TYPE_CHECKING:
    from ledger.domain.ports.node_answers import NodeStatus, PublishedDescriptor

_HELP = """The keys of the agency itself, which give way to others: on a day that was planned, or
when one was stolen or lost.

\b
Example:
  custody --home ~/node agency rotate-log-key
  custody --home ~/node agency rotate-node-key
"""
_LOG_KEY = """Have another key sign the log, as an administrator, in the home with the governor's
key.

A new version of the agency's descriptor names it, and is in force after the delay of the registry
(a day). Until then the old key goes on signing, and what waits in the log is anchored under it at
once. What it signed goes on counting. It is destroyed by itself when nothing of its time can be
mined any more. If this is interrupted, type the same again. Make a backup when it is in
force: an older one lacks the new key.

\b
Example:
  custody --home ~/node agency rotate-log-key
"""


_NODE_KEY = """Have event documents sealed to another key of the node, as an administrator, in the
home with the governor's key.

A new version of the agency's descriptor names it, and is in force after the delay of the registry
(a day). From then on the node seals anew to it what was sealed to the old key, in the background
and from where it was stopped. The old key stays for 90 days, for what was signed without network,
and is destroyed then. If this is interrupted, type the same again. Make a backup when the new key
is in force.

\b
Example:
  custody --home ~/node agency rotate-node-key
"""


def rotate_log_key(as_json: Json = False) -> None:
    _rotate("log-key")


def rotate_node_key(as_json: Json = False) -> None:
    _rotate("node-key")


def _rotate(what: str) -> None:
    from cli.node.session import open_session
    from ledger.app import publish_descriptor, settings

    config = settings.read(STATE.home)
    with open_session() as session:
        before = session.node.status(chain=False, ipfs=False)
        done = publish_descriptor.rotate(
            session.keyring,
            session.node,
            session.person.descriptor,
            what,
            chain=config.chain.id,
            registry=bytes.fromhex(config.registry[2:]),
        )
    output.result(done, *_told(done, again=done.version == _to_come(before)))


def _to_come(found: NodeStatus) -> int | None:
    """The version that was published before and is not in force yet."""
    return found.descriptorVersion + 1 if found.nextDescriptorFrom else None


def _told(done: PublishedDescriptor, *, again: bool) -> list[str]:
    """What was published, and what holds until it is in force.

    Args:
        again: it had been published before.
    """
    told = "is published already" if again else "is published"
    return [
        f"Version {done.version} of the descriptor {told}, in force from {done.activeFrom}.",
        f"The next rotation waits for that. Then make a backup: {command('backup')}",
        "What was in the log is anchored under the keys before, which sign until then."
        if done.anchored
        else f"What was in the log is not anchored yet; see how far it is: {command('status')}",
    ]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="agency")
    group.command("rotate-log-key", help=_LOG_KEY)(rotate_log_key)
    group.command("rotate-node-key", help=_NODE_KEY)(rotate_node_key)
