"""Entry bundles and tiles of a log, fetched ahead and examined in as many processes as there are,
handed on in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from ledger.domain.audit import log_entry as entries
from ledger.domain.audit.findings import AuditFinding
from ledger.domain.audit.log_entry import DecodedEntry
from ledger.domain.audit.ports import AuditState, LogFiles
from ledger.domain.errors import CustodyError, DeniedError, NotFoundError
from ledger.domain.log import tiles
from ledger.domain.log.tiles import WIDTH
from ledger.services.audit.run_bounds import BeyondError

#: Runs ``examine_bundle`` somewhere: in another process, or at once in this one.
Submit = Callable[..., "Future[list[Any]]"]
_THREADS: Final = 6
_AHEAD: Final = 12  # bundles under way: enough to keep two cores busy, and a bound on memory
#: Bytes of them that wait to be handed on: ordinary ones have 0.2 MiB, and 16 MiB at most.
_WAITING: Final = 32 << 20
#: Certificates held in memory, and such as a copy lacks: an agency's CA issues them without end.
_HELD: Final = 4096


@dataclass(frozen=True, slots=True)
class Bundle:
    """Entries from ``first`` on, examined, and the certificates (DER) that they name, by digest."""

    first: int
    entries: list[DecodedEntry]
    certificates: dict[bytes, bytes]
    tile: bytes


class Missing(Exception):  # noqa: N818  (a turn of events, told as a finding by whoever reads the log)
    """A file could not be had: its path, and whether a node withholds it, a copy lacks it, it
    just could not be reached, or it is more than one run reads.
    """

    def __init__(self, path: str, error: CustodyError, files: LogFiles) -> None:
        super().__init__(path)
        self.path = path
        self.error = error
        self.code = "unreachable"
        if isinstance(error, BeyondError):
            self.code = "beyond-limit"
        if isinstance(error, NotFoundError):
            self.code = "withheld" if files.is_node else "copy-lacks"
        self.denied = isinstance(error, DeniedError)


def finding_for(missing: Missing, agency: str) -> AuditFinding:
    """A file that could not be had, as a finding."""
    found = missing.error.message + (
        f" ({missing.error.hint})" if missing.denied and missing.error.hint else ""
    )
    return AuditFinding(
        missing.code,
        f"{missing.path} of {agency}",
        "the file, which checkpoint and contract say exists",
        found,
    )


def at_once(work: Callable[..., list[Any]], *arguments: Any) -> Future[list[Any]]:
    """Examine entries in this process, now: the simplest Submit."""
    done: Future[list[Any]] = Future()
    try:
        done.set_result(work(*arguments))
    except CustodyError as error:
        done.set_exception(error)
    return done


class Fetching:
    """Reads entries of one log.

    Args:
        size: of the checkpoint that the files are served at: it decides the widths of the last
            ones.
        log_ids: logs that statements may name.
        submit: where entries are examined.
    """

    def __init__(
        self,
        files: LogFiles,
        state: AuditState,
        size: int,
        log_ids: tuple[bytes, ...],
        submit: Submit = at_once,
    ) -> None:
        self._files = files
        self._state = state
        self._size = size
        self._log_ids = log_ids
        self._submit = submit
        self._known: dict[bytes, bytes | None] = {}
        self._lacking: dict[bytes, Missing] = {}

    def get(self, path: str) -> bytes:
        """A file.

        Raises:
            Missing: it could not be had.
        """
        try:
            return self._files.get(path)
        except CustodyError as error:
            raise Missing(path, error, self._files) from error

    def tile(self, level: int | None, index: int) -> bytes:
        """A tile, or an entry bundle, in the width that the served checkpoint calls for.

        Raises:
            Missing: it could not be had.
        """
        return self.get(
            f"tile/{tiles.format_path(level, index, tiles.width_at(self._size, level, index))}"
        )

    def bundles(self, start: int, end: int) -> Iterator[Bundle]:
        """Entries ``start`` to ``end`` in order.

        Raises:
            Missing: a bundle could not be had. FormatError: one is malformed.
        """
        wanted = iter(range(start // WIDTH, -(-end // WIDTH)) if start < end else ())
        fetched: deque[Future[tuple[int, bytes, bytes]]] = deque()
        examined: deque[tuple[int, int, bytes, dict[bytes, bytes], Future[list[Any]], int]] = (
            deque()
        )
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="fetch") as pool:
            try:
                while True:
                    while (
                        len(fetched) + len(examined) < _AHEAD
                        and sum(size for *_, size in examined) < _WAITING
                        and (index := next(wanted, None)) is not None
                    ):
                        fetched.append(pool.submit(self._fetch, index))
                    while fetched and (fetched[0].done() or not examined):
                        index, data, tile = fetched.popleft().result()
                        known = self._certificates(data)
                        skip = max(start - index * WIDTH, 0)
                        work = self._submit(
                            entries.examine_bundle, data, skip, self._log_ids, known
                        )
                        examined.append((index, skip, tile, known, work, len(data)))
                    if not examined:
                        return
                    index, skip, tile, known, work, _ = examined.popleft()
                    first = index * WIDTH + skip
                    decoded = [entries.unpack(packed) for packed in work.result()]
                    self._require_named(decoded)
                    yield Bundle(first, decoded, known, tile)
            finally:
                for future in fetched:
                    future.cancel()

    def _fetch(self, index: int) -> tuple[int, bytes, bytes]:
        return index, self.tile(None, index), self.tile(0, index)

    def _certificates(self, data: bytes) -> dict[bytes, bytes]:
        ders: dict[bytes, bytes] = {}
        if len(self._known) > _HELD:
            self._known.clear()
        for digest in entries.certificates_named(data):
            if digest not in self._known:
                self._known[digest] = self._certificate(digest)
            der = self._known[digest]
            if der is not None:
                ders[digest] = der
        return ders

    def _require_named(self, decoded: list[DecodedEntry]) -> None:
        """A copy that lacks a certificate accuses nobody. Not every digest that stands in a bundle
        is a certificate's: a signer may write what looks like one anywhere.
        """
        for entry in decoded:
            missing = self._lacking.get(entry.certificate)
            if entry.code == "certificate-missing" and missing and missing.code == "copy-lacks":
                raise missing

    def _certificate(self, digest: bytes) -> bytes | None:
        der = self._state.blob("certificate", digest)
        if der is not None:
            return der
        try:
            der = self.get(f"certs/{digest.hex()}")
        except Missing as missing:
            if missing.code in {"unreachable", "beyond-limit"} or len(self._lacking) > _HELD:
                raise
            self._lacking[digest] = missing  # a finding only if an entry names it
            return None
        if sha256(der).digest() != digest:
            return None
        self._state.put_blob("certificate", digest, der)
        return der
