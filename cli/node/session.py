"""A person at work: keys from the home's keyring, and a node, served elsewhere or mounted in this
process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.invocation.global_options import STATE
from cli.node import clear_copies, joining
from cli.node.served import served_at
from cli.terminal import passphrases
from ledger.adapters.keystore.file import Unlocking
from ledger.app import settings
from ledger.domain.errors import CustodyError, LockedError, RoleError, UsageError

if TYPE_CHECKING:
    from cli.node.servers import Servers
    from ledger.adapters.clock import SystemClock
    from ledger.adapters.journal import FileJournal
    from ledger.adapters.keystore.file import FileKeyring
    from ledger.adapters.logfiles import Auditor
    from ledger.adapters.node.client import NodeClient
    from ledger.app.bootstrap import OpenHome
    from ledger.client.field.offline import FieldNode
    from ledger.domain.event.signing import Person
    from ledger.domain.ports.node_answers import About
    from ledger.services.log.files import OwnLog


_STARTING: Final = 5.0  # seconds


@dataclass
class Session:
    """Who works, by which keys, with which node, over which journal; ``served``: whether the node
    goes on when this process ends.
    """

    keyring: FileKeyring
    person: Person
    node: NodeClient
    journal: FileJournal
    clock: SystemClock
    served: bool = True

    def look_again(self) -> None:
        """Ask the node again who it is: keys of the agency may have given way to others."""
        self.person = _person(self.keyring, self.node.agency())

    @property
    def used_case(self) -> str:
        """The case that is worked on in the working folder; empty where there is none."""
        from ledger.app.used_cases import UsedCases

        try:
            return UsedCases(STATE.home, self.keyring).of(Path.cwd())
        except OSError:  # a folder that was removed
            return ""


def require_home() -> None:
    """Refuse to go on where there is no home to work in.

    Raises:
        UsageError: there is none. StorageError: others can write in it.
    """
    if not STATE.found.by:
        raise UsageError(
            f"no home was found: looked for {', '.join(STATE.found.looked)}",
            hint=f"{settings.BEGIN}; to work in one that lies elsewhere: --home DIR",
        )
    if settings.is_client(STATE.home):
        settings.read_client(STATE.home)
    else:
        settings.read(STATE.home)


def unlock() -> Unlocking:
    """Ask for the passphrase and begin to derive the keyring's key, in another process. Import what
    is heavy after this call, not before: both then go on at once.

    Returns:
        what gives the keyring, once the key is there.

    Raises:
        UsageError: no home there, or no passphrase. KeyringError: no keyring in it. StorageError:
            others can write in it.
    """
    require_home()
    clear_copies.remove_leftovers(STATE.home)
    return Unlocking(STATE.home / settings.KEYRING, passphrases.ask())


@contextmanager
def open_alone() -> Iterator[OpenHome]:
    """The home itself, for commands that need no other node and let none serve meanwhile."""
    unlocking = unlock()
    from ledger.app import bootstrap

    try:
        home = bootstrap.open_home(STATE.home, unlocking)
    except LockedError as error:
        if not (at := served_at(STATE.home)):
            raise
        raise LockedError(
            f"{error.message}, which serves it at {at}",
            hint="stop that process first, or leave it as it is",
        ) from error
    try:
        yield home
    finally:
        home.close()


@contextmanager
def open_beside() -> Iterator[OpenHome]:
    """The home, to be read only; while another process holds it, a snapshot of it."""
    unlocking = unlock()
    from ledger.app import bootstrap

    try:
        home = bootstrap.open_home(STATE.home, unlocking)
    except LockedError:
        with bootstrap.open_view(STATE.home, unlocking) as view:
            yield view
        return
    try:
        yield home
    finally:
        home.close()


@contextmanager
def open_log() -> Iterator[OwnLog]:
    """The log of the home for reading, also while a `serve` holds the home."""
    unlocking = unlock()
    from ledger.app import bootstrap

    with bootstrap.open_log(STATE.home, unlocking) as log:
        yield log


def auditor() -> Auditor:
    """Who reads the logs: by the keys in the folder of --home, or ``NOBODY`` where it holds none,
    which is enough for what is public.

    The home of a node also offers its node's key: other agencies let a partner's node read, where
    they do not know the person.
    """
    from ledger.adapters.logfiles import NOBODY, Auditor

    if not (STATE.home / settings.KEYRING).exists():
        return NOBODY
    unlocking = unlock()

    def meant(where: str, log: str) -> None:
        _servers(unlocking.keyring()).require_foreign(where, log)

    names = ("person",) if settings.is_client(STATE.home) else ("person", "service")
    return Auditor(
        tuple(lambda name=name: _signer(unlocking.keyring(), name) for name in names),  # type: ignore[misc]
        meant,
    )


@contextmanager
def open_field() -> Iterator[FieldNode]:
    """The stand-in for a node that keeps what was signed without network until it is sent."""
    unlocking = unlock()
    from ledger.app import field_folder

    with field_folder.open_field(STATE.home, unlocking.keyring()) as node:
        yield node


@contextmanager
def _open_offline() -> Iterator[Session]:
    unlocking = unlock()
    from cli.node.recording import RecordingField
    from ledger.adapters.clock import SystemClock
    from ledger.app import field_folder

    keyring = unlocking.keyring()
    with field_folder.open_field(STATE.home, keyring, RecordingField) as node:
        journal = field_folder.journal_of(STATE.home, keyring)
        yield Session(
            keyring,
            _person(keyring, node.agency()),
            node,  # type: ignore[arg-type]
            journal,
            SystemClock(),
        )


@contextmanager
def open_session() -> Iterator[Session]:
    """A session with the node of --server, with the `serve` that holds the home, with the home
    itself, or with nobody (--offline).
    """
    if STATE.offline:
        with _open_offline() as offline:
            yield offline
        return
    home = STATE.home
    unlocking = unlock()
    from ledger.adapters.clock import SystemClock
    from ledger.app import field_folder

    server = (
        settings.read_client(home).server
        if settings.is_client(home) and not STATE.server
        else STATE.server
    )
    with ExitStack() as stack:
        opened = servers = None
        if server:
            keyring = unlocking.keyring()
            if settings.is_client(home) and "person-certificate" not in keyring.names():
                # The code of an invitation goes to the node that it names, wherever --server leads.
                joining.go_on(keyring, settings.read_client(home).server)
            servers = _servers(keyring)
            node = _client(server, keyring, servers)
        else:
            from api.app import create_app  # imported while the passphrase is still being stretched
            from cli.node.in_process_transport import InProcess

            opened, url = _opened_or_served(home, unlocking)
            if opened is None:
                keyring = unlocking.keyring()
                node = _client(url, keyring, _servers(keyring))
            else:
                stack.callback(opened.close)
                keyring = opened.keyring
                app = create_app(
                    opened.node,
                    confirmations=opened.settings.chain.confirmations,
                )
                transport = stack.enter_context(InProcess(app))
                node = _client("http://home", keyring, transport=transport)
        stack.enter_context(node)
        about = node.agency()
        if servers is not None:
            servers.require(server, about.log)  # statements name the log that they are for
        person = _person(keyring, about, guest=bool(STATE.server))
        if _took_custody_key(keyring, node, person):
            person = _person(keyring, about)
        journal = field_folder.journal_of(home, keyring)
        try:
            yield Session(keyring, person, node, journal, SystemClock(), served=opened is None)
        except RoleError as error:
            error.hint = _whom_to_ask(node, error)
            raise


def _person(keyring: FileKeyring, about: About, *, guest: bool = False) -> Person:
    """The person whose keys lie in the keyring, in the role that they want to sign in."""
    from ledger.app import person_keys

    return replace(person_keys.person_at(keyring, about, guest=guest), acting_as=STATE.acting_as)


def _whom_to_ask(node: NodeClient, error: RoleError) -> str | None:
    """The hint of a refusal for a role, with colleagues who have one that may, where the node names
    any.
    """
    from ledger.domain.identity.roles import whom_to_ask

    try:
        held = [(holder.number, holder.role) for holder in node.role_holders(error.roles)]
    except CustodyError:  # what was refused is what they are told
        return error.hint
    return whom_to_ask(error.roles, held) if held else error.hint


def _servers(keyring: FileKeyring) -> Servers:
    """The addresses that the folder knows."""
    from cli.node.servers import Servers

    return Servers(STATE.home, keyring, served_at(STATE.home))


def _client(
    url: str, keyring: FileKeyring, servers: Servers | None = None, *, transport: Any = None
) -> NodeClient:
    """The node at an address, for whoever has these keys; ``servers`` unless it is in this process,
    at the end of ``transport``.
    """
    from cli.node.recording import RecordingNode
    from ledger.adapters.node.session_cache import FileSession

    own = servers is None or servers.is_own(url)
    return RecordingNode(
        url,
        transport=transport,
        signer=lambda: _signer(keyring),
        identify=_identify
        if own
        else None,  # people log in at their own agency's provider, never at one that others name
        kept=FileSession(STATE.home / settings.SESSION, keyring.get("journal"), url),
        meant=None if servers is None else lambda log: servers.require(url, log),
    )


def _took_custody_key(keyring: FileKeyring, node: NodeClient, person: Person) -> bool:
    """Take the agency's custody key into the keyring where it waits at the node for this person;
    whether it was taken. A failure is printed, and stops nothing else.
    """
    from cli.terminal import output
    from ledger.app import give_custody_key

    try:
        taken = give_custody_key.take(keyring, node, person.certificate, person.descriptor)
    except CustodyError as error:
        output.say(f"the custody key that waits for you was not taken: {error.message}")
        return False
    if taken:
        output.say(
            f"you hold the custody key of {person.descriptor.agency} from now on, in",
            f"  {STATE.home / settings.KEYRING}",
        )
    return taken


def joined(keyring: FileKeyring, server: str) -> Person:
    """Whoever just got a certificate from the node at ``server``, with the custody key where it
    waited for them.
    """
    with _client(server, keyring, _servers(keyring)) as node:
        about = node.agency()
        person = _person(keyring, about)
        return _person(keyring, about) if _took_custody_key(keyring, node, person) else person


def at_own_node() -> bool:
    """Whether the node is that of the folder itself: who works there reads and writes all that it
    shows.
    """
    return not STATE.server and not settings.is_client(STATE.home)


def _identify(provider: dict[str, str]) -> str:
    """Log in at the agency's identity provider, in the browser of whoever sits here."""
    import webbrowser

    from cli.terminal import output
    from ledger.adapters import oidc

    def show(address: str) -> None:
        output.say(
            "log in at your agency's identity provider; if no browser opens, open:", f"  {address}"
        )
        webbrowser.open(address)

    return oidc.obtain(provider["issuer"], provider["clientId"], provider["nonce"], show)


def _signer(keyring: Any, name: str = "person") -> tuple[Any, bytes]:
    return keyring.signing_key(name), keyring.get(f"{name}-certificate")


def _opened_or_served(home: Path, unlocking: Unlocking) -> tuple[OpenHome | None, str]:
    """The home, or the address of the `serve` that holds it. One that is just starting, or a
    command that is ending, is waited for.

    Raises:
        LockedError: another process has it, and does not serve it.
    """
    from ledger.app import bootstrap

    end = time.monotonic() + _STARTING
    while True:
        try:
            return bootstrap.open_home(home, unlocking), ""
        except LockedError:
            if url := served_at(home):
                return None, url
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
