"""The files of a log from a folder, a plain web server, or a node that asks who is there; and their
export into a folder.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import httpx

from ledger.adapters import files
from ledger.adapters.node.http import HttpNode
from ledger.adapters.web.client import Patience
from ledger.domain.codecs.cose import PrivateKey
from ledger.domain.errors import (
    DeniedError,
    NetworkError,
    NotFoundError,
    UnreadableError,
    UsageError,
)
from ledger.domain.log.statement import MAX_ENTRY
from ledger.domain.log.tiles import WIDTH
from ledger.domain.untrusted import hosts
from ledger.domain.untrusted.hosts import require_tls

Signer = Callable[[], tuple[PrivateKey, bytes]]
#: Bytes of the longest file of a kind; a document, certificate, descriptor or checkpoint has less
#: than _SMALL. Revocation lists grow with an agency.
_LONGEST: Final = {"crl": 64 << 20, "crls": 64 << 20, "tile": 32 * WIDTH}
_BUNDLE: Final = WIDTH * (2 + MAX_ENTRY)
_SMALL: Final = 1 << 20
_PATIENCE: Final = Patience(between=30.0, total=600.0)
#: Folders whose files are named by their SHA-256.
_DIGESTS: Final = frozenset({"certs", "descriptors", "documents"})
_HASTY: Final = Patience(between=15.0, total=60.0)
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Auditor:
    """Who reads what is not public: keys and certificates to try, in order, and what refuses an
    address and the log that is read there.
    """

    signers: tuple[Signer, ...] = ()
    meant: Callable[[str, str], None] = lambda where, log: None


NOBODY: Final = Auditor()


class FolderFiles:
    """A tree that `custody log export` wrote, on disk or mounted from IPFS."""

    is_node = False

    def __init__(self, root: Path) -> None:
        self._root = root
        self.where = str(root)

    def get(self, path: str) -> bytes:
        """A file."""
        try:
            with (self._root / path).open("rb") as stream:
                data = stream.read(_longest(path) + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotFoundError(f"{path} is not there") from error
        except OSError as error:
            raise UnreadableError(
                f"cannot read {path}: {error.strerror}", hint="check the disk, then try again"
            ) from error
        return _bounded(path, data)

    def known_at(self, services: AbstractSet[str]) -> None:
        """A folder is a copy wherever the node is."""

    def close(self) -> None:
        """Nothing is kept open."""


def _longest(path: str) -> int:
    if path.startswith("tile/entries/"):
        return _BUNDLE
    return _LONGEST.get(path.partition("/")[0], _SMALL)


def _bounded(path: str, data: bytes) -> bytes:
    if len(data) > _longest(path):
        raise UnreadableError(
            f"{path} is longer than {_longest(path)} bytes", hint="no such file of a log is so long"
        )
    return data


class WebFiles(HttpNode):
    """A tree behind a URL: a plain web server, or a custody node, whose files lie below
    ``/v1/log``.

    Args:
        auditor: for a node that shows entries to auditors only; nobody is needed for what is
            public.
        hasty: a file that comes slowly is waited for a minute, not ten.
    """

    def __init__(
        self,
        url: str,
        *,
        auditor: Auditor = NOBODY,
        hasty: bool = False,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if transport is None:
            require_tls(url, what="a log")

        def judged(log: str) -> None:
            if log != self._log:
                raise NetworkError(
                    f"{url} asks for a login to another log than it shows",
                    hint="nothing was signed: ask whose it is",
                )
            auditor.meant(url, log)

        patience = _HASTY if hasty else _PATIENCE
        super().__init__(url, transport=transport, meant=judged, who="the log", patience=patience)
        self._log = ""
        self._signers = list(auditor.signers)
        self.where = url
        self._logins = threading.Lock()  # proofs and sessions are one after another
        self._prefix: str | None = None
        self._hidden = False
        self._own = False

    @property
    def is_node(self) -> bool:
        """Whether this is proven to be the agency's own node: all else may be a copy, whose gaps
        refute nothing.
        """
        return self._own

    def known_at(self, services: AbstractSet[str]) -> None:
        """At any other address than the agency's own lies a copy, and so does below it: a tree that
        was exported into a folder of the same server.
        """
        address = hosts.parse(self.where, what="a log")
        servers = set[str]()
        for service in services:
            with suppress(UsageError):  # a descriptor may name what is no address
                servers.add(hosts.parse(service, what="a node").server)
        self._own = address.server in servers and address.target in {"", "/"}

    def get(self, path: str) -> bytes:
        """A file; a node is logged in to when it first refuses."""
        if self._prefix is None:
            self._prefix = self._find()
        target = f"{self._prefix}/{path}"
        if not (self._hidden and path.startswith(("tile/entries/", "certs/"))):
            status, data = self._fetch(target, _longest(path))
            if status == 404:
                raise NotFoundError(f"{path} is not there")
            if status == 200:
                return data
            if status not in {401, 403} or not self._prefix:
                raise NetworkError(
                    f"{path}: answered {status}", hint="check the address; then try again"
                )
            self._hidden = True
        return _bounded(path, self._asked(target, path))

    def _asked(self, target: str, path: str) -> bytes:
        """A file for those who may have it: as whoever of us the node lets in."""
        with self._logins:
            while True:
                if self._signer is None:
                    if not self._signers:
                        raise DeniedError(
                            f"{path} is shown to auditors only: the node refused it, as it does "
                            "everybody else",
                            hint="name the folder of an auditor of that agency with --home",
                        )
                    self._signer = self._signers.pop(0)
                try:
                    return self._send("GET", target, limit=_longest(path)).content
                except DeniedError:
                    self._signer = self._token = None

    def _find(self) -> str:
        """Where the tree begins: at the URL itself, or below a node's."""
        for prefix in ("", "/v1/log"):
            status, data = self._fetch(f"{prefix}/checkpoint", _SMALL)
            if status == 200 and data.startswith(b"urn:custody:log:"):
                self._log = data.partition(b"\n")[0].decode("ascii", "replace")
                return prefix
        raise NetworkError(
            f"no log of custody is at {self.where}",
            hint="give the address of a node, or of an exported tree",
        )

    def _fetch(self, target: str, limit: int) -> tuple[int, bytes]:
        """Status and body; a server that sends without end is cut off."""
        answer = self._web.call("GET", target, limit=limit, attempts=_ATTEMPTS)
        return answer.status, answer.content


def write_tree(
    root: Path,
    paths: Iterable[str],
    get: Callable[[str], bytes],
    forever: frozenset[str],
    check: Callable[[str, bytes], None],
    progress: Callable[[int], None],
) -> tuple[int, int]:
    """Write files of a log into a folder; returns how many were written, and how many were there
    already.

    What is there is checked before anything is written: the files of two logs in one folder would
    be a forged log for whoever audits it. Files that never change are written once, each whole or
    not at all; the checkpoint, which names all others, comes last.

    Args:
        check: refuses a file that is another than this log has at that path.

    Raises:
        StorageError: the disk refused. UnreadableError: what is there cannot be read.
    """
    held = FolderFiles(root)
    for path in _placed(root):
        check(path, held.get(path))
    written = kept = 0
    for path in paths:
        target = root / path
        if path.partition("/")[0] in forever and _is_there(target):
            kept += 1
        else:
            files.public_folder(target.parent)
            files.write(target, get(path), mode=0o644)
            written += 1
        progress(1)
    return written, kept


def require_public(root: Path) -> None:
    """Refuse a folder in which an earlier export left what the public must not read.

    Raises:
        UsageError: it did.
    """
    if any((root / path).exists() for path in ("certs", "tile/entries")):
        raise UsageError(
            f"{root} holds entries and certificates of an earlier export, for auditors alone",
            hint="choose another folder for the public, or go on here with --entries",
        )


def _is_there(path: Path) -> bool:
    """Whether a file that never changes is there; one named by its digest has to hash to it, since
    a full disk or a copy that was stopped may have left an empty one.
    """
    if not path.is_file():
        return False
    return path.parent.name not in _DIGESTS or sha256(path.read_bytes()).hexdigest() == path.name


def _placed(root: Path) -> Iterator[str]:
    """Files whose names are places, not digests: another log has others of the same name. The
    checkpoint is first.
    """
    for pattern in ("checkpoint", "checkpoints/*", "tile/**/*"):
        for path in sorted(root.glob(pattern)):
            if (
                not path.name.startswith(".") and not path.is_dir()
            ):  # with a dot: left by an export that was killed
                yield path.relative_to(root).as_posix()


def drop_partials(root: Path) -> None:
    """Remove partial tiles that a full one replaced (C2SP tlog-tiles, "Partial Tiles")."""
    for folder in root.glob("tile/**/*.p"):
        if folder.is_dir() and folder.with_suffix("").is_file():
            shutil.rmtree(folder)
