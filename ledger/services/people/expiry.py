"""Certificates that end, or are not good yet: who is told of them in time, and the node's own,
which renews itself where the CA key is at hand.

- a certificate that has ended keeps its owner out, and an administrator is needed to renew it: the
  node tells early enough that somebody still can
- one that was made while the clock was ahead keeps its owner out until the day that it said
- a CA certificate is told of as soon as what it issues ends with it, instead of two years later
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from ledger.domain.codecs.text import format_time
from ledger.domain.errors import AlteredError, FormatError
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.person import PersonId
from ledger.rows.people import PersonRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access.authorization import Caller
from ledger.services.node.certificate_authority import CERTIFICATE_LIFE
from ledger.services.node.context import Node
from ledger.services.people.signing_keys import certificate_of

#: Seconds before its end from which on a certificate is told of, and the node's own is renewed:
#: people are away for weeks, and some look at a status once a month.
SOON: Final = 60 * 86400
Owner = Literal["authority", "node", "administrator", "person"]
OWNERS: Final[tuple[Owner, ...]] = ("authority", "node", "administrator", "person")
_WHOSE: Final = {
    "authority": "the agency's CA",
    "node": "the node",
    "administrator": "the administrator",
    "person": "the person",
}
_TOLD_ALL: Final = frozenset({"administrator", "data-protection-officer"})


@dataclass(frozen=True, slots=True)
class Lifetime:
    """From when and until when a certificate that counts today is good, seconds since 1970;
    ``person`` is None for that of the node and of the CA.
    """

    owner: Owner
    person: PersonId | None
    since: int
    until: int

    def told(self, now: int) -> str:
        """Whose certificate it is and when it ends or begins, as a sentence."""
        name = f" {self.person.pseudonym}" if self.person is not None else ""
        whose = f"the certificate of {_WHOSE[self.owner]}{name}"
        if self.since > now:
            return (
                f"{whose} is good from {format_time(self.since)}, and the node's clock says "
                f"{format_time(now)}"
            )
        return f"{whose} {'ends' if self.until >= now else 'ended'} at {format_time(self.until)}"

    @property
    def notice(self) -> int:
        """Seconds before its end from which on it is told of."""
        return SOON + (CERTIFICATE_LIFE if self.owner == "authority" else 0)

    @property
    def remedy(self) -> str:
        """What to do about it, with the command."""
        if self.owner == "authority":
            return (
                "check the node's clock; no certificate of the agency is good outside that time, "
                "and no command of this version puts another CA into its descriptor: plan it with "
                "whoever maintains this software for you"
            )
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
    """How long the certificates are good that count today: the CA's where its key is at hand, the
    node's, and those of the agency's own people. A guest's is their own agency's affair.
    """
    if (authority := node.keys.authority) is not None:
        yield Lifetime("authority", None, authority.begin, authority.end)
    service = node.keys.service_certificate
    yield Lifetime("node", None, service.not_before, service.not_after)
    with node.records.read() as unit:
        own = [row for row in unit.people.all() if row.active and row.person.agency == node.agency]
        found = {row.person: _readable(unit, row) for row in own}
    for person, certificate in found.items():
        if certificate is None:
            continue
        owner: Owner = "administrator" if "administrator" in certificate.roles else "person"
        yield Lifetime(owner, person, certificate.not_before, certificate.not_after)


def _readable(unit: UnitOfWork, row: PersonRow) -> Certificate | None:
    try:
        return certificate_of(unit, row)
    except (AlteredError, FormatError):  # told by audits: the others' ends are told all the same
        return None


def ending(node: Node) -> list[Lifetime]:
    """Certificates that end soon, have ended or are not good yet, the earliest end first."""
    now = node.clock.now()
    found = (
        lifetime
        for lifetime in lifetimes(node)
        if lifetime.since > now or lifetime.until < now + lifetime.notice
    )
    return sorted(found, key=lambda one: one.until)


def told_to(caller: Caller, found: Iterable[Lifetime]) -> list[Lifetime]:
    """What of these somebody is told: the CA's, the node's and their own, and who may list people
    all.
    """
    return [one for one in found if caller.roles & _TOLD_ALL or one.person in (None, caller.id)]


def renew_own(node: Node) -> bool:
    """Renew the certificate of the node itself, for the key that it has, where it ends soon or is
    not good yet, and the CA is at hand; whether it was renewed.

    The old one is not revoked: it stands for the same key, and what it signed goes on verifying.

    Raises:
        KeyringError: the new one cannot be kept; the node goes on with the old one.
    """
    authority, old, now = node.keys.authority, node.keys.service_certificate, node.clock.now()
    if authority is None or not authority.begin <= now <= authority.end:
        return False
    if old.not_before <= now and min(authority.end, now + SOON) <= old.not_after:
        return False
    if old.not_before > now and _is_behind(node, now):
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


def _is_behind(node: Node, now: int) -> bool:
    """Whether the chain has been at a later time than the node's clock says: then it is the clock
    that is wrong, and a certificate of its time would have ended when it is set.
    """
    with node.records.read() as unit:
        newest = unit.checkpoints.newest(node.log_id, ("final",))
    return newest is not None and newest.time > now + AHEAD
