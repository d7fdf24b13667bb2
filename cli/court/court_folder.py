"""A folder that a stranger can open: an item's file, its bundle, the trust root, and a page of
plain words that says how to check them.

It is verified before it is left, as its reader will verify it: without home, node or network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from cli.court import court_page, withholding
from cli.files import beside
from cli.invocation.global_options import STATE
from cli.node import own_trust
from cli.terminal import output
from ledger import system
from ledger.domain.files import file_names

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.client.reading.retrieval import Opened
    from ledger.client.trust_roots import TrustApi
    from ledger.domain.bundle.bundle import Bundle
    from ledger.domain.verify.report import VerificationReport

_ITEM: Final = "item"
#: Names of files that any system takes and no shell reads as something else.
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?<!\.)")
#: What looks as if it were the page that says how to check.
_LIKE_THE_PAGE: Final = re.compile(r"(?i)_*read[._-]*me")
_ENDING: Final = re.compile(r"\.[A-Za-z0-9]{1,10}")


def write(
    session: Session,
    urn: str,
    folder: Path,
    basis: dict[str, Any],
    *,
    withhold: list[str],
    signed: list[str],
) -> court_page.CourtFolder:
    """Export an item with its file into a folder that nothing lies in; both accesses are signed and
    recorded.

    Args:
        withhold: selectors of what the bundle leaves out.
        signed: takes the accesses as they are signed, for whoever tells of them if the rest fails;
            holds that of the export where the record was opened under it already.

    Raises:
        IncompleteError: not all of it is anchored yet. VerificationError: it does not verify. Then
            nothing is left in the folder. UnwrittenError: the disk refused.
        UsageError, NetworkError: a guest's own agency does not tell its chain.
    """
    made, written = _make(folder), list[Path]()
    try:
        # A guest's own agency tells whose chain is trusted: the node where they work made the
        # record, and would have them read out the fingerprint of a chain that it made up.
        with own_trust.teller() if STATE.server else nullcontext(session.node) as trusted:
            done = (signed, written)
            left, data = _fill(session, trusted, urn, folder, (basis, withhold), done)
        _write_rest(left, data, court_page.render(left, session.clock.now()), written)
    except BaseException:
        _remove(written, folder, made=made)
        raise
    return left


def _make(folder: Path) -> bool:
    """Make the folder, before anything is signed for what cannot be written; whether it is new.

    Raises:
        UnwrittenError: it cannot be made, or no file in it. UsageError: it is somebody else's, who
            could exchange what lies in it: the page, the trust root, the file.
    """
    from ledger.client.files.written_folder import open_top
    from ledger.domain.errors import UnwrittenError, UsageError

    made = not folder.exists()
    try:
        with closing(open_top(folder)) as top:
            top.require_writable()
    except OSError as error:
        with suppress(OSError):
            if made:
                folder.rmdir()
        raise UnwrittenError(
            f"cannot write into {folder}: {error.strerror}", hint="name another folder"
        ) from error
    if not system.is_mine(folder.stat()):
        raise UsageError(f"{folder} belongs to somebody else", hint="name a folder to be made")
    return made


def _fill(
    session: Session,
    trusted: TrustApi,
    urn: str,
    folder: Path,
    asked: tuple[dict[str, Any], list[str]],
    done: tuple[list[str], list[Path]],
) -> tuple[court_page.CourtFolder, bytes]:
    """Sign, export, fetch and verify; what is to be left, and the bundle's bytes.

    Args:
        trusted: tells the trust root.
        asked: why, and what the bundle leaves out. done: takes what was signed, and written.
    """
    from ledger.client.reading import retrieval

    (basis, withhold), (signed, written) = asked, done
    node, person, clock = session.node, session.person, session.clock
    erased = node.item(urn).erased
    if erased:
        _anchor(session, urn)
    has_content = not erased and (
        require_ready(session, urn)
        if not signed
        else retrieval.require_key(*(node, person, urn), "copy")
    )
    if not erased and not signed:
        signed.append(withholding.record_export(session, urn, basis))
    parsed, data = withholding.exported(session, urn, signed[-1] if signed else "", withhold)
    _require_anchored(parsed)
    name, opened = "", None
    if has_content:
        signed.append(retrieval.record_access(node, person, clock, urn, mode="copy", basis=basis))
        name = _file_name(parsed)
        opened = _fetch(session, urn, signed[-1], folder / name, written)
    left = _judged(trusted, folder, (name, opened), (parsed, data), tuple(signed))
    segments = tuple(path.name for path in written[1:])
    # Nor does that node say to the court where the program is to be had.
    releases = "" if STATE.server else session.node.agency().releases or ""
    return replace(left, segments=segments, releases=releases), data


def require_ready(session: Session, urn: str) -> bool:
    """Check, before anything is signed, that a folder could be left for an item: its content can be
    opened, all of its record is anchored.

    Returns:
        whether it has content.

    Raises:
        DeniedError: they have no key to it. RuleError: nothing could follow an access.
        IncompleteError: not all of it is anchored yet.
    """
    from ledger.client.reading import retrieval

    has_content = retrieval.require_key(session.node, session.person, urn, "copy")
    _anchor(session, urn)
    if session.node.item(urn).state != "final":
        raise _unanchored()
    return has_content


def _anchor(session: Session, urn: str) -> None:
    """Bring what waits to the chain, where this person may: a folder that verifies as incomplete
    helps nobody.
    """
    from ledger.domain.errors import ChainError, DeniedError

    if session.node.item(urn).state in ("integrated", "submitted"):
        with suppress(DeniedError, ChainError):  # what is still waiting then is told
            session.node.anchor()


def _require_anchored(parsed: Bundle) -> None:
    if any(statement.receipt is None for statement in parsed.statements):
        raise _unanchored()


def _unanchored() -> Exception:
    from ledger.domain.errors import IncompleteError

    return IncompleteError(
        6,
        "some of the item's events are not on the chain yet, so nobody could verify them; "
        "nothing was written",
        hint="custody anchor, then again",
    )


def _file_name(parsed: Bundle) -> str:
    """What the file is called: its recorded name where the bundle shows it to its reader, every
    system takes it, and it is nothing but a file there; else a plain one.
    """
    body = court_page.first_body(parsed)
    recorded = str(body.get("name", ""))
    if (
        _PLAIN.fullmatch(recorded)
        and not file_names.means_something(recorded)
        and not _LIKE_THE_PAGE.match(recorded)
        and recorded.casefold() != court_page.TRUST
        and not recorded.casefold().endswith(beside.BUNDLE)
    ):
        return recorded
    ending = Path(recorded).suffix
    known = _ENDING.fullmatch(ending) and ending.casefold() != beside.BUNDLE
    return _ITEM + (ending if known else ".bin")


def _fetch(session: Session, urn: str, access: str, path: Path, written: list[Path]) -> Opened:
    """Write the file, or the segments of a disk image under names that follow from its own."""
    from ledger.adapters import files
    from ledger.client.images import image_parts
    from ledger.client.reading import retrieval

    body = retrieval.content_record(session.node.details(urn, access))
    parts = image_parts.parts(body, path.name) or [(path.name, body["size"])]

    @contextmanager
    def opened(name: str) -> Iterator[BinaryIO]:
        with files.replacing(path.with_name(name), force=False) as file:
            yield file
        written.append(path.with_name(name))

    with (
        output.progress("decrypting", body["size"]) as advance,
        image_parts.PartsWriter(parts, opened) as writer,
    ):
        return retrieval.fetch(
            session.node, session.person, urn, access, writer, advance, recorded=body
        )


def _judged(
    trusted: TrustApi,
    folder: Path,
    file: tuple[str, Opened | None],
    bundle: tuple[Bundle, bytes],
    accesses: tuple[str, ...],
) -> court_page.CourtFolder:
    """Verify what is to be left by the trust root that is told; the block is pinned where no seals
    judge it.

    Raises:
        IncompleteError, VerificationError: with what is open or differs.
    """
    from ledger.client import trust_roots
    from ledger.domain.bundle import trust
    from ledger.domain.verify import FileDigest, Status, Verdict, verify_bundle

    (name, opened), (parsed, data) = file, bundle
    digest = None if opened is None else FileDigest(opened.size, opened.digests)
    # Of the pins that a node gives, only the one that this bundle needs: less is to be believed.
    root = trust_roots.without_pins(trust.parse(trusted.trust_root()))
    report = verify_bundle(parsed, root, size=len(data), file=digest)
    if report.steps[7].status is Status.NOT_CHECKED:
        root = trust_roots.pinned(trusted, root, parsed, "the bundle")
        report = verify_bundle(parsed, root, size=len(data), file=digest)
    if report.verdict is not Verdict.VERIFIED:
        raise _unverified(report)
    called = (name or _ITEM) + beside.BUNDLE
    listed = _listed(parsed, folder / name) if name else ()
    return court_page.CourtFolder(folder, name, called, root, report, accesses, listed)


def _listed(parsed: Bundle, file: Path) -> tuple[str, ...] | None:
    """Items of the files that a file names, where it is the list of a folder; None where it is none
    that can be read here. Their content is not in it: whoever gets the folder is told so.

    What another agency recorded as a folder may have any content, of any size. The folder for the
    court is true all the same.
    """
    from ledger.domain.errors import FormatError
    from ledger.domain.files import manifest

    if court_page.first_type(parsed) != "gathered":
        return ()
    if file.stat().st_size > manifest.AT_ONCE:
        return None
    try:
        return tuple(member.evidence for member in manifest.parse(file.read_bytes()).members)
    except FormatError:
        return None


def _unverified(report: VerificationReport) -> Exception:
    from ledger.domain.errors import IncompleteError, VerificationError
    from ledger.domain.verify import Status

    failed = [step for step in report.steps.values() if step.status is Status.FAILED]
    opened = [step for step in report.steps.values() if step.status is Status.NOT_CHECKED]
    [step, *_] = failed or opened
    kind = VerificationError if failed else IncompleteError
    return kind(
        step.number,
        f"what would have been left does not verify (step {step.number}: {step.detail}); nothing "
        "was left",
        hint=step.hint or None,
    )


def _write_rest(left: court_page.CourtFolder, data: bytes, page: str, written: list[Path]) -> None:
    from ledger.adapters import files

    rest = {left.bundle: data, court_page.TRUST: left.root.encode(), beside.PAGE: page.encode()}
    for name, content in rest.items():
        # Whoever runs this twice at once, into one folder, exchanges nothing of the other's.
        with files.replacing(left.folder / name, force=False) as file:
            file.write(content)
        written.append(left.folder / name)


def _remove(written: list[Path], folder: Path, *, made: bool) -> None:
    """Remove what was written: half of it would look like all of it. What somebody else put into
    the folder meanwhile is not ours.
    """
    for path in written:
        path.unlink(missing_ok=True)
    if made:
        with suppress(OSError):  # something of somebody else lies in it
            folder.rmdir()
