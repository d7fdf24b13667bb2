"""What a person is told of a trust root: its fingerprint, and what that does not cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, overload

import typer

from cli.terminal import output

if TYPE_CHECKING:
    from ledger.domain.bundle.trust import TrustRoot
    from ledger.domain.bundle.trust_fingerprint import Fingerprints

_SHOWN: Final = 8  # numbers of pinned blocks in a line
#: Beside every --trust that a verdict rests on.
Told = Annotated[
    str,
    typer.Option(
        "--trust-fingerprint",
        metavar="DIGITS",
        help="Fingerprint of the trust root, as you were told it by another way.",
    ),
]


@overload
def believed(root: TrustRoot, told: str) -> TrustRoot: ...
@overload
def believed(root: TrustRoot | None, told: str) -> TrustRoot | None: ...
def believed(root: TrustRoot | None, told: str) -> TrustRoot | None:
    """What of a trust root is believed by whoever was told its fingerprint; all of it without one.

    Raises:
        UsageError: that is no fingerprint, or no trust root was given. IncompleteError: it is that
            of another trust root.
    """
    from ledger.domain.bundle import trust_fingerprint
    from ledger.domain.errors import UsageError

    if not told:
        return root
    if root is None:
        raise UsageError(
            "--trust-fingerprint is compared with the trust root that you were given",
            hint="name that one with --trust FILE",
        )
    return trust_fingerprint.covered(root, told)


def as_json(root: TrustRoot) -> dict[str, Any]:
    """Stable keys for scripts (docs/format.md, "Trust root")."""
    from ledger.domain.bundle import trust_fingerprint

    found = trust_fingerprint.of(root)
    return {
        "fingerprint": found.chain,
        "fingerprintWithPins": found.with_pins or None,
        "pinned": list(found.pinned),
        "timeAuthorities": list(found.authorities),
    }


def lines(root: TrustRoot) -> list[str]:
    """The fingerprint, and the one that covers the pins as well where there are any; of two, which
    is which.
    """
    from ledger.domain.bundle import trust_fingerprint

    found = trust_fingerprint.of(root)
    told = [f"fingerprint: {found.chain}"]
    if found.with_pins:
        added = f"with {_added(found)}:"
        alone = [f"{added} {found.with_pins}"]
        told += [
            "  of chain, contracts and signers: each agency of the chain has this one",
            *(alone if not found.authorities else [added, f"  {found.with_pins}"]),
            "  of this very file: whoever is to believe what it adds compares this one",
        ]
    return told


def judged_by(root: TrustRoot, told: str) -> list[str]:
    """Under a verdict: by which trust root it was reached, and what whoever reads it still has to
    compare.

    Args:
        told: the fingerprint that was given, which is that of the trust root; empty where none was.
    """
    from ledger.domain.bundle import trust_fingerprint

    found = trust_fingerprint.of(root)
    given = trust_fingerprint.typed(told) if told else ""
    if given and given in (found.with_pins, "" if found.with_pins else found.chain):
        return _fingerprint(given, "as you were told")
    if given:
        return [
            *_fingerprint(given, "as you were told"),
            *output.wrapped(f"not believed: its {_added(found)},", 79, indent=4, further=6),
            "      which that fingerprint does not cover; this one does:",
            f"      {found.with_pins}",
        ]
    if not found.with_pins:
        return _fingerprint(found.chain, "not compared yet")
    return [
        *_fingerprint(found.with_pins, "not compared yet"),
        *output.wrapped(f"without its {_added(found)}:", 79, indent=6, further=8),
        f"      {found.chain}",
    ]


def _fingerprint(digits: str, compared: str) -> list[str]:
    """The digits whole in a line: they are read out group by group."""
    return [f"    trust root: fingerprint {digits}", f"      {compared}"]


def _added(found: Fingerprints) -> str:
    """What a trust root says that not every agency of the chain says."""
    said = [_blocks(found.pinned)] if found.pinned else []
    if names := found.authorities:
        shown = ", ".join(names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        said.append(f"time {'authorities' if len(names) > 1 else 'authority'} {shown}{more}")
    return " and ".join(said)


def _blocks(numbers: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, numbers[:_SHOWN]))
    more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    return f"pinned {'blocks' if len(numbers) > 1 else 'block'} {shown}{more}"
