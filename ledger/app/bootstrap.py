"""Putting a home together: the only place where services meet adapters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.adapters import files, full_disk, profiles
from ledger.adapters.chain.contracts import Contracts, address_of
from ledger.adapters.chain.lazy_chain import LOCAL_LABEL, DeferredChain
from ledger.adapters.clock import SystemClock
from ledger.adapters.database.engine import sqlite_url
from ledger.adapters.database.store import SqlRecords
from ledger.adapters.filelock import FileLock
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.adapters.ipfs.read_only_blocks import LocalBlockView
from ledger.adapters.ipfs.tiered import TieredBlockStore
from ledger.adapters.keystore.file import FileKeyring, Unlocking
from ledger.adapters.node.partner import Partners
from ledger.adapters.time_authority import HttpTimeAuthority
from ledger.app import node_keyring, settings, time_settings
from ledger.app.chain_settings import ChainSettings
from ledger.app.settings import IPFS_SECRET, HomeSettings, IpfsNode, IpfsSettings
from ledger.domain.blocks.store import Replica, Replicas
from ledger.domain.chain import clique, contract_layout
from ledger.domain.chain.finality import Finality
from ledger.domain.errors import CustodyError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.names import agency_id, log_urn
from ledger.domain.ports.node_and_chain import Chain, Clock, IdentityProvider
from ledger.domain.untrusted import hosts
from ledger.services.log.files import OwnLog
from ledger.services.node import log_keys
from ledger.services.node.certificate_authority import Authority
from ledger.services.node.context import Node, NodeKeys
from ledger.services.node.duty_board import Board
from ledger.services.people import expiry
from ledger.services.registration import reindexing
from ledger.services.rotation import rewrapping

_LOGS: Final = 16  # of one agency: a new one is begun only when the one before it is lost


@dataclass
class OpenHome:
    """A home that this process holds: its node, and what must be released."""

    path: Path
    settings: HomeSettings
    keyring: FileKeyring
    node: Node
    #: None for one that is only looked at.
    lock: FileLock | None

    def close(self) -> None:
        """Release everything; harmless when the process dies instead."""
        self.node.contracts.chain.close()
        self.node.blocks.close()
        self.node.records.close()
        if self.lock is not None:
            self.lock.release()


def open_chain(
    home: Path,
    chain: ChainSettings,
    keyring: FileKeyring,
    clock: Clock,
    funded: list[bytes] | None = None,
    *,
    view: bool = False,
) -> tuple[Chain, Sequence[Finality]]:
    """The chain of a home, and how its seals are judged; nothing where they are not.

    Args:
        view: an embedded chain is only looked at, beside the process that has it.
    """
    if chain.kind == "local":
        sealer = keyring.get("sealer")

        def opener() -> Chain:
            from ledger.adapters.chain.local import LocalChain  # py-evm takes 0.6 s to import

            with full_disk.told(home):
                return LocalChain(
                    home / "chain",
                    chain_id=chain.id,
                    sealer=sealer,
                    clock=clock,
                    funded=funded or [],
                    view=view,
                )

        return DeferredChain(chain.id, LOCAL_LABEL, opener), [clique.alone(address_of(sealer))]
    from ledger.adapters.chain.rpc import RpcChain

    reached = RpcChain(
        chain.url, confirmations=chain.confirmations, expected=chain.id, headers=chain.headers
    )
    return reached, chain.seal_rules()


def node_keys(keyring: FileKeyring) -> NodeKeys:
    """What a node holds of its home's keyring: never the custody key, which belongs to the
    custodians.
    """
    authority = None
    if "ca" in keyring.names():
        key = keyring.signing_key("ca")
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        authority = Authority(key, x509.load_der_x509_certificate(keyring.get("ca-certificate")))
    anchorer = keyring.get("anchorer")
    return NodeKeys(
        node_keyring.held_log_keys(keyring),
        anchorer,
        address_of(anchorer),
        keyring.signing_key("service"),
        certificates.parse(keyring.get("service-certificate")),
        node_keyring.held_hpke_keys(keyring),
        keyring.get("index"),
        keyring.get("people"),
        authority,
    )


def assemble(
    home: Path,
    config: HomeSettings,
    keyring: FileKeyring,
    chain: Chain,
    clock: Clock,
    *,
    rules: Sequence[Finality] = (),
    view: bool = False,
) -> Node:
    """A node over open adapters.

    Args:
        rules: how the seals of the chain are judged.
        view: its blocks are only looked at.
    """
    contracts = Contracts(
        chain, bytes.fromhex(config.registry[2:]), bytes.fromhex(config.ledger[2:])
    )
    log = contracts.log_id(agency_id(config.agency), config.log_number)
    replicas, keys = open_replicas(config.ipfs, keyring), node_keys(keyring)
    if not view:
        files.private_file(home / "ledger.sqlite")
    records = SqlRecords(sqlite_url(home / "ledger.sqlite"))

    def keep_certificate(der: bytes) -> None:
        keyring.put("service-certificate", der)
        keyring.save()

    node = Node(
        config.agency,
        log,
        records,
        TieredBlockStore(
            LocalBlockView(home / "blocks") if view else LocalBlockStore(home / "blocks"), replicas
        ),
        contracts,
        clock,
        keys,
        rules,
        open_time_authorities(config),
        replicas,
        Partners(
            lambda: (node.keys.service, node.keys.service_certificate.der),  # renewed meanwhile
            lambda url: _logs_at(config, records, url),
            hosts.networks(config.networks),
        ),
        lambda: settings.read_backups(home),
        _identity(config),
        profiles.of_home(home),
        workers=Board(
            lambda: settings.read_workers(home), lambda rows: settings.write_workers(home, rows)
        ),
        quota=int(config.exchange.quota_gib * (1 << 30)),
        releases=config.releases,
        keep_certificate=keep_certificate,
        keep_log_keys=partial(node_keyring.keep_log_keys, keyring),
        keep_hpke_keys=partial(node_keyring.keep_hpke_keys, keyring),
    )
    return node


def _log_of(config: HomeSettings, code: str, number: int) -> str:
    """The URN of an agency's log, by its number, under the contracts of a home."""
    return log_urn(
        contract_layout.log_id(
            config.chain.id, bytes.fromhex(config.ledger[2:]), agency_id(code), number
        )
    )


def _logs_at(config: HomeSettings, records: SqlRecords, url: str) -> frozenset[str]:
    """The logs of the agencies that are known at an address."""
    with records.read() as unit:
        codes = [row.agency for row in unit.partners.all() if row.url == url]
    return frozenset(_log_of(config, code, number) for code in codes for number in range(_LOGS))


def own_log(home: Path) -> tuple[str, str]:
    """The URN of the log of a home, and the address that its agency has published for its node;
    empty where there is none.

    Raises:
        UsageError: no home there.
    """
    config = settings.read(home)
    records = SqlRecords(sqlite_url(home / "ledger.sqlite"))
    try:
        with records.read() as unit:
            published = unit.tables.rows("descriptor")
    finally:
        records.close()
    newest = max(published, key=lambda row: int(row["version"]), default=None)
    service = descriptors.parse(newest["document"]).service if newest is not None else None
    return _log_of(config, config.agency, config.log_number), service or ""


def _identity(config: HomeSettings) -> IdentityProvider | None:
    if not config.oidc.issuer:
        return None
    from ledger.adapters.oidc import OidcProvider

    return OidcProvider(config.oidc.issuer, config.oidc.client_id, hosts.networks(config.networks))


def open_time_authorities(config: HomeSettings) -> tuple[HttpTimeAuthority, ...]:
    """The time authorities of a home; none is contacted yet.

    Raises:
        FormatError: one of them is not written as a trust root takes it.
    """
    networks = hosts.networks(config.networks)
    named = zip(time_settings.named(config.time_authorities), config.time_authorities, strict=True)
    return tuple(HttpTimeAuthority(authority, one.url, networks) for authority, one in named)


def open_replicas(ipfs: IpfsSettings, keyring: FileKeyring) -> Replicas:
    """The IPFS nodes of a home; none is contacted yet."""
    if not ipfs.nodes:
        return Replicas()
    known = keyring.names()
    secrets = {node.name: IPFS_SECRET.format(node.name) for node in ipfs.nodes}
    made = {
        node.name: open_replica(
            node, keyring.get(secrets[node.name]).decode() if secrets[node.name] in known else ""
        )
        for node in ipfs.nodes
    }
    own, outside = (
        {node.name: made[node.name] for node in ipfs.nodes if node.outside is side}
        for side in (False, True)
    )
    return Replicas(own, outside, ipfs.copies)


def open_replica(node: IpfsNode, secret: str) -> Replica:
    """One IPFS node, not contacted yet."""
    from ledger.adapters.ipfs.kubo import Kubo  # its client library takes time to import

    return Kubo(node.name, node.api, secret=secret)


def lock_home(home: Path) -> FileLock:
    """The lock that one process holds on a home.

    Raises:
        LockedError: another process has it, naming that process. StorageError: others can write in
            it.
    """
    settings.require_private(home)
    return FileLock(home / settings.LOCK, what="the home")


def open_home(home: Path, unlocking: Unlocking) -> OpenHome:
    """Open a home for this process alone.

    Args:
        unlocking: its keyring, begun by the caller so that stretching the passphrase and importing
            this go on at once.

    Raises:
        UsageError: no home there. KeyringError: wrong passphrase. LockedError: another process has
            it. StorageError: it cannot be read, or its disk is full.
    """
    config = settings.read(home)
    with full_disk.told(home):
        return _opened(home, config, unlocking)


def _opened(home: Path, config: HomeSettings, unlocking: Unlocking) -> OpenHome:
    lock = lock_home(home)
    (home / settings.SERVER).unlink(
        missing_ok=True
    )  # whoever serves holds the lock: one that was killed left this
    for place in (home, home / "blocks"):  # and what killed processes were writing there
        files.remove_leftovers(place)
    try:
        settings.require_ledger(home)
        keyring = unlocking.keyring()
        clock = SystemClock()
        chain, rules = open_chain(home, config.chain, keyring, clock)
        try:
            node = assemble(home, config, keyring, chain, clock, rules=rules)
            opened = OpenHome(home, config, keyring, node, lock)
        except BaseException:
            chain.close()
            raise
    except BaseException:
        lock.release()
        raise
    try:
        reindexing.bring_up(opened.node)
        with suppress(CustodyError):  # what cannot be written today keeps nobody from working
            expiry.renew_own(opened.node)
            rewrapping.step(opened.node)
    except BaseException:
        opened.close()
        raise
    return opened


@contextmanager
def open_view(home: Path, unlocking: Unlocking) -> Iterator[OpenHome]:
    """One moment of a home, beside the process that holds it: nothing is written, and that process
    waits for nothing.

    The database's moment is taken before the chain's: whatever the one says that the other has
    taken is there, and the chain may know more, which is how it is at any moment. The other way
    round an honest checkpoint would look made up.

    Raises:
        UsageError: no home there. KeyringError: wrong passphrase. StorageError: a database cannot
            be read.
    """
    config = settings.read(home)
    settings.require_ledger(home)
    keyring, clock = unlocking.keyring(), SystemClock()
    with ExitStack() as stack:
        chain, rules = open_chain(home, config.chain, keyring, clock, view=True)
        stack.callback(chain.close)
        node = assemble(home, config, keyring, chain, clock, rules=rules, view=True)
        stack.callback(node.records.close)
        stack.callback(node.blocks.close)
        stack.callback(
            node.records.scrub
        )  # what was destroyed meanwhile stayed in the write-ahead log, for the sake of this moment
        moment = stack.enter_context(node.records.snapshot())
        chain.head()  # opened only now (see DeferredChain)
        yield OpenHome(home, config, keyring, replace(node, records=moment), None)


@contextmanager
def open_log(home: Path, unlocking: Unlocking) -> Iterator[OwnLog]:
    """The log of a home for reading, beside whatever process holds the home.

    Raises:
        UsageError: no home there. KeyringError: wrong passphrase.
    """
    config = settings.read(home)
    keyring = unlocking.keyring()
    ledger, agency = bytes.fromhex(config.ledger[2:]), agency_id(config.agency)
    log = contract_layout.log_id(config.chain.id, ledger, agency, config.log_number)
    records = SqlRecords(sqlite_url(home / "ledger.sqlite"))
    try:
        held, clock = node_keyring.held_log_keys(keyring), SystemClock()
        yield OwnLog(
            config.agency,
            log,
            records,
            lambda unit: log_keys.named_by(log_keys.in_force(unit, clock.now()), held),
        )
    finally:
        records.close()
