"""Other agencies of the registry: where their nodes are, and which of their keys are in force.

Nothing that a partner's node says about itself is believed before it was compared with what the
registry committed to.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from ledger.domain.chain import contract_layout
from ledger.domain.errors import (
    BusyError,
    ChainError,
    CustodyError,
    DeniedError,
    NetworkError,
    NotFoundError,
    UsageError,
)
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.identity.names import agency_id
from ledger.domain.ports.node_and_chain import BlockRef
from ledger.domain.untrusted import hosts
from ledger.rows.agencies import DescriptorRow, PartnerRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.onchain import agency_standing
from ledger.services.records.documents import hpke_key

_FRESH: Final = 60  # seconds for which what a partner published is not asked again
_PATIENCE: Final = 5.0  # seconds that somebody waits for a partner's node
_STALE: Final = 3600  # seconds after which a partner that cannot be asked is not believed any more
_ADD: Final = "add it with: custody partner add URL"


@dataclass(frozen=True, slots=True)
class Authorities:
    """Who may certify somebody: the CAs of their agency (DER), and its newest revocation list."""

    descriptor: Descriptor
    crls: tuple[bytes, ...]


def add(
    node: Node, url: str, *, allowed: Callable[[UnitOfWork], None] = lambda unit: None
) -> Descriptor:
    """Get to know the agency whose node is at ``url``.

    Args:
        allowed: asked in the transaction that writes it down; what it raises ends this.

    Raises:
        ChainError: the registry of our chain does not know it so. NetworkError: it does not answer.
        UsageError: it is our own, or the address is no https origin alone.
    """
    url = hosts.origin(url, what="another agency's node")
    code = descriptors.parse(node.reach(url).descriptor()).agency
    if code == node.agency:
        raise UsageError("this is our own node", hint="give the address of another agency's")
    with node.records.read() as unit:
        before = unit.partners.get(code)
    return _look(node, PartnerRow(code, url, before.crl if before is not None else b""), allowed)


def introduce(node: Node, unit: UnitOfWork, found: Descriptor, since: BlockRef) -> None:
    """Know an agency whose card a person gave, before its node can be asked. Until its revocation
    list is here nobody who acts for it is believed.

    Args:
        found: version 1 of its descriptor, and ``since``: the block of it; both were compared with
            the registry, which has that version in force.

    Raises:
        UsageError: its address is no https origin alone. ChainError: it names a key of ours.
    """
    url = hosts.origin(found.service, what=f"the node of {found.agency}")
    _require_keys_of_their_own(node, unit, found.agency, [found])
    unit.partners.put(PartnerRow(found.agency, url, checked=since.time))
    row = DescriptorRow(found.version, found.raw, since.time, since.number)
    unit.partners.put_descriptor(found.agency, row)


def list_partners(node: Node) -> list[PartnerRow]:
    """Known partners, each with its standing as the registry told it last."""
    with node.records.read() as unit:
        rows = unit.partners.all()
    for row in rows:
        agency_standing.ask(node, row.agency)
    with node.records.read() as unit:
        return unit.partners.all()


def known(unit: UnitOfWork, code: str) -> PartnerRow:
    """The row of a partner.

    Raises:
        NotFoundError: nobody added it.
    """
    row = unit.partners.get(code)
    if row is None:
        raise NotFoundError(f"{code} is not known here", hint=_ADD)
    return row


def refresh(node: Node, code: str) -> None:
    """Look at a partner's keys again while somebody waits, at most once a minute; one that cannot
    be asked is believed for an hour.

    Only for somebody who has proven who they are by the keys that are known.

    Raises:
        NotFoundError: nobody added it. BusyError: it could not be asked for too long. DeniedError:
            it is no longer active.
    """
    now = node.clock.now()
    with node.records.read() as unit:
        row = known(unit, code)
    if _is_fresh(row, now):
        return
    try:
        node.callouts.run(code, lambda: _look(node, row), seconds=_PATIENCE)
    except NetworkError as error:
        if not 0 <= now - row.checked < _STALE:
            raise BusyError(
                f"the keys of {code} could not be checked",
                hint="try again when its node can be reached",
            ) from error


def follow(node: Node, code: str) -> None:
    """Look at a partner's keys again in the background, so that nobody has to wait for it.

    Raises:
        NetworkError: it does not answer. DeniedError, ChainError: what it shows is not what the
            registry holds.
    """
    with node.records.read() as unit:
        row = known(unit, code)
    if not _is_fresh(row, node.clock.now()):
        _look(node, row)


def _is_fresh(row: PartnerRow, now: int) -> bool:
    return bool(row.crl) and 0 <= now - row.checked < _FRESH


def _look(
    node: Node, row: PartnerRow, allowed: Callable[[UnitOfWork], None] = lambda unit: None
) -> Descriptor:
    """Fetch descriptors and revocation list, and compare them with the registry and with one
    another.
    """
    registered = agency_standing.read(node, row.agency)
    if not registered.active:
        raise agency_standing.inactive(row.agency)
    api = node.reach(row.url)
    rows = api.versions()
    parsed: dict[int, Descriptor] = {}
    for stored in rows:
        # Each costs a call of the chain.
        if stored.version in parsed or stored.version > registered.newest:
            raise ChainError(
                f"the node of {row.agency} shows version {stored.version} twice, or before its "
                "time",
                hint="check its address",
            )
        found = descriptors.parse(stored.document)
        expected = contract_layout.descriptor_commitment(
            found.digest, stored.active_from, stored.block
        )
        if (found.agency, found.version) != (row.agency, stored.version):
            raise ChainError(
                f"the node of {row.agency} shows a descriptor of {found.agency}",
                hint="check its address",
            )
        if node.contracts.descriptor_commitment(agency_id(row.agency), stored.version) != expected:
            raise ChainError(
                f"version {stored.version} of the descriptor of {row.agency} is not the registry's",
                hint="check its address",
            )
        parsed[stored.version] = found
    current = registered.in_force(node.contracts.chain.head().time)
    if current not in parsed:
        raise ChainError(
            f"the node of {row.agency} does not show version {current}, which is in force",
            hint="ask it to",
        )
    descriptor = parsed[current]
    # Where a descriptor sends us is judged like what an administrator types: an origin, and no path
    # of it.
    service = (
        hosts.origin(descriptor.service, what=f"the node of {row.agency}")
        if descriptor.service
        else row.url
    )
    crl = api.crl()
    # Asked again, since the node of an agency that is being suspended may take its time to answer.
    if not agency_standing.read(node, row.agency).active:
        raise agency_standing.inactive(row.agency)
    with node.records.write() as unit:
        allowed(unit)
        _require_keys_of_their_own(node, unit, row.agency, list(parsed.values()))
        before = unit.partners.get(row.agency)
        for old in (row.crl, before.crl if before is not None else b""):
            _require_newer_list(node, descriptor, crl, old)
        unit.partners.put(PartnerRow(row.agency, service, crl, node.clock.now()))
        for stored in rows:
            version = DescriptorRow(
                stored.version, stored.document, stored.active_from, stored.block
            )
            unit.partners.put_descriptor(row.agency, version)
    return descriptor


def _require_newer_list(node: Node, descriptor: Descriptor, crl: bytes, old: bytes) -> None:
    """Judge a partner's revocation list before it is kept. One from the future, kept by an earlier
    version, does not keep out a right one.

    Raises:
        VerificationError: it is not signed by the agency. ChainError: it is from the future, or
            older than the one that is known.
    """
    revocation_lists.require_signed_list(crl, descriptor.authorities)
    issued, latest = revocation_lists.crl_issued(crl), node.clock.now() + AHEAD
    if issued > latest:
        raise ChainError(
            f"the node of {descriptor.agency} shows a revocation list from the future",
            hint="check both clocks",
        )
    if old and issued < revocation_lists.crl_issued(old) <= latest:
        raise ChainError(
            f"the node of {descriptor.agency} shows an older revocation list than before",
            hint="ask it why",
        )


def _require_keys_of_their_own(
    node: Node, unit: UnitOfWork, code: str, found: list[Descriptor]
) -> None:
    """Nothing that is sealed to a partner is sealed to us, or to somebody who works here: keys are
    public, and anybody can name another's.

    Of people those alone count who are active: nobody keeps a partner out for good by having joined
    with its key.
    """
    theirs = {key.digest for one in found for key in (one.node, one.custody)}
    if theirs & _keys_of(node, unit.tables.rows("descriptor")):
        raise ChainError(
            f"a descriptor of {code} names a key of {node.agency} as its own",
            hint="ask the governors of the consortium",
        )
    for person in unit.people.all():
        if person.active and hpke_key(person).digest in theirs:
            shown = person.person.shown_at(node.agency)
            raise ChainError(
                (
                    f"a descriptor of {code} names the key of {shown}: one of the two took it from "
                    "the other"
                ),
                hint=(
                    "ask both for the fingerprints of their keys; if it is not the person's: "
                    f"custody person suspend {shown}"
                ),
            )


def agency_keys(node: Node, unit: UnitOfWork) -> frozenset[bytes]:
    """Digests of the HPKE keys of nodes and custodians, ours and partners', of all times: what is
    sealed to them is no person's.
    """
    return _keys_of(
        node, [*unit.tables.rows("descriptor"), *unit.tables.rows("partner_descriptor")]
    )


def _keys_of(node: Node, rows: list[dict[str, Any]]) -> frozenset[bytes]:
    return node.keys.recipients.union(*(_keys_in(row["document"]) for row in rows))


@lru_cache(maxsize=256)
def _keys_in(document: bytes) -> frozenset[bytes]:
    found = descriptors.parse(document)
    return frozenset({found.node.digest, found.custody.digest})


def in_force(rows: list[DescriptorRow], now: int) -> Descriptor | None:
    """The newest of these versions that is in force."""
    active = [row for row in rows if row.active_from <= now]
    return descriptors.parse(active[-1].document) if active else None


def descriptor(node: Node, unit: UnitOfWork, code: str) -> Descriptor:
    """The descriptor of an agency that is in force now, ours or a partner's.

    Raises:
        NotFoundError: an agency that nobody added.
    """
    if code == node.agency:
        return node.descriptor(unit)
    known(unit, code)
    found = in_force(unit.partners.descriptors(code), node.clock.now())
    if found is None:
        raise NotFoundError(f"no descriptor of {code} is in force", hint=_ADD)
    return found


def authorities(node: Node, unit: UnitOfWork, certificate: Certificate) -> Authorities:
    """By whom a certificate must have been issued, and what may have revoked it.

    Raises:
        NotFoundError: a certificate of an agency that nobody added. DeniedError: of one that the
            registry has suspended or retired, whose people and node do nothing here.
    """
    if certificate.agency == node.agency:
        newest = unit.authority.newest_crl()
        return Authorities(node.descriptor(unit), (newest.der,) if newest is not None else ())
    row = known(unit, certificate.agency)
    agency_standing.require_active(unit, row.agency)
    if not row.crl:  # it is kept with the partner itself: whoever deleted it would revoke nobody
        raise DeniedError(
            f"no revocation list of {row.agency} is here, so it cannot be told who acts for it",
            hint=_ADD,
        )
    return Authorities(descriptor(node, unit, certificate.agency), (row.crl,))


class CertificateVerifier:
    """Who may certify whom, as one transaction sees it: looked up once an agency, however many
    statements a batch has.
    """

    def __init__(self, node: Node, unit: UnitOfWork) -> None:
        self._node = node
        self._unit = unit
        self._known: dict[str, Authorities] = {}
        self.own = node.descriptor(unit)

    def verify_current(self, certificate: Certificate) -> Descriptor:
        """Check that a certificate of ours or of a partner may be used now; its agency's
        descriptor.

        Raises:
            VerificationError: step 3. NotFoundError: an agency that nobody added. DeniedError: one
                that the registry does not have as active.
        """
        if certificate.agency not in self._known:
            self._known[certificate.agency] = authorities(self._node, self._unit, certificate)
        found = self._known[certificate.agency]
        revocation_lists.verify_current(
            certificate, found.descriptor.authorities, found.crls, self._node.clock.now()
        )
        return found.descriptor


def renew_crl(node: Node, code: str, time: int) -> None:
    """Get a partner's revocation list that speaks for ``time``, where theirs is older and they can
    be reached; else all stays as it is.
    """
    with node.records.read() as unit:
        row = unit.partners.get(code)
    if row is None or (row.crl and revocation_lists.crl_issued(row.crl) >= time):
        return
    url = row.url
    with suppress(CustodyError):  # a bundle without it is incomplete, and says so
        refresh(node, code)
        crl = node.callouts.run(code, lambda: node.reach(url).fresh_crl(time), seconds=_PATIENCE)
        with node.records.write() as unit:
            row = known(unit, code)
            _require_newer_list(node, descriptor(node, unit, code), crl, row.crl)
            unit.partners.put(replace(row, crl=crl))
