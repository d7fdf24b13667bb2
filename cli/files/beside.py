"""What lies beside a file that a person named, or follows from their home: the bundle of a file,
the trust root of their own node, a name for a new file that nothing has.

A trust root that lies beside a bundle is never taken by itself: whoever made up the bundle would
have put it there.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.invocation.global_options import STATE
from cli.invocation.hints import elsewhere
from cli.node import own_trust
from ledger.domain.files import file_names

if TYPE_CHECKING:
    from ledger.domain.bundle.bundle import Bundle
    from ledger.domain.bundle.trust import TrustRoot

#: What the bundle of a file is called, beside the file.
BUNDLE: Final = ".bundle"
#: The page of plain words in a folder for the court.
PAGE: Final = "READ-ME.html"
_TRUST: Final = "TRUST-ROOT"
#: Names of recorded files that are taken as they are: none that is hidden, or leads elsewhere.
_PLAIN: Final = re.compile(r"\w[\w .,()+@=-]{0,150}")


def pair(bundle: Path, file: Path | None) -> tuple[Path, Path | None]:
    """A bundle and its file, of two that a person named in any order, or of one: the bundle of a
    file is looked for beside it.

    Raises:
        UnreadableError: one was named that is called as a file is, has no bundle beside it, and is
            a bundle. Whoever changed a file could put some good bundle in its place: it would be
            verified, and whoever typed the file's name would take that for a verdict on the file.
    """
    if file is not None:
        _require_two(bundle, file)
        given = [bundle, file]
        # Evidence may be a bundle, too: then the ending says which is which.
        given.sort(key=lambda path: (not is_bundle(path), path.suffix != BUNDLE))
        return given[0], given[1]
    for found in bundles_of(bundle):
        if found != bundle and is_bundle(found):
            return found, bundle
    if is_bundle(bundle) and bundle.suffix != BUNDLE:
        raise _no_file(bundle)
    return bundle, None


def _require_two(bundle: Path, file: Path) -> None:
    """Refuse one bundle in both places: that it is not the file which it speaks of refutes nothing.

    Raises:
        UnreadableError: both are one bundle, under whatever names.
    """
    from ledger.domain.errors import UnreadableError

    try:
        same = bundle.samefile(file) and is_bundle(bundle)
    except OSError:  # one is not there, which whatever reads it tells
        return
    if same:
        raise UnreadableError(
            f"{bundle} was given as bundle and as file: neither verified nor refuted",
            hint=f"name the file that it speaks of: {elsewhere('verify', bundle, 'FILE')}",
        )


def _no_file(path: Path) -> Exception:
    from ledger.domain.errors import UnreadableError

    return UnreadableError(
        f"{path} is itself an evidence bundle, and no bundle of it lies beside it: neither "
        "verified nor refuted",
        hint=f"if you expected a file, ask for it again; a bundle alone is named *{BUNDLE}",
    )


def bundles_of(file: Path) -> list[Path]:
    """Where the bundle of a file may lie; nowhere for what has no name, such as / or a dot."""
    return [file.with_name(file.name + BUNDLE), file.with_suffix(BUNDLE)] if file.name else []


def later_exports(bundle: Path, file: Path) -> list[str]:
    """What is told where a bundle was found for a file and others of its name, with a number, lie
    beside it: each export that finds the name taken is called so.
    """
    form = re.compile(re.escape(bundle.stem) + r"-\d{1,4}" + re.escape(BUNDLE))
    try:
        there = [path for path in sorted(bundle.parent.iterdir()) if form.fullmatch(path.name)]
    except OSError:
        return []
    return [
        f"{path.name} lies beside it and was not looked at. It may be a later export: "
        + elsewhere("verify", path, file)
        for path in there
        if is_bundle(path)
    ]


def is_bundle(path: Path) -> bool:
    """Whether a file begins as bundles do."""
    from ledger.domain.files import file_kind

    return file_kind.is_bundle(_head(path))


def is_trust_root(path: Path) -> bool:
    """Whether a file begins as trust roots do."""
    from ledger.domain.files import file_kind

    return file_kind.is_trust_root(_head(path))


def _head(path: Path) -> bytes:
    """The first bytes of a file; none of what is no file, or cannot be read."""
    from ledger.domain.files import file_kind

    try:
        if not path.is_file():
            return b""
        with path.open("rb") as stream:
            return stream.read(file_kind.HEAD)
    except (OSError, ValueError):
        return b""


def bundle_hint(file: Path, typed: Sequence[object]) -> str:
    """What to do about a file whose bundle was not found: the command with the bundle, where one
    alone lies in the folder, and the options that were typed.
    """
    try:
        there = [path for path in file.parent.glob(f"*{BUNDLE}") if is_bundle(path)]
    except OSError:
        there = []
    if there and (file.name == PAGE or is_trust_root(file)):
        command = elsewhere("verify", file.parent, *typed)
        return f"name the folder, and what is in it is found: {command}"
    if len(there) == 1:
        return f"name its bundle: {elsewhere('verify', there[0], file, *typed)}"
    missing = " or ".join(dict.fromkeys(path.name for path in bundles_of(file)))
    command = elsewhere("verify", "BUNDLE", "FILE", *typed)
    return f"name its bundle, since no {missing} lies beside it: {command}"


def trust_root(bundle: Path, file: Path | None, typed: Sequence[object]) -> TrustRoot:
    """The trust root of the person's own node, with the block of the bundle pinned as that node
    has it. It is public: nobody is asked for a passphrase.

    Args:
        typed: further words of the command, for the one that is told.

    Raises:
        UsageError: there is no home here, it cannot be read, or another node was named.
        NetworkError: the agency's node, or its chain, does not answer.
    """
    from ledger.app import settings
    from ledger.domain.errors import NetworkError, UsageError

    paths = [path for path in (bundle, file) if path is not None]
    hint = elsewhere("verify", *paths, *typed, "--trust", _TRUST)
    require_own_node(hint)
    home = STATE.home
    if not (home / settings.CONFIG).exists() and not settings.is_client(home):
        raise UsageError(
            "no trust root: it says which chain you trust, and comes from the agencies by another "
            f"way than the bundle{_lying(bundle)}",
            hint=hint,
        )
    try:
        with own_trust.teller() as node:
            return _of_node(node.trust_root, bundle)
    except (UsageError, NetworkError) as error:
        kind = UsageError if isinstance(error, UsageError) else NetworkError
        raise kind(f"the trust root of {home} was not read: {error.message}", hint=hint) from error


def require_own(parsed: Bundle, bundle: Path, file: Path | None, typed: Sequence[object]) -> None:
    """Refuse to judge the record of other agencies by the chain of one's own home, of which it
    proves nothing: that would accuse a good record, and nobody chose that trust root for it.

    Raises:
        UsageError: the person's own agency had no part in it.
    """
    from ledger.domain.errors import UsageError

    own, agencies = own_trust.agency(), sorted({log.agency for log in parsed.logs})
    if own not in agencies:
        paths = [path for path in (bundle, file) if path is not None]
        raise UsageError(
            f"no trust root: the record is of {' and '.join(agencies)[:200]}, on another chain "
            f"than that of your own home, {STATE.home} ({own}): neither verified nor "
            f"refuted{_lying(bundle)}",
            hint="get the trust root of that agency by another way than the bundle: "
            + elsewhere("verify", *paths, *typed, "--trust", _TRUST),
        )


def _lying(bundle: Path) -> str:
    """Words about a trust root that lies beside a bundle: it is named, and never put into a command
    that only needs to be typed.
    """
    for path in sorted(bundle.parent.glob("*.json")):
        if is_trust_root(path):
            return (
                f". {path.name} lies beside it, chosen by whoever made the folder: compare its "
                "fingerprint with the agencies, such as by telephone"
            )
    return ""


def require_own_node(hint: str) -> None:
    """Refuse to believe the node of --server about its chain: it may be a partner's, and whoever
    made up a bundle would make up the trust root, too.

    Raises:
        UsageError: one was named.
    """
    from ledger.domain.errors import UsageError

    if STATE.server:
        raise UsageError(
            f"{STATE.server} was named by --server or CUSTODY_SERVER: whose chain you trust is "
            "nothing to ask another node than your own",
            hint=hint,
        )


def own_chain() -> str:
    """The chain that is trusted where no trust root is given, and whose word that is."""
    from ledger.app import settings

    whose = (
        "the chain of your agency, as its node tells it to your home"
        if settings.is_client(STATE.home)
        else "the chain of your own home"
    )
    return f"{whose}, {STATE.home}"


def _of_node(ask: Callable[[int | None], bytes], bundle: Path) -> TrustRoot:
    """A node's trust root, with the block pinned that a bundle is proven at, where the node's chain
    has it: of a block that it does not have, the verification tells.
    """
    from cli.items.arguments import read_file
    from ledger.domain.bundle import bundle as bundles
    from ledger.domain.bundle import trust
    from ledger.domain.chain.evm import parse_header
    from ledger.domain.errors import ConflictError, FormatError, NotFoundError, VerificationError

    try:
        chain = bundles.parse(read_file(bundle)).chain
        number = parse_header(chain.header).number if chain is not None else None
    except (FormatError, VerificationError):
        number = None
    try:
        return trust.parse(ask(number))
    except (ConflictError, NotFoundError):
        return trust.parse(ask(None))


def plain(name: str, otherwise: str) -> str:
    """A recorded name where a person reads it as that of a file, and it means nothing else where it
    lies; else the other one.
    """
    return name if is_plain(name) else otherwise


def free(name: str, otherwise: str, ending: str = "", *, folder: Path = Path()) -> Path:
    """A name for a new file in a folder, the working folder by default, which nothing has yet.

    Args:
        name: as it was recorded, which may be anything. otherwise: where it is no name of a file
            that a person would read as such, or that means something where it lies. ending: behind
            it.
    """
    wanted = folder / (plain(name, otherwise) + ending)
    return numbered(wanted, wanted.suffix) if os.path.lexists(wanted) else wanted


def is_plain(name: str) -> bool:
    """Whether a recorded name is that of a file which a person would read as such, and means
    nothing else where it lies.
    """
    return bool(_PLAIN.fullmatch(name)) and not file_names.means_something(name)


def numbered(taken: Path, ending: str) -> Path:
    """A path that nothing has, called as another one with a number: the first from 2 on.

    Args:
        ending: of the name, which stays behind the number.
    """
    stem = taken.name.removesuffix(ending)
    return next(
        found
        for number in itertools.count(2)
        if not os.path.lexists(found := taken.with_name(f"{stem}-{number}{ending}"))
    )


def settle(made: Path, wanted: Path) -> Path:
    """Give a file that was written its name, which nobody may have taken meanwhile; the name that
    it has now.
    """
    try:
        os.link(made, wanted, follow_symlinks=False)
    except OSError:  # taken, or a disk without links: it stays where it is
        return made
    made.unlink()
    return wanted
