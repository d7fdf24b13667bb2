"""READ-ME.html: what a folder for the court holds, and how to check it, in words for somebody who
has never seen the program.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.invocation.hints import elsewhere
from cli.items import short_ids
from cli.terminal import output
from cli.terminal.pages import page, shown
from cli.wording import labels
from ledger import __version__
from ledger.domain.codecs.text import counted
from ledger.domain.event.case_types import subject_of

if TYPE_CHECKING:
    from ledger.domain.bundle.bundle import Bundle
    from ledger.domain.bundle.trust import TrustRoot
    from ledger.domain.verify.report import VerificationReport

_SEGMENTS: Final = 8  # that are named
_HANDOVERS: Final = ("offer", "accept", "decline", "withdraw")
#: The trust root, beside the file and its bundle.
TRUST: Final = "trust.json"
#: The steps of docs/install.md, in the folder of a release.
_INSTALL = f"""python3 -I -m venv ~/custody
~/custody/bin/python -I -m pip install --require-hashes -r requirements-base.lock
~/custody/bin/python -I -m pip install --no-deps ./custody_ledger-{__version__}-py3-none-any.whl"""
#: How the signature of a release is compared (docs/install.md).
_SIGNATURE: Final = """sha256sum --check SHA256SUMS
ssh-keygen -Y verify -f ../allowed_signers -I custody-release -n custody-release \\
  -s SHA256SUMS.sig &lt; SHA256SUMS"""
_PUBLISHED: Final = """ from where its maintainers publish it: ask an agency of those named below,
by another way than you got this folder"""
_SAID: Final = """. Whoever made this folder says where that is: {releases}. Take it from there, or
from where another agency says"""
_CHECK = """<h2>Check it in three steps</h2>
<ol>
<li><strong>Get the program.</strong> It is called custody, it is free, and its source is public.
Get its release as a folder of files{releases}, and not from whoever gave you this folder. Whether
it is the maintainers' own, their signature says: put the line that names their key, which you got
by another way than the release, into a file allowed_signers beside its folder, and type in the
folder:
<pre>{signature}</pre>
The first says OK of each file, the second Good "custody-release" signature. Then:
<pre>{install}</pre>
Install these files, and never by the name custody-ledger: on the public package index that is
somebody else's program. On Windows type py for python3, and ~\\custody\\Scripts for
~/custody/bin.
You need no account, and from here on no network: nothing leaves your computer.</li>
<li><strong>Ask for the fingerprint</strong> of the trust root, which says whom the check believes.
Ask by another way than you got this folder: call an agency of those named below at a number that
you looked up yourself, better two agencies that would not lie for one another, or look where they
publish it. Write it here:
<p class="digits">_____ _____ _____ _____ _____ _____ _____ _____</p>
Do not copy it from this page: whoever could exchange the folder could exchange the page.</li>
<li><strong>Check.</strong> Open a terminal in this folder and type, with the digits that you were
told:
<pre>~/custody/bin/{command} --trust-fingerprint "THE DIGITS"</pre>
The first line of the answer is the verdict.</li>
</ol>
"""
_VERDICTS = """<h2>What the answer means</h2>
<table>
<tr><th>VERIFIED</th><td>Everything under "What is proven" holds.</td></tr>
<tr><th>FAILED</th><td>The file or its record is not what was recorded: the answer says what
differs. Do not rely on it. Ask the agency for the folder again, and tell it.</td></tr>
<tr><th>INCOMPLETE</th><td>Nothing contradicts the record, and something could not be judged: the
answer says what, and what to do.</td></tr>
<tr><th>UNREADABLE</th><td>A file of this folder is damaged or of another kind. Ask for it
again.</td></tr>
<tr><th>another trust root</th><td>The fingerprint that you were told is not that of this folder.
Read the digits again. If they differ, rely on nothing in this folder.</td></tr>
</table>
"""
_PROVEN = """<h2>What is proven</h2>
<ul>
{file}<li>Who signed each event of the record, for which agency, and in which order; none is missing
between the first and the last one shown, nor up to the time above, by the signed word of the
agencies.</li>
<li>The first event was on record no later than the time above (with --timeline the answer says it
of each event), and nothing of it can have been rewritten since, not even by the agency itself, as
far as the chain that the trust root names can be believed.</li>
</ul>
<h2>What is not proven</h2>
<ul>
<li>What happened before the first event, or after the time up to which none is missing; whether
the agency has another record of the same {what}, which an audit of its log finds.</li>
<li>That the content is true, or that nothing was kept from the record.</li>
<li>That nobody looked at a copy that was handed out.</li>
</ul>
"""
_LOCAL = """<p><strong>The chain of this folder is one that the agency runs alone.</strong> It
convinces those who trust that agency, and nobody else: its owner could make another one. Agencies
that do not trust one another share a chain.</p>
"""
_LISTED = """<p><strong>The file {file} is the list of a folder, and {count} of that folder {verb}
not in here.</strong> Each is an item of its own, with a record of its own. The list names the item
and the SHA-256 of each, so that a file which you have can be compared with it. Ask whoever gave you
this folder for those that you need: each comes as a folder like this one.</p>
"""
_UNLISTED = """<p><strong>The file {file} was recorded as the list of a folder, and is none that
this program can read.</strong> It is, bit for bit, what was recorded. Ask whoever recorded it which
files belong to that folder: none of them is in here.</p>
"""
_ITEM: Final = """One item of digital evidence, with the record of who held it and when, and
everything that is needed to check both without believing whoever handed it over."""
_CASE: Final = """The record of a case itself: who opened it and worked on it, what was noted about
it, and when it ended, with everything that is needed to check that without believing whoever handed
it over. None of the items of the case is in here: each comes as a folder like this one."""
_SAME = """<li>The file is, bit for bit, the one that was recorded.</li>
"""


@dataclass(frozen=True, slots=True)
class CourtFolder:
    """What was left, and how it verifies; ``file`` is empty where an item has no content.
    ``listed``: items of the files of a folder, where the file is the list of one; None where it is
    said to be one and cannot be read as such. ``segments``: of a disk image, the files behind the
    first one. ``releases``: where the agency says that the program is; empty where it does not.
    """

    folder: Path
    file: str
    bundle: str
    root: TrustRoot
    report: VerificationReport
    accesses: tuple[str, ...]
    listed: tuple[str, ...] | None = ()
    segments: tuple[str, ...] = ()
    releases: str = ""

    @property
    def is_case(self) -> bool:
        """Whether it is the record of a case itself, and of none of its items."""
        return subject_of(self.report.facts["evidence"]) == "case"

    @property
    def command(self) -> str:
        """What verifies it from within the folder."""
        return elsewhere("verify", self.file or self.bundle, "--trust", TRUST)


def render(left: CourtFolder, now: int) -> str:
    """The page of a folder.

    Args:
        now: seconds since 1970, for when it was made.
    """
    from ledger.domain.bundle import trust, trust_fingerprint
    from ledger.domain.codecs.text import format_time

    found, report = trust_fingerprint.of(left.root), left.report
    bundled = _rows(left)
    pinned = ""
    if found.authorities:
        named = ", ".join(map(shown, found.authorities))
        pinned = (
            f"<p>The trust root also says which authorities are believed about time: {named}. The "
            f"fingerprint above covers them. Without them, and without pins, it is "
            f"{shown(found.chain)}.</p>"
        )
    if found.pinned:
        numbers = ", ".join(map(str, found.pinned))
        pinned += (
            "<p>The trust root also says by itself that a block is real, number "
            f"{shown(numbers)}. So ask for the fingerprint <em>with its pins</em>, which is the "
            "one above, and have a second agency check the file trust.json. Without its pins the "
            f"fingerprint is {shown(found.chain)}.</p>"
        )
    body = f"""<p>Made {shown(format_time(now))} by the program custody. This page proves nothing by
itself: it says how to find out what is proven.</p>
<h2>What this is</h2>
<p>{_CASE if left.is_case else _ITEM}</p>
<table>{bundled}</table>
{_listed(left)}{_check(left)}{_VERDICTS}
{_PROVEN.format(file=_SAME if left.file else "", what="case" if left.is_case else "item")}
<h2>The trust root of this folder</h2>
<p>Chain {shown(left.root.chain_id)} ({shown(left.root.label)}), agencies:
{shown(", ".join(left.root.agencies))}. Its fingerprint, to be compared with what you were told and
not to be believed from here:</p>
<p class="digits">{shown(found.with_pins or found.chain)}</p>
{pinned}{_LOCAL if trust.is_alone(left.root) else ""}
<h2>When it was made</h2>
<p>The program that made this folder checked it in the way above: {shown(report.verdict)}.</p>"""
    return page("Evidence for the court: what lies here, and how to check it", body)


def _check(left: CourtFolder) -> str:
    """How to get the program, and to check the folder with it."""
    where = _SAID.format(releases=shown(left.releases)) if left.releases else _PUBLISHED
    return _CHECK.format(
        command=shown(left.command), install=_INSTALL, signature=_SIGNATURE, releases=where
    )


def _listed(left: CourtFolder) -> str:
    """What is not in a folder whose file is the list of others."""
    if left.listed is None:
        return _UNLISTED.format(file=shown(left.file))
    if not left.listed:
        return ""
    count, verb = counted(len(left.listed), "file"), "is" if len(left.listed) == 1 else "are"
    return _LISTED.format(file=shown(left.file), count=count, verb=verb)


def first_type(parsed: Bundle) -> str:
    """The type of the first event of an item; empty where the reader of a bundle may not see it."""
    from ledger.domain.event import document

    first = parsed.statements[0]
    return "" if first.document is None else document.parse(first.document, first.disclosures).type


def first_body(parsed: Bundle) -> dict[str, Any]:
    """What the first event of an item says, as far as the reader of a bundle may see it."""
    from ledger.domain.event import document

    first = parsed.statements[0]
    if first.document is None:
        return {}
    return document.parse(first.document, first.disclosures).body


def _rows(left: CourtFolder) -> str:
    """What lies in the folder, and what the record says of the item."""
    report, facts = left.report, left.report.facts
    rows = [("Recorded by", facts["origin"])]
    if left.file:
        size = (left.folder / left.file).stat().st_size
        what = "the file itself" if not left.segments else "the disk image, its first segment"
        rows.append((left.file, f"{what}, {output.size(size)}"))
        rows += [(name, "a segment of the same image") for name in left.segments[:_SEGMENTS]]
        if more := left.segments[_SEGMENTS:]:
            rows.append((f"... {more[-1]}", f"{counted(len(more), 'more segment')}"))
    rows += [
        (left.bundle, f"its record: {counted(facts['events'], 'signed event')}, with proofs"),
        ("trust.json", "the trust root: whom the check believes"),
    ]
    if "custodian" in facts:
        rows.append(("Held by", f"{facts['holder'][:8]} of {facts['custodian']}"))
    rows += [
        (labels.EFFECTS[event["effect"]], f"by {event['agency']}, {event['time']}")
        for event in report.events
        if event["effect"] in _HANDOVERS
    ]
    if "provenTime" in facts:
        rows.append(("On record no later than", facts["provenTime"]))
    rows += [
        (f"Seen by {row['authority']}", f"no later than {row['latest']}")
        for row in facts.get("timestamps", ())
        if row["problem"] is None and row["size"] is not None
    ]
    if facts.get("anchoredAlone"):
        rows.append(("Anchored by", f"nobody but {facts['anchoredAlone']} itself"))
    if facts.get("completeAsOf"):
        by = " and ".join(facts["completeBy"])
        rows.append(("No event is missing", f"up to {facts['completeAsOf']}, by the word of {by}"))
    if left.report.withheld:
        rows.append(("Left out of the record", ", ".join(left.report.withheld)))
    item = short_ids.short_digest(report.events[0]["statement"])
    # Whole as well, and small: a court compares it with a certificate that names the item by it.
    what = "Case" if left.is_case else "Item"
    whole = f"{shown(item)}<br><small>{shown(facts['evidence'])}</small>"
    first = f"<tr><th>{what}</th><td>{whole}</td></tr>"
    return first + "".join(
        f"<tr><th>{shown(name)}</th><td>{shown(told)}</td></tr>" for name, told in rows
    )
