"""custody chain signers"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.invocation.global_options import Json
from cli.invocation.hints import runnable
from cli.terminal import output, questions
from cli.wording import trust_lines
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from ledger.app.changed_signers import Sealing
    from ledger.domain.bundle.trust import TrustRoot
    from ledger.domain.chain.finality import SealRule

_HELP = """Show who seals the shared chain, and let the home name others once they were changed.

The node of the chain and its headers tell since which block. Nothing is taken from them alone: you
are shown who came and who went, and compare that with whoever runs the chain. The home then names
them in every trust root that it gives; bundles from before still verify. With --trust the ranges of
another agency's trust root are taken, if the chain agrees.

Change it while the node is not served, and at every agency of the chain: all of them have one
fingerprint, an old and a new one.

\b
Example:
  custody --home ~/node chain signers
  custody --home ~/node chain signers --trust newer.json
"""


def signers(
    trust: Annotated[
        Path | None,
        typer.Option(help="Newer trust root, of which the ranges of signers are taken."),
    ] = None,
    told: trust_lines.Told = "",
    yes: Annotated[
        bool,
        typer.Option("--yes", help="Name them without being asked: they were compared before."),
    ] = False,
    as_json: Json = False,
) -> None:
    from cli.items.arguments import read_trust
    from cli.node.session import open_alone
    from ledger.app import changed_signers, public_trust
    from ledger.domain.bundle import trust as roots

    newer = trust_lines.believed(None if trust is None else read_trust(trust), told)
    with open_alone() as home:
        own = roots.parse(public_trust.read(home.path))
        found = (
            changed_signers.look(home.settings, own)
            if newer is None
            else changed_signers.given(home.settings, own, newer)
        )
        lines = _shown(found)
        if not found.is_news:
            output.result(_as_json(found, changed=False), *lines)
            return
        questions.require(yes=yes)
        if not yes:
            output.say(*lines)
        questions.agree(
            "Did you compare them with whoever runs the chain, and shall this home name them?",
            yes=yes,
            otherwise="this home names the signers that it named before",
            signed="nothing was changed",
        )
        before = home.settings.chain.confirmations
        after = changed_signers.write(home.path, home.settings, found.after).chain.confirmations
    waits = counted(after, "block")
    done = [
        *(lines if yes else []),
        "This home names them from now on.",
        *([f"It waits for {waits} now, as many as they need."] if after != before else []),
        "Give out the new trust root, and publish its fingerprint beside the old one:",
        f"  {runnable('custody trust -o FILE')}",
    ]
    output.result(_as_json(found, changed=True), *done)


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command(help=_HELP)(signers)


def _shown(found: Sealing) -> list[str]:
    """Who seals which blocks, who came and who went, and what that does to the fingerprint."""
    from ledger.app.changed_signers import rules_of
    from ledger.domain.bundle import trust_fingerprint
    from ledger.domain.chain import finality

    before = frozenset[bytes]().union(*map(finality.sealers, rules_of(found.before)))
    *_, held = rules_of(found.before)
    *_, now = rules_of(found.after)
    if not found.is_news:
        return ["This home names those who seal the chain:", *_range(now, before)]
    gone = sorted(finality.sealers(held) - finality.sealers(now))
    return [
        "The chain is sealed by others than this home names:",
        *(line for rule in rules_of(found.after) for line in _range(rule, before)),
        *(f"  no longer      0x{name.hex()}" for name in gone),
        f"  fingerprint    {trust_fingerprint.of(found.after).chain}",
        f"  so far         {trust_fingerprint.of(found.before).chain}",
    ]


def _range(rule: SealRule, before: frozenset[bytes]) -> list[str]:
    """The blocks of a rule, and who seals them."""
    from ledger.domain.chain import finality

    ends = "on" if rule.end is None else f"to {rule.end}"
    return [
        f"  blocks from {rule.start} {ends}, by",
        *(
            f"    0x{name.hex()}{'' if name in before else ' (new)'}"
            for name in sorted(finality.sealers(rule))
        ),
    ]


def _as_json(found: Sealing, *, changed: bool) -> dict[str, Any]:
    """Stable keys for scripts."""
    return {"changed": changed, "before": _root(found.before), "after": _root(found.after)}


def _root(root: TrustRoot) -> dict[str, Any]:
    from ledger.app.changed_signers import rules_of
    from ledger.domain.chain import finality

    return {
        **trust_lines.as_json(root),
        "rules": [finality.encode(rule) for rule in rules_of(root)],
    }
