"""Calls of a Kubo daemon's RPC, with its failures told as ours.

ipfshttpclient makes the calls that it has, over the strict client. What it lacks (`block rm`,
progress of pins, streamed listings and exports) goes to the strict client at once (docs/adr/0010).
"""

from __future__ import annotations

import io
import re
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from ledger.adapters.ipfs.ipfshttpclient_import import Client, faults
from ledger.adapters.web.client import ANYWHERE, MIB, Patience, Stream, Web, WebError
from ledger.adapters.web.sessions import StrictAdapter
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.text import counted
from ledger.domain.errors import (
    CustodyError,
    FormatError,
    NetworkError,
    NotFoundError,
    StorageError,
    UnreadableError,
    UsageError,
)
from ledger.domain.untrusted import shapes

CONNECT: Final = 5.0  # seconds
READ: Final = (
    60.0  # seconds without a byte from the daemon; also the time for which a pin may stand still
)
_CHUNK: Final = 1 << 20
_ADDRESS: Final = re.compile(
    r"/(?:ip4|ip6|dns|dns4|dns6)/([A-Za-z0-9.:-]{1,253})/tcp/([0-9]{1,5})(?:/(https?))?", re.ASCII
)
_ABSENT: Final = re.compile(r"not found|could not find|no link named", re.IGNORECASE)
_FULL: Final = re.compile(
    r"no space left|disk quota|too large|read-only file system", re.IGNORECASE
)
_LINE_LIMIT: Final = 1 << 20
_LIMIT: Final = 8 * MIB  # bytes of an answer that is no stream: a block, a list of peers
_WORDS: Final = 16 << 10  # bytes in which a refusal is said
_CALLS: Final = 10  # times the patience between two bytes for a call that sends and answers little
_OTHER: Final = "an answer of another shape"
_DAY: Final = 86400.0  # seconds for one call: a terabyte may be on its way, as long as it moves
#: What ipfshttpclient raises, beside its own faults, about answers of any shape.
_SHAPE: Final = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RecursionError,
)


def url_of(address: str) -> str:
    """The URL of an RPC address.

    Raises:
        UsageError: not a multiaddress of that kind.
    """
    match = _ADDRESS.fullmatch(address)
    if not match or int(match[2]) > 65535:
        raise UsageError(
            f"{address!r} is not an RPC address",
            hint="expected for example /ip4/127.0.0.1/tcp/5001",
        )
    host = f"[{match[1]}]" if ":" in match[1] else match[1]
    return f"{match[3] or 'http'}://{host}:{match[2]}"


class Rpc:
    """Connections to one daemon.

    Args:
        name: what people call it; the only thing of it that errors show.
        secret: "user:password" of its API.Authorizations, empty for none.
        timeout: seconds for which it may be silent.

    Raises:
        UsageError: the address is malformed.
    """

    def __init__(self, name: str, address: str, *, secret: str = "", timeout: float = READ) -> None:
        url = url_of(address)
        user, _, password = secret.partition(":")
        self._headers = (
            {"Authorization": "Basic " + b64encode(secret.encode()).decode()} if secret else {}
        )
        auth = (user, password) if secret else None
        self.name = name
        self.timeout = timeout
        # Constructed, not connect(): that refuses every daemon of the last years. `Kubo` checks the
        # version itself.
        limits = (min(CONNECT, timeout), timeout)
        self.client: Any = Client(
            address, session=True, timeout=limits, chunk_size=_CHUNK, auth=auth
        )
        # Neither a proxy nor a netrc of the environment may come between: the secret is for the
        # daemon alone.
        head = _CALLS * timeout
        patience = Patience(connect=limits[0], between=timeout, total=_DAY, head=head)
        self._web = Web(
            url, who=f"the IPFS node {name!r}", reach=ANYWHERE, patience=patience, proxied=False
        )
        session = self.client._client._session  # noqa: SLF001
        session.trust_env = False
        session.adapters.clear()
        session.mount(
            url, StrictAdapter(self._web, _LIMIT, replace(patience, total=_CALLS * timeout))
        )

    @contextmanager
    def calling(self, what: str) -> Iterator[None]:
        """Tell what goes wrong inside as one of our errors; ``what`` names the call without naming
        any block.
        """
        try:
            yield
        except WebError as error:
            raise self._unreachable(what, error.reason, error.where) from error
        except CustodyError:
            raise
        except faults.ErrorResponse as error:
            raise self._refused(what, str(error)) from error
        except faults.StatusError as error:
            raise self._status(what, error.original.response.status_code) from error
        except faults.EncoderError as error:
            raise self._nonsense(what, _OTHER) from error
        except (faults.Error, OSError) as error:
            raise self._unreachable(what, type(error).__name__) from error
        except _SHAPE as error:
            # Whatever takes an answer apart stands inside such a block, ipfshttpclient's own
            # assertions too.
            raise self._nonsense(what, _OTHER) from error

    def fit(self, what: str, value: Any, shape: Any) -> Any:
        """An answer, after checking that it has a shape (domain.untrusted.shapes).

        Raises:
            NetworkError: it has another one.
        """
        plain = getattr(value, "as_json", lambda: value)  # ipfshttpclient wraps what it was told
        try:
            return shapes.fit(plain(), shape, what="answer")
        except FormatError as error:
            raise self._nonsense(what, _OTHER) from error

    def _nonsense(self, what: str, found: str) -> NetworkError:
        return NetworkError(
            f"the IPFS node {self.name!r} answered nonsense ({what}): expected what Kubo answers, "
            f"found {found}",
            hint="check that its address is that of Kubo's RPC, and not of its gateway: "
            "custody status shows it",
        )

    def _status(self, what: str, status: int) -> CustodyError:
        if status in (401, 403):
            return UsageError(
                f"the IPFS node {self.name!r} refuses us ({what})",
                hint="give its RPC secret: custody ipfs add NAME --api ADDRESS --secret-file FILE",
            )
        return self._nonsense(what, f"HTTP status {status}")

    def _unreachable(self, what: str, found: str, where: str = "") -> NetworkError:
        return NetworkError(
            f"the IPFS node {self.name!r} does not answer ({what}: {found})",
            where=where,
            hint="check that its daemon runs and can be reached",
        )

    def _refused(self, what: str, message: str) -> CustodyError:
        # The daemon's own words may hold CIDs and paths: they are judged, not repeated.
        if _FULL.search(message):
            return StorageError(
                f"the disk of the IPFS node {self.name!r} is full or failed ({what})",
                hint="give it more space",
            )
        if _ABSENT.search(message):
            return NotFoundError(f"not stored at the IPFS node {self.name!r} ({what})")
        return UnreadableError(
            f"the IPFS node {self.name!r} failed ({what})",
            hint="look into its daemon's log; try: ipfs repo verify",
        )

    @contextmanager
    def stream(self, path: str, **options: Any) -> Iterator[Stream]:
        """A call whose answer is read as it comes."""
        with (
            self.calling(path),
            self._web.open(
                "POST", f"/api/v0/{path}", headers=self._headers, params=options
            ) as answer,
        ):
            if answer.status in (400, 404, 500):
                raise self._refused(path, answer.body(_WORDS).decode("utf-8", "replace"))
            if answer.status != 200:
                raise self._status(path, answer.status)
            yield answer

    def lines(
        self, path: str, *, most: int | None = None, **options: Any
    ) -> Iterator[dict[str, Any]]:
        """A call whose answer is one JSON object a line, each within the time for which the daemon
        may be silent; an error in the midst of them is raised.

        Args:
            most: how many there can be; None where whoever reads them ends it.
        """
        count = 0
        with self.stream(path, **options) as answer:
            for raw in self._raw_lines(path, answer):
                for value in self._line(path, raw):
                    count += 1
                    if most is not None and count > most:
                        raise self._nonsense(path, f"more than {counted(most, 'line')}")
                    yield value

    def _raw_lines(self, path: str, answer: Stream) -> Iterator[bytes]:
        rest, since = bytearray(), time.monotonic()
        for part in answer.parts():
            rest += part
            if b"\n" in part:
                *lines, last = bytes(rest).split(b"\n")
                yield from lines
                rest, since = bytearray(last), time.monotonic()
            if len(rest) > _LINE_LIMIT:
                raise self._nonsense(path, f"a line of more than {_LINE_LIMIT >> 10} KiB")
            if time.monotonic() - since > self.timeout:
                raise self._unreachable(path, f"no whole line within {self.timeout:g} s")
        yield bytes(rest)

    def _line(self, path: str, line: bytes) -> Iterator[dict[str, Any]]:
        if not line.strip():
            return
        try:
            value = strict_json.parse(line, what="line", limit=_LINE_LIMIT)
        except FormatError as error:
            raise self._nonsense(path, _OTHER) from error
        if not isinstance(value, dict):
            raise self._nonsense(path, _OTHER)
        if value.get("Type") == "error":
            raise self._refused(path, str(value.get("Message", "")))
        yield value

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        self._web.close()


class Parts(io.RawIOBase):
    """Parts of a body as the file that ipfshttpclient wants; each is handed on as it is, whatever
    size was asked for.
    """

    def __init__(self, parts: Iterator[bytes | memoryview]) -> None:
        self._parts = parts

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int = -1) -> bytes:  # noqa: ARG002
        """The next part that is not empty; empty at the end."""
        return next((bytes(part) for part in self._parts if part), b"")
