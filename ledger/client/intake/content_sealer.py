"""One pass over a file: hash, encrypt, CID. Work is spread over threads, since hashlib and OpenSSL
release the GIL.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from ledger.client.files import steady_file
from ledger.domain.codecs.digests import MultiDigest
from ledger.domain.crypto import content_encryption
from ledger.domain.crypto.content_encryption import PIECE, Pieces
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block, Builder

_AHEAD: Final = 6  # pieces in flight: 1 MiB of plaintext and 1 MiB of ciphertext each


@dataclass
class ContentEncryptor:
    """Seals one stream of ``size`` bytes; ``blocks`` yields its blocks, afterwards ``root`` and
    ``digest`` are set.

    Raises from ``blocks``:
        SourceError: the file cannot be read, or its length is not ``size``: it changed while it was
            read.
    """

    file: BinaryIO
    size: int
    pieces: Pieces
    pool: ThreadPoolExecutor
    digest: MultiDigest
    progress: Callable[[int], None] = lambda count: None
    path: Path = Path("the file")
    root: bytes = b""
    _builder: Builder = field(default_factory=Builder)

    def blocks(self) -> Iterator[Block]:
        """Leaves in order, each followed by the inner nodes that it completes."""
        padded = content_encryption.padded_size(self.size)
        count = content_encryption.piece_count(padded)
        waiting: deque[Future[Block]] = deque()
        buffers = [bytearray(min(PIECE, self.size)) for _ in range(min(count, _AHEAD))]
        for number in range(count):
            if len(waiting) == _AHEAD:  # the oldest piece: its buffer is free again
                yield from self._add(waiting.popleft().result())
            plain = self._read(
                buffers[number % _AHEAD], min(PIECE, max(self.size - number * PIECE, 0))
            )
            length = min(PIECE, padded - number * PIECE)
            if count == 1:  # a change of threads would cost more than a small file
                self._finish(plain)
                yield from self._add(self._seal(0, plain, length, last=True))
                break
            waiting.append(
                self.pool.submit(self._seal, number, plain, length, last=number == count - 1)
            )
            self.digest.update(plain)  # here, in order, while the pool seals
            self.progress(len(plain))
        else:
            self._finish(b"")
        while waiting:
            yield from self._add(waiting.popleft().result())
        self.root, rest = self._builder.finish()
        yield from rest

    def _finish(self, rest: bytes | memoryview) -> None:
        self.digest.update(rest)
        self.progress(len(rest))
        if self._more(memoryview(bytearray(1))):
            raise steady_file.changed(self.path)

    def _read(self, buffer: bytearray, wanted: int) -> memoryview:
        plain, found = memoryview(buffer)[:wanted], 0
        while found < wanted and (count := self._more(plain[found:])):
            found += count
        if found != wanted:
            raise steady_file.changed(self.path)
        return plain

    def _more(self, buffer: memoryview) -> int:
        try:
            return int(self.file.readinto(buffer) or 0)  # type: ignore[attr-defined]
        except OSError as error:
            raise steady_file.unreadable(self.path, error) from error

    def _seal(self, number: int, plain: memoryview, length: int, *, last: bool) -> Block:
        sealed = self.pieces.seal(
            number,
            content_encryption.pad_piece(plain, self.size - number * PIECE, length),
            last=last,
        )
        return Block(cids.of(sealed), sealed)

    def _add(self, leaf: Block) -> Iterator[Block]:
        yield leaf
        yield from self._builder.add(leaf.cid, len(leaf.data))
