"""Certificates that end: who is told of them in time, and the node's own, which renews itself where
the CA key is at hand.

A certificate that has ended keeps its owner out, and an administrator is needed to renew it: the
node tells early enough that somebody still can.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from ledger.domain.codecs.text import format_time
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.person import PersonId
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node

#: Seconds before its end from which on a certificate is told of, and the node's own is renewed:
#: people are away for weeks, and some look at a status once a month.
SOON: Final = 60 * 86400
Owner = Literal["node", "administrator", "person"]
OWNERS: Final[tuple[Owner, ...]] = ("node", "administrator", "person")
_TOLD_ALL: Final = frozenset({"administrator", "data-protection-officer"})


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Until when a certificate that counts today is good, seconds since 1970; ``person`` is None
    for that of the node.
    """

    owner: Owner
    person: PersonId | None
    until: int

    def told(self, now: int) -> str:
        """Whose certificate it is and when it ends, as a sentence."""
        whose = {
            "node": "the node",
            "administrator": "the administrator",
            "person": "the person",
        }[self.owner]
        name = f" {self.person.pseudonym}" if self.person is not None else ""
        verb = "ends" if self.until >= now else "ended"
        return f"the certificate of {whose}{name} {verb} at {format_time(self.until)}"

    @property
    def remedy(self) -> str:
        """What to do about it, with the command."""
        if self.person is None:
            return (
                "it renews itself while the home is served, if the CA key is in the home and its "
                "keyring can be written: custody serve, then custody status says what fails"
            )
        renew = f"custody person renew {self.person.pseudonym}"
        if self.owner == "administrator":
            return (
                f"{renew}, by any administrator; where nobody can log in any more, at the home "
                f"itself: {renew} --at-home"
            )
        return f"{renew}, by an administrator; then they run: `custody person fetch`"


def lifetimes(node: Node) -> Iterator[Lifetime]:
    """How long the certificates are good that count today: the node's, and those of the agency's
    own people. A guest's is their own agency's affair.
    """
    yield Lifetime("node", None, node.keys.service_certificate.not_after)
    with node.records.read() as unit:
        rows = [row for row in unit.people.all() if row.active]
        ders = {row.person: unit.people.certificate(row.certificate) for row in rows}
    for person, der in ders.items():
        if der is None or person.agency != node.agency:
            continue
        certificate = certificates.parse(der)
        owner: Owner = "administrator" if "administrator" in certificate.roles else "person"
        yield Lifetime(owner, person, certificate.not_after)


def ending(node: Node) -> list[Lifetime]:
    """Certificates that end soon or have ended, the earliest first."""
    limit = node.clock.now() + SOON
    return sorted((one for one in lifetimes(node) if one.until < limit), key=lambda one: one.until)


def told_to(caller: Caller, found: Iterable[Lifetime]) -> list[Lifetime]:
    """What of these somebody is told: the node's and their own, and who may list people all."""
    return [one for one in found if caller.roles & _TOLD_ALL or one.person in (None, caller.id)]


def renew_own(node: Node) -> bool:
    """Renew the certificate of the node itself, for the key that it has, where it ends soon and the
    CA is at hand; whether it was renewed.

    The old one is not revoked: it stands for the same key, and what it signed goes on verifying.

    Raises:
        KeyringError: the new one cannot be kept; the node goes on with the old one.
    """
    authority, old, now = node.keys.authority, node.keys.service_certificate, node.clock.now()
    if authority is None or old.not_after >= now + SOON:
        return False
    der = authority.issue(
        old.key,
        agency=old.agency,
        pseudonym=old.pseudonym,
        roles=sorted(old.roles),
        service=True,
        now=now,
    )
    node.keep_certificate(der)  # on the disk before anything is signed under it
    node.keys = replace(node.keys, service_certificate=certificates.parse(der))
    return True
