"""The packs of a home in its backup folder: copied by appending, and given up only when the home
compacted them.

- nothing is cut: packs only grow, and what the home lost is in their copies alone
- a copy that went bad is replaced by one with all good blocks of both (see copy_mending); each
  backup compares the end of every copy, and one copy whole
- what is called almost like a pack is left where it lies, and a folder that others may have
  written is never followed through a link
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final

from ledger import system
from ledger.adapters import files
from ledger.adapters.backup import home_packs
from ledger.adapters.backup.copy_mending import CHUNK, agree, copy_readable, mend
from ledger.adapters.ipfs.index_view import PacksKnown, read_pack, read_packs, read_places
from ledger.adapters.ipfs.pack_sections import checked, scan
from ledger.adapters.ipfs.packfiles import name_of, number_of, packs_in, start_of
from ledger.adapters.ipfs.packindex import Place
from ledger.domain.errors import StorageError, UnreadableError, UsageError, VerificationError
from ledger.domain.files import custody_files

_ID_SIZE: Final = 32
_LATER: Final = 10_000_000_000  # nanoseconds: no medium writes times down so coarsely
_NEVER: Final = 4_000_000_000_000_000_000  # a time after 2090 is none, and leaves no room behind it
_ID: Final = re.compile(rb"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied: new bytes, the size of each pack, the names of packs of which the home lost
    something that their copies have, or that could not be read there, and of those whose copies
    were damaged and are good again. ``is_complete``: the home has all that its ledger names. Where
    it lost any of that, what its index does not have may be it, whatever it says of the pack: packs
    are counted anew where all were lost with their index.
    """

    new: int
    packs: dict[str, int]
    lost: list[str]
    mended: list[str]
    is_complete: bool = True


def require_same(source: Path, folder: Path, *, used: bool) -> None:
    """Bind a folder of copies to the packs of one home: those of another, or of this home restored,
    would be cut to fit.

    Args:
        used: there are snapshots beside it.

    Raises:
        UsageError: it has those of another home.
    """
    own, theirs = source / custody_files.PACKS_ID, folder / custody_files.PACKS_ID
    mine, other = _id(own), _id(theirs)
    if source.samefile(folder) or (not (other or used) and packs_in(folder)):
        what = f"the packs in {folder} are no backup: a home keeps, or kept, its evidence there"
        raise UsageError(what, hint="nothing was changed; name another folder")
    if mine is None and own.is_file():  # of a damaged name the packs themselves are compared
        mine = other
    mine = mine or secrets.token_hex(_ID_SIZE // 2).encode()
    if other is not None and not _is_one_id(other, mine):
        what = (
            f"{folder.parent} holds backups of another home, or of this one before it was restored"
        )
        raise UsageError(what, hint="name another folder: each home has a backup folder of its own")
    # A name beside the packs says that there was a backup (settings.read_backups).
    for path in (own, theirs):
        if _id(path) is None:
            files.write(path, mine)


def _id(path: Path) -> bytes | None:
    """The name of packs that lies in a file; None where none does, or it was damaged."""
    with suppress(OSError):
        if path.is_file() and _ID.fullmatch(found := files.read_small(path, _ID_SIZE)):
            return found
    return None


def _is_one_id(one: bytes, other: bytes) -> bool:
    """Whether two names of packs are one, of which a disk may have flipped a bit: those of two
    homes are random, and never so close.
    """
    differing = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return len(one) == len(other) and differing.bit_count() <= 1


def copy(source: Path, folder: Path, known: Mapping[str, int]) -> Copied:
    """Append what is new to each pack's copy.

    Args:
        known: how far copies are good, by their names, as snapshots say that are ours.

    Raises:
        StorageError: the home is older than what was backed up, or the copies are not its own.
    """
    found = home_packs.read(source)
    home = found.known
    before = {
        number: size for name, size in known.items() if (number := number_of(name)) is not None
    }
    _require_newer(home, max([-1, *home.indexed, *found.sizes, *home.compacted]), before)
    made = Copied(0, {}, list(found.differing), [])
    # No further than the index: what lies behind it may be torn, and be written over.
    ends = {number: min(end, found.sizes.get(number, 0)) for number, end in home.indexed.items()}
    read = _read_when(folder, found.sizes.keys() & ends.keys())
    new, again = 0, min(read, key=lambda number: read[number], default=None)
    for number, end in sorted(ends.items()):
        name, good = name_of(number), before.get(number, 0)
        if number in home.cut or good > end:
            made.lost.append(name)
        if number in found.sizes:  # of one that was cut, what is left may be better than its copy
            later = max(read.values()) + _LATER if number == again else None
            new += _append(source / name, folder / name, (min(good, end), later), end, made)
        made.packs[name] = max(good, end)
    files.sync_directory(folder)
    return replace(made, new=new)


def _require_newer(home: PacksKnown, newest: int, before: Mapping[int, int]) -> None:
    """Refuse a home that is older than what was backed up from it; one that lost packs, and knows
    it, is not.
    """
    ends = home.indexed
    if any(
        number > newest or (size > ends.get(number, size) and number not in home.cut)
        for number, size in before.items()
    ):
        what = (
            "this home is older than what was backed up from it: it was rolled back, or its "
            "block store has not been opened since a crash"
        )
        hint = "nothing was changed; open it with custody doctor, or back it up into a new folder"
        raise StorageError(what, hint=hint)


def _read_when(folder: Path, numbers: Iterable[int]) -> dict[int, int]:
    """When each copy was compared whole last: one of them is in each backup, so that what goes bad
    is found while the home still has it. The times of the copies say so, by their order alone: no
    clock is believed.
    """
    found = dict[int, int]()
    for number in numbers:
        with suppress(OSError):
            time = (folder / name_of(number)).lstat().st_mtime_ns
            found[number] = time if time < _NEVER else 0
    return found


def _stamp(copied: Path, time: int) -> None:
    """Say that a copy was compared whole later than all others."""
    try:
        os.utime(copied, ns=(time, time))
    except OSError:  # a medium that takes no times from us gives its own to what is written
        with suppress(OSError), _opened(copied) as target:
            first = target.read(1)
            target.seek(0)
            target.write(first)


def _append(pack: Path, copied: Path, known: tuple[int, int | None], end: int, made: Copied) -> int:
    """Bring a copy up to an offset of its pack.

    Args:
        known: how far it is known to be good, and with which time that is compared again, None if
            it is not; where nothing is known, all that is there is compared rather than written
            over.

    Returns:
        bytes that were new.
    """
    files.clear_alone(copied)
    good, later = known
    is_partly = good > CHUNK and later is None
    with pack.open("rb", buffering=0) as file:
        with _opened(copied) as target:
            read = os.fstat(target.fileno()).st_mtime_ns
            size = target.seek(0, os.SEEK_END)
            start = min(good or size, size, end)
            agreed = agree(file, target, max(start - CHUNK, 0) if is_partly else 0, start)
        if not agreed:
            here, there = mend(file, copied, start)
            made.mended.extend([copied.name] * here)
            made.lost.extend([copied.name] * there)
        with _opened(copied) as target:
            copy_readable(file, target, start, end)
            target.flush()
            system.fsync(target.fileno())
            first = start if is_partly else 0
            if not _is_whole(target, pack, first, end) and copied.name not in made.lost:
                made.lost.append(copied.name)
    if later is not None:
        _stamp(copied, later)
    else:
        with suppress(OSError):
            os.utime(copied, ns=(read, read))
    return end - start


def _is_whole(copied: BinaryIO, pack: Path, start: int, end: int) -> bool:
    """Whether all that the home has in what was just copied or compared of a pack is good: a home
    that went bad before its first backup is told of, and no backup of it is called good.
    """
    number = number_of(pack.name)
    if start == end or number is None:
        return True
    good = {
        place.cid
        for place in scan(copied.fileno(), 0, max(start, start_of(copied.fileno())), end)[0]
    }
    return all(place.cid in good for place in read_pack(pack.parent, number, start, end))


@contextmanager
def _opened(copied: Path) -> Iterator[BinaryIO]:
    """A copy, made where there is none, and never where a link leads.

    Raises:
        OSError: it cannot be opened. StorageError: it is no file.
    """
    fd = system.open_own(copied, os.O_RDWR | os.O_CREAT | system.NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):  # before it is wrapped, which fails for a pipe
        os.close(fd)
        raise StorageError(f"{copied} is not a file", hint="move it away, then back up again")
    with os.fdopen(fd, "r+b") as file:
        yield file


def give_up(source: Path, folder: Path, copied: Copied) -> list[str]:
    """Remove copies of packs that the home compacted, once all that it still has of them was read
    and hashed in the copies of other packs: after the compaction a disk may have altered them.

    Returns:
        names of packs of which the home lost something: their copies stay until all that is in them
        lies in the home again, and is good.
    """
    home, lost = read_packs(source), list(copied.lost)
    for number, path in packs_in(folder).items():
        if path.name in copied.packs:
            continue
        # A pack that was cut is compacted with what was left of it.
        is_compacted = path.stat().st_size <= home.compacted.get(number, 0)
        given_up = (
            copied.is_complete and is_compacted and _is_all_known(source, folder, home, number)
        )
        if _lies_elsewhere(source, path, copied.packs, given_up=given_up):
            path.unlink()
        else:
            lost.append(path.name)
    return sorted(set(lost))


def _is_all_known(source: Path, folder: Path, home: PacksKnown, number: int) -> bool:
    """Whether no pack that may have got the blocks of this one was lost or cut: otherwise a block
    that the index does not have was not given up, but lost with it.
    """
    known = home.indexed.keys() | home.compacted.keys() | packs_in(folder).keys()
    later = range(number + 1, max([*known, *packs_in(source)]))
    return not any(other > number for other in home.cut) and all(other in known for other in later)


def _lies_elsewhere(source: Path, path: Path, ends: Mapping[str, int], *, given_up: bool) -> bool:
    """Whether every block in a copy is good in the copies that were made up to these ends.

    Args:
        given_up: what the index of the home does not have was given up by it.
    """
    try:
        with path.open("rb", buffering=0) as file:
            places, _, whole = scan(file.fileno(), 0, start_of(file.fileno()), path.stat().st_size)
        found = read_places(source, [place.cid for place in places])
        return (
            whole
            and (given_up or all(place.cid in found for place in places))
            and all(_is_good(path.parent, place, ends) for place in found.values())
        )
    except OSError:  # a bad sector, here or there: the copy stays
        return False


def _is_good(folder: Path, place: Place, ends: Mapping[str, int]) -> bool:
    name = name_of(place.pack)
    if place.at + place.size > ends.get(name, 0):
        return False
    with (folder / name).open("rb", buffering=0) as file:
        data = system.pread(file.fileno(), place.size, place.at)
    try:
        checked(place.cid, data, place)
    except (UnreadableError, VerificationError):
        return False
    return True


def restore(folder: Path, blocks: Path) -> None:
    """Copy all packs into a new home, also those that came after its snapshot: blocks that it needs
    may have moved there. What the disk cannot read is left out: it is missed when blocks are read.
    A copy that a backup gives up meanwhile has all of it in another one, which is there by then.

    Raises:
        OSError: a disk refused.
    """
    done = set[int]()
    while left := packs_in(folder).keys() - done:
        for number in sorted(left):
            done.add(number)
            try:
                file = (folder / name_of(number)).open("rb", buffering=0)
            except FileNotFoundError:
                continue
            with file:
                _restore(file, blocks / name_of(number))


def _restore(file: FileIO, pack: Path) -> None:
    with pack.open("xb") as target:
        system.set_mode(target.fileno(), 0o600)
        copy_readable(file, target, 0, os.fstat(file.fileno()).st_size)
        target.flush()
        system.fsync(target.fileno())
