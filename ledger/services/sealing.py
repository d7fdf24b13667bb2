"""One pass over a file: hash, encrypt, CID. Work is spread over threads, since hashlib and OpenSSL release the GIL."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from ledger.domain import cid as cids
from ledger.domain import envelope
from ledger.domain.digests import MultiDigest
from ledger.domain.envelope import PIECE, Pieces
from ledger.domain.errors import UnreadableError
from ledger.domain.unixfs import Block, Builder

_AHEAD: Final = 6  # pieces in flight: 1 MiB of plaintext and 1 MiB of ciphertext each


@dataclass
class Sealer:
    """Seals one stream of ``size`` bytes; ``blocks`` yields its blocks, afterwards ``root`` and ``digest`` are set.

    Raises from ``blocks``:
        UnreadableError: the file cannot be read, or its length is not ``size``: it changed while it was read.
    """

    file: BinaryIO
    size: int
    pieces: Pieces
    pool: ThreadPoolExecutor
    digest: MultiDigest
    progress: Callable[[int], None] = lambda count: None
    root: bytes = b""
    _builder: Builder = field(default_factory=Builder)

    def blocks(self) -> Iterator[Block]:
        """Leaves in order, each followed by the inner nodes that it completes."""
        padded = envelope.padded_size(self.size)
        count = envelope.piece_count(padded)
        waiting: deque[Future[Block]] = deque()
        hashing: Future[None] | None = None
        for number in range(count):
            plain = self._read(min(PIECE, max(self.size - number * PIECE, 0)))
            if hashing is not None:
                hashing.result()  # the digest takes its bytes in order
            hashing = self.pool.submit(self.digest.update, plain)
            length = min(PIECE, padded - number * PIECE)
            waiting.append(self.pool.submit(self._seal, number, plain, length, number == count - 1))
            self.progress(len(plain))
            if len(waiting) >= _AHEAD:
                yield from self._add(waiting.popleft().result())
        if hashing is not None:
            hashing.result()
        if self.file.read(1):
            raise self._changed()
        while waiting:
            yield from self._add(waiting.popleft().result())
        self.root, rest = self._builder.finish()
        yield from rest

    def _read(self, wanted: int) -> bytes:
        try:
            data = self.file.read(wanted) if wanted else b""
            while 0 < len(data) < wanted:
                more = self.file.read(wanted - len(data))
                if not more:
                    break
                data += more
        except OSError as error:
            raise UnreadableError(f"the file could not be read: {error.strerror}", hint="check the medium; nothing was recorded") from error
        if len(data) != wanted:
            raise self._changed()
        return data

    @staticmethod
    def _changed() -> UnreadableError:
        return UnreadableError("the file changed while it was read", hint="stop what writes to it, then upload again; nothing was recorded")

    def _seal(self, number: int, plain: bytes, length: int, last: bool) -> Block:
        sealed = self.pieces.seal(number, envelope.pad_piece(plain, self.size - number * PIECE, length), last=last)
        return Block(cids.of(sealed), sealed)

    def _add(self, leaf: Block) -> Iterator[Block]:
        yield leaf
        yield from self._builder.add(leaf.cid, len(leaf.data))
