"""A Kubo daemon as a replica. It is not believed: every block is hashed when it comes back, every
CID it names compared with ours.

- all reading is offline: a daemon answers for its own repository, and never fetches from peers
  unless ``pin(fetch=True)``
- a CAR of any size is streamed in constant memory; the daemon answers when it is on its disk
  (`sync`)
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from ledger.adapters.ipfs.ipfshttpclient_import import faults
from ledger.adapters.ipfs.rpc import READ, Parts, Rpc
from ledger.domain.blocks import dag
from ledger.domain.blocks.store import ReplicaStatus
from ledger.domain.codecs.text import counted
from ledger.domain.errors import (
    CustodyError,
    FormatError,
    NetworkError,
    NotFoundError,
    UsageError,
    VerificationError,
)
from ledger.domain.ipld import car, unixfs
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import MAX_BLOCK, Block
from ledger.domain.untrusted.shapes import Maybe

#: Releases of Kubo that the tests ran against: from the first, and before the second.
TESTED: Final = ((0, 42), (0, 43))
_GROUP: Final = 128  # CIDs an address
_MOST: Final = 2**53
_OFFLINE: Final = {"offline": "true"}
#: What these calls answer with. "No limit" is 2^64 - 1 there, which no JSON carries safely.
_VERSION: Final = {"Version": str}
_ABOUT: Final = {"ID": str, "Addresses": Maybe([str])}
_PEERS: Final = {"Peers": Maybe(list)}
_SIZES: Final = {"RepoSize": range(2**64), "StorageMax": range(2**64)}
_STAT: Final = {"Key": str, "Size": range(MAX_BLOCK + 1)}
_PINS: Final = {"Pins": Maybe([str]), "Progress": Maybe(range(2**63))}
_KEYS: Final = {"Keys": dict}
_REMOVED: Final = {"Hash": str, "Error": Maybe(str)}
#: Seconds that a pin may take for each block, of 2 MiB at most: walked on the daemon's own disk, or
#: fetched from its peers. What is slower than that is quicker sent from here.
_WALKED: Final = 1.0
_FETCHED: Final = 10.0
_VERSION_AGE: Final = (
    60.0  # seconds after which the version is asked again: daemons are upgraded under running nodes
)


class Kubo:
    """One daemon.

    Args:
        name: what people call it.
        address: multiaddress of its RPC.
        secret: "user:password" of the RPC, empty for none.
        timeout: seconds for which it may be silent.

    Raises:
        UsageError: the address is malformed. From every method also: NetworkError, not reached or
            not in time.
    """

    def __init__(self, name: str, address: str, *, secret: str = "", timeout: float = READ) -> None:
        self._rpc = Rpc(name, address, secret=secret, timeout=timeout)
        self._client = self._rpc.client
        self._checked = -_VERSION_AGE

    @property
    def name(self) -> str:
        """What people call it."""
        return self._rpc.name

    def _version(self) -> str:
        with self._rpc.calling("version"):
            found = str(self._rpc.fit("version", self._client.version(), _VERSION)["Version"])
        numbers = tuple(
            int(part) for part in found.split("-", maxsplit=1)[0].split(".")[:2] if part.isdecimal()
        )
        if not TESTED[0] <= numbers < TESTED[1]:
            span = " to before ".join(".".join(map(str, one)) for one in TESTED)
            raise UsageError(
                f"the IPFS node {self.name!r} runs Kubo {found[:40]}, expected {span}",
                hint="install a tested version of Kubo there",
            )
        self._checked = time.monotonic()
        return found

    def _ready(self) -> None:
        """Refuse a daemon of a version that was not tested."""
        if time.monotonic() - self._checked > _VERSION_AGE:
            self._version()

    def put(self, blocks: Iterable[Block]) -> None:
        """See storage.BlockStore; not pinned."""
        self.send(_checked(blocks))

    def send(self, blocks: Iterable[Block]) -> None:
        """See storage.Replica."""
        self._ready()
        count = 0

        def framed() -> Iterator[bytes | memoryview]:
            nonlocal count
            yield car.header([])
            for block in blocks:
                count += 1
                yield from car.frame(block)

        options = {"pin-roots": "false", "stats": "true"}
        with (
            self._rpc.calling("dag/import"),
            self._client.dag.imprt(Parts(framed()), opts=options, stream=True) as answer,
        ):
            stored = sum(int(line["Stats"]["BlockCount"]) for line in answer if line.get("Stats"))
        if stored != count:
            raise VerificationError(
                9, f"the IPFS node {self.name!r} took {stored} blocks of {count}"
            )

    def _ours(self, text: str, wanted: set[bytes]) -> bytes:
        """A CID that the daemon names, which must be among those that we computed."""
        with suppress(CustodyError):
            if (cid := cids.from_text(text)) in wanted:
                return cid
        raise VerificationError(
            9,
            f"the IPFS node {self.name!r} answered with another CID than ours",
            hint="do not trust this node",
        )

    def missing(self, wanted: Sequence[bytes]) -> list[bytes]:
        """See storage.BlockStore."""
        return [cid for cid in wanted if not self._has(cid)]

    def _has(self, cid: bytes) -> bool:
        try:
            with self._rpc.calling("block/stat"):
                found = self._client.block.stat(cids.to_text(cids.check(cid)), opts=_OFFLINE)
        except NotFoundError:
            return False
        self._ours(self._rpc.fit("block/stat", found, _STAT)["Key"], {cid})
        return True

    def get(self, cid: bytes) -> bytes:
        """See storage.BlockStore."""
        text = cids.to_text(cids.check(cid))
        data = bytearray()
        with (
            self._rpc.calling("block/get"),
            self._client.block.get(text, opts=_OFFLINE, stream=True) as parts,
        ):
            for part in parts:  # streamed, so that a daemon that lies cannot fill the memory
                data += part
                if len(data) > MAX_BLOCK:
                    break
        try:
            cids.verify(cid, bytes(data))
        except FormatError as error:
            raise VerificationError(
                9,
                f"block {text} was altered at the IPFS node {self.name!r}",
                hint="repair it: custody fixity --all",
            ) from error
        return bytes(data)

    def cids(self) -> Iterator[bytes]:
        """See storage.BlockStore; those in formats that we never write are left out."""
        with self._rpc.calling("refs/local"):
            for line in self._rpc.lines("refs/local"):
                with suppress(CustodyError):
                    yield cids.from_text(str(line["Ref"]))

    def size(self) -> int:
        """See storage.BlockStore: bytes of its whole repository."""
        with self._rpc.calling("repo/stat"):
            return int(self._sizes()["RepoSize"])

    def _sizes(self) -> dict[str, int]:
        found = self._client.repo.stat(opts={"size-only": "true"})
        return dict(self._rpc.fit("repo/stat", found, _SIZES))

    def pin(self, roots: Sequence[bytes], *, fetch: bool = False, blocks: int = 0) -> None:
        """See storage.Replica."""
        self._ready()
        for at in range(0, len(roots), _GROUP):
            group = roots[at : at + _GROUP]
            texts = [cids.to_text(cids.check(root)) for root in group]
            wanted = set(group)
            with self._rpc.calling("pin/add"):
                for text in self._pin(texts, fetch=fetch, blocks=blocks):
                    wanted.discard(self._ours(text, set(group)))
            if wanted:
                raise VerificationError(
                    9, f"the IPFS node {self.name!r} did not confirm {counted(len(wanted), 'pin')}"
                )

    def _pin(self, texts: list[str], *, fetch: bool, blocks: int) -> list[str]:
        """Even offline the daemon asks its peers for what is missing below a root, and that for
        ever: so its progress is watched, and its pace: one that counts on for ever, a block a
        minute or beyond all that there is, would hold the caller for a day.
        """
        named: list[str] = []
        pace = _FETCHED if fetch else _WALKED
        reached, begun = -1, time.monotonic()
        since = begun
        options: dict[str, Any] = {} if fetch else dict(_OFFLINE)
        for line in self._rpc.lines("pin/add", arg=texts, progress="true", **options):
            told = self._rpc.fit("pin/add", line, _PINS)
            named = (named + (told["Pins"] or []))[
                : len(texts) + 1
            ]  # one too many is one of theirs
            count, now = int(told["Progress"] or 0), time.monotonic()
            if count > reached:
                reached, since = count, now
            elif now - since > self._rpc.timeout:
                raise NetworkError(
                    f"the IPFS node {self.name!r} waits for blocks that no peer sends",
                    hint="check that its peers are connected: ipfs swarm peers",
                )
            counted_for = min(reached, blocks) if blocks else reached
            if now - begun > self._rpc.timeout + pace * counted_for:
                raise NetworkError(
                    f"the IPFS node {self.name!r} did not end a pin in time: expected "
                    f"{pace:g} s at most for each block, found {now - begun:.0f} s for "
                    f"{counted(counted_for, 'block')}",
                    hint="look into its daemon's log, and at the load of its disk",
                )
        return named

    def unpin(self, root: bytes) -> bool:
        """See storage.Replica. Content goes first, then the root with what else names it: it can
        be done again after a crash at any point, and where not all could be named that is told
        again.
        """
        with suppress(NotFoundError), self._rpc.calling("pin/rm"):
            self._remove_pin(cids.to_text(cids.check(root)))
        unread: list[bytes] = []
        naming: list[bytes] = []

        def content() -> Iterator[bytes]:
            for cid in dag.below(self, root, unread):
                if cids.codec_of(cid) == cids.RAW:
                    yield cid
                else:
                    naming.append(cid)

        below, kept = content(), 0
        while group := list(islice(below, _GROUP)):
            kept += self._remove(group)
        if unread or kept:
            return False
        naming.reverse()
        return not sum(
            self._remove(naming[at : at + _GROUP]) for at in range(0, len(naming), _GROUP)
        )

    def _remove_pin(self, text: str) -> None:
        try:
            self._client.pin.rm(text)
        except faults.ErrorResponse as error:
            if "not pinned" not in str(error):
                raise

    def _remove(self, wanted: Sequence[bytes]) -> int:
        """Remove blocks; how many the daemon keeps since something else pins them."""
        left, kept = set(wanted), 0
        with self._rpc.calling("block/rm"):
            texts = [cids.to_text(cid) for cid in wanted]
            for line in self._rpc.lines("block/rm", most=len(texts), arg=texts, force="true"):
                told = self._rpc.fit("block/rm", line, _REMOVED)
                left.discard(self._ours(told["Hash"], set(wanted)))
                problem = told["Error"] or ""
                kept += "pinned" in problem
                if problem and "pinned" not in problem and "not found" not in problem:
                    raise NetworkError(
                        f"the IPFS node {self.name!r} could not remove a block",
                        hint="look into its daemon's log",
                    )
        if left:
            raise NetworkError(
                f"the IPFS node {self.name!r} did not confirm that "
                f"{counted(len(left), 'block', ('is', 'are'))} removed",
                hint="look into its daemon's log",
            )
        return kept

    def pinned(self, roots: Sequence[bytes]) -> set[bytes]:
        """See storage.Replica."""
        found = set()
        for root in roots:
            try:
                with self._rpc.calling("pin/ls"):
                    try:
                        told = self._client.pin.ls(cids.to_text(root), type="recursive")
                        for text in self._rpc.fit("pin/ls", told, _KEYS)["Keys"]:
                            found.add(self._ours(text, {root}))
                    except faults.ErrorResponse as error:
                        if "not pinned" not in str(error):
                            raise
                        continue
            except NotFoundError:
                continue
        return found

    def replace(self, root: bytes, block: Block) -> None:
        """See storage.Replica. A daemon that keeps what it has must forget the block first, and for
        that the pin.
        """
        self.put([block])
        with suppress(VerificationError, NotFoundError):
            self.get(block.cid)
            return
        with self._rpc.calling("pin/rm"):
            self._remove_pin(cids.to_text(root))
        self._remove([block.cid])
        self.put([block])
        self.pin([root])

    def status(self) -> ReplicaStatus:
        """See storage.Replica.

        Raises:
            UsageError: a version that was not tested.
        """
        version = self._version()
        with self._rpc.calling("id"):
            about = self._rpc.fit("id", self._client.id(), _ABOUT)
        with self._rpc.calling("swarm/peers"):
            peers = self._rpc.fit("swarm/peers", self._client.swarm.peers(), _PEERS)["Peers"] or []
        with self._rpc.calling("repo/stat"):
            sizes = self._sizes()
        size, limit = sizes["RepoSize"], sizes["StorageMax"]
        return ReplicaStatus(
            version,
            about["ID"],
            tuple(about["Addresses"] or ()),
            len(peers),
            min(size, _MOST),
            limit if limit <= _MOST else 0,
        )

    def introduce(self, addresses: Sequence[str]) -> None:
        """See storage.Replica."""
        failed: NetworkError | None = None
        for address in addresses:
            try:
                for _ in self._rpc.lines(
                    "swarm/connect", most=1, arg=address
                ):  # ipfshttpclient takes the address apart, letter by letter
                    pass
            except CustodyError as error:
                failed = NetworkError(
                    f"the IPFS node {self.name!r} cannot reach its peer",
                    hint="check addresses, firewall and swarm key",
                )
                failed.__cause__ = error
            else:
                return
        if failed is not None:
            raise failed

    def export(self, root: bytes) -> Iterator[bytes]:
        """The CARv1 of everything below a root, part by part, as the daemon sends it; to be checked
        by whoever reads it.
        """
        with self._rpc.stream(
            "dag/export", arg=cids.to_text(root), progress="false", offline="true"
        ) as answer:
            yield from answer.parts()

    def close(self) -> None:
        """See storage.BlockStore."""
        self._rpc.close()


def _checked(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        unixfs.check_block(block)
        yield block
