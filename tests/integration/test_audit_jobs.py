"""A node that audits itself for somebody elsewhere: one audit at a time, seen by others, and
nothing but findings leaves it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ledger.domain.audit.report import AuditReport
from ledger.domain.errors import ConflictError, DeniedError, NotFoundError
from ledger.domain.ports.node_answers import AuditJob
from ledger.services.audit.jobs import AuditJobs, Job
from tests.integration.test_lifecycle import office, staffed, upload
from tests.support.desk import Desk
from tests.support.people import Colleague, joined

__all__ = ["office", "staffed"]


def waited(ask: Callable[[], Any], over: Callable[[Any], bool]) -> Any:
    end = time.monotonic() + 120
    while not over(found := ask()):
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


def audited(auditor: Colleague, **options: Any) -> AuditJob:
    with auditor.client() as client:
        job = client.start_audit(sample=options.get("sample"), seed=options.get("seed"))
        found: AuditJob = waited(lambda: client.audit(job.id), lambda one: one.state != "running")
        return found


def test_an_auditor_elsewhere_gets_findings_and_nothing_of_the_case(
    office: Desk, tmp_path: Path
) -> None:
    photo = upload(
        office, tmp_path, members={"identifiers": [{"scheme": "case", "value": "2026-117"}]}
    )
    office.record(photo, "note", {"text": "the witness is afraid"})
    office.anchor()
    auditor = joined(office, tmp_path / "auditor", "auditor", number="8")
    found = audited(auditor, sample=100, seed=7)
    assert (found.state, found.report["verdict"]) == ("done", "verified"), found
    assert (found.asked, found.report["facts"]["seed"]) == (auditor.pseudonym, 7)
    text = json.dumps(asdict(found))
    assert not [secret for secret in ("2026-117", "afraid", "photo.jpg") if secret in text]


def test_an_edit_is_told_to_an_auditor_elsewhere(office: Desk, tmp_path: Path) -> None:
    upload(office, tmp_path)
    office.anchor()
    auditor = joined(office, tmp_path / "auditor", "auditor", number="8")
    with sqlite3.connect(office.path / "ledger.sqlite") as database:
        database.execute("UPDATE item SET holder = 'somebodyelse'")
    database.close()
    report = audited(auditor).report
    assert (report["verdict"], report["counts"]) == ("failed", {"row-edited": 1}), report


def test_whoever_may_not_look_at_everything_may_not_start_one(office: Desk, tmp_path: Path) -> None:
    officer = joined(office, tmp_path / "officer", "officer", number="8")
    with officer.client() as client:
        with pytest.raises(DeniedError):
            client.start_audit(sample=None, seed=None)
        with pytest.raises(DeniedError):
            client.audit("0" * 16)


def test_audits_run_one_at_a_time_are_seen_and_one_that_breaks_lets_the_next_begin(
    office: Desk,
) -> None:
    jobs, go = AuditJobs(office.node), threading.Event()

    def slow(progress: Callable[[str, int], Callable[[int], None]]) -> AuditReport:
        progress("reading", 3)(2)
        go.wait(60)
        raise RuntimeError("a defect, with a secret in it")

    first = jobs.start("someone", slow)
    waited(lambda: jobs.get(first.id), lambda one: one.done == 2)
    with pytest.raises(ConflictError, match=first.id):
        jobs.start("other", slow)
    go.set()
    ended: Job = waited(lambda: jobs.get(first.id), lambda one: one.state != "running")
    assert (ended.state, ended.part, ended.problem) == (
        "failed",
        "reading",
        "the audit ended with RuntimeError",
    )
    second = jobs.start("other", lambda progress: AuditReport())
    waited(lambda: jobs.get(second.id), lambda one: one.state == "done")
    assert [(one.asked, one.report) for one in jobs.recent()] == [
        ("other", None),
        ("someone", None),
    ]
    with pytest.raises(NotFoundError):
        jobs.get("0" * 16)


def test_what_a_node_keeps_of_audits_is_bounded(office: Desk) -> None:
    jobs = AuditJobs(office.node)
    for _ in range(30):
        job = jobs.start("someone", lambda progress: AuditReport())
        waited(lambda job=job: jobs.get(job.id), lambda one: one.state == "done")  # type: ignore[misc]
    assert len(jobs.recent()) == 20


def test_a_node_that_ends_ends_the_audit_under_way_before_what_it_reads_is_closed(
    office: Desk,
) -> None:
    jobs, begun = AuditJobs(office.node), threading.Event()

    def endless(progress: Callable[[str, int], Callable[[int], None]]) -> AuditReport:
        advance = progress("reading", 1)
        while True:
            begun.set()
            advance(0)
            time.sleep(0.01)

    job = jobs.start("someone", endless)
    assert begun.wait(30)
    jobs.stop()
    ended = jobs.get(job.id)
    assert (ended.state, ended.problem) == (
        "failed",
        "the node was stopped before the audit was done",
    )
    assert not [one for one in threading.enumerate() if one.name == f"audit-{job.id}"]
