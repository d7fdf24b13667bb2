"""Calls of a Kubo daemon's RPC, with its failures told as ours.

ipfshttpclient makes the calls that it has. What it lacks (`block rm`, progress of pins, streamed listings and exports) goes
through httpx (docs/adr/0010).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from ledger.adapters.ipfs.library import Client, faults
from ledger.domain.errors import CustodyError, NetworkError, NotFoundError, StorageError, UnreadableError, UsageError

CONNECT: Final = 5.0  # seconds
READ: Final = 60.0  # seconds without a byte from the daemon; also the time for which a pin may stand still
_CHUNK: Final = 1 << 20
_ADDRESS: Final = re.compile(r"/(?:ip4|ip6|dns|dns4|dns6)/([A-Za-z0-9.:-]{1,253})/tcp/([0-9]{1,5})(?:/(https?))?", re.ASCII)
_ABSENT: Final = re.compile(r"not found|could not find|no link named", re.IGNORECASE)
_FULL: Final = re.compile(r"no space left|disk quota|too large|read-only file system", re.IGNORECASE)
_LINE_LIMIT: Final = 1 << 20


def url_of(address: str) -> str:
    """The URL of an RPC address.

    Raises:
        UsageError: not a multiaddress of that kind.
    """
    found = _ADDRESS.fullmatch(address)
    if not found or int(found[2]) > 65535:
        raise UsageError(f"{address!r} is not an RPC address", hint="expected for example /ip4/127.0.0.1/tcp/5001")
    host = f"[{found[1]}]" if ":" in found[1] else found[1]
    return f"{found[3] or 'http'}://{host}:{found[2]}"


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
        auth = (user, password) if secret else None
        self.name = name
        self.timeout = timeout
        # Constructed, not connect(): that refuses every daemon of the last years. `Kubo` checks the version itself.
        limits = (min(CONNECT, timeout), timeout)
        self.client: Any = Client(address, session=True, timeout=limits, chunk_size=_CHUNK, auth=auth)
        # Neither a proxy nor a netrc of the environment may come between: the secret is for the daemon alone.
        self.client._client._session.trust_env = False  # noqa: SLF001
        self._http = httpx.Client(base_url=f"{url}/api/v0/", timeout=httpx.Timeout(timeout, connect=limits[0]), auth=auth, trust_env=False)

    @contextmanager
    def calling(self, what: str) -> Iterator[None]:
        """Tell what goes wrong inside as one of our errors; ``what`` names the call without naming any block."""
        try:
            yield
        except CustodyError:
            raise
        except faults.ErrorResponse as error:
            raise self._refused(what, str(error)) from error
        except (faults.StatusError, httpx.HTTPStatusError) as error:
            raise self._status(what, error) from error
        except (faults.Error, httpx.HTTPError, OSError) as error:
            raise self._unreachable(what, type(error).__name__) from error
        except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
            # Whatever takes an answer apart stands inside such a block, ipfshttpclient's own assertions too.
            raise self._unreachable(what, "an answer of another shape") from error

    def _status(self, what: str, error: Any) -> CustodyError:
        response = error.response if isinstance(error, httpx.HTTPStatusError) else error.original.response
        if response.status_code in (401, 403):
            return UsageError(
                f"the IPFS node {self.name!r} refuses us ({what})", hint="give its RPC secret: custody ipfs add NAME --secret-file FILE"
            )
        return self._unreachable(what, f"HTTP status {response.status_code}")

    def _unreachable(self, what: str, found: str) -> NetworkError:
        return NetworkError(
            f"the IPFS node {self.name!r} does not answer ({what}: {found})", hint="check that its daemon runs and can be reached"
        )

    def _refused(self, what: str, message: str) -> CustodyError:
        # The daemon's own words may hold CIDs and paths: they are judged, not repeated.
        if _FULL.search(message):
            return StorageError(f"the disk of the IPFS node {self.name!r} is full or failed ({what})", hint="give it more space")
        if _ABSENT.search(message):
            return NotFoundError(f"not stored at the IPFS node {self.name!r} ({what})")
        return UnreadableError(f"the IPFS node {self.name!r} failed ({what})", hint="look into its daemon's log; try: ipfs repo verify")

    @contextmanager
    def stream(self, path: str, **options: Any) -> Iterator[httpx.Response]:
        """A call whose answer is read as it comes."""
        with self.calling(path), self._http.stream("POST", path, params=options) as answer:
            if answer.status_code in (400, 404, 500):
                raise self._refused(path, _message(answer))
            answer.raise_for_status()
            yield answer

    def lines(self, path: str, **options: Any) -> Iterator[dict[str, Any]]:
        """A call whose answer is one JSON object a line; an error in the midst of them is raised."""
        with self.stream(path, **options) as answer:
            for line in answer.iter_lines():
                if len(line) > _LINE_LIMIT:
                    raise self._unreachable(path, "an endless line")
                if not line:
                    continue
                value = json.loads(line)
                if value.get("Type") == "error":
                    raise self._refused(path, str(value.get("Message", "")))
                yield value

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        self._http.close()


def _message(answer: httpx.Response) -> str:
    text = b"".join(part for part, _ in zip(answer.iter_bytes(4096), range(4), strict=False))
    return text.decode("utf-8", "replace")
