"""The monitor: what it saw once it holds against everybody later, and metrics that say nothing
about cases.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from prometheus_client import generate_latest

from ledger.adapters import webhook
from ledger.adapters.audit_state import SqliteAuditState
from ledger.adapters.logfiles import FolderFiles, WebFiles
from ledger.app import metrics
from ledger.app.open_audit import about
from ledger.domain.errors import NetworkError, UsageError
from ledger.services.audit import external
from ledger.services.audit.monitor import Limits, Round, check, mark_sent
from ledger.services.node import transfer_progress
from tests.support.malice import AsANode, World


def watch(
    world: World,
    limits: Limits | None = None,
    kind: type[FolderFiles] = AsANode,
    *,
    delivered: bool = True,
    **lies: list[bytes],
) -> Round:
    world.clock.time += 1
    trees = [
        kind(agency.write(world.folder / code, entries=lies.get(code.replace("-", "_"))))
        for code, agency in world.agencies.items()
    ]
    state = SqliteAuditState(world.folder / "seen.audit", about(world.root))
    try:
        found = check(world.contracts, world.root, trees, state, world.clock, limits or Limits())
        if delivered:
            mark_sent(state, found)
        return found
    finally:
        state.close()


def codes(found: Round) -> set[str]:
    return {finding.code for finding in found.fresh}


def test_an_honest_consortium_raises_no_alarm(world: World) -> None:
    for _ in range(3):
        world["NL-POL"].open()
        world.settle()
        found = watch(world)
        assert codes(found) == set(), found.report.as_json()
        assert set(found.ages) == {"NL-POL", "RO-DIICOT"}


def test_a_log_that_forgets_what_the_monitor_was_shown(world: World) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    world.settle()
    watch(world, NL_POL=[*nl.entries, nl.statement(item, "none").entry])
    nl.say(item, "none")
    world.settle()
    assert codes(watch(world)) == {"view-differs"}


def test_an_alarm_is_told_once_and_again_after_it_was_gone(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    assert codes(watch(world)) == set()
    assert codes(watch(world, NL_POL=nl.entries[:-1])) == {"log-truncated"}
    assert codes(watch(world, NL_POL=nl.entries[:-1])) == set()
    assert codes(watch(world)) == set()
    assert codes(watch(world, NL_POL=nl.entries[:-1])) == {"log-truncated"}


def test_an_alarm_that_nobody_took_is_due_again_and_what_stands_is_named(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    assert codes(watch(world, NL_POL=nl.entries[:-1], delivered=False)) == {"log-truncated"}
    assert codes(watch(world, NL_POL=nl.entries[:-1])) == {"log-truncated"}
    found = watch(world, NL_POL=nl.entries[:-1])
    assert (codes(found), [one.code for one in found.standing]) == (set(), ["log-truncated"])


def test_a_second_contradiction_in_the_place_of_one_that_was_told_is_told_too(
    world: World,
) -> None:
    """Whoever keeps the log made a harmless one, and had every later one passed over."""
    nl = world["NL-POL"]
    item = nl.open()
    world.settle()
    one, two, three, more = (nl.statement(item, "none").entry for _ in range(4))
    assert codes(watch(world, NL_POL=[*nl.entries, one])) == set()
    assert codes(watch(world, NL_POL=[*nl.entries, two])) == {"view-differs"}
    assert codes(watch(world, NL_POL=[*nl.entries, two])) == set()
    found = watch(world, NL_POL=[*nl.entries, three])
    assert codes(found) == {"view-differs"}
    assert [each.code for each in found.standing] == ["view-differs"]
    assert {each.place for each in found.fresh} == {each.place for each in found.standing}
    assert codes(watch(world, NL_POL=[*nl.entries, three, more])) == set(), "they are the same"


def test_a_copy_that_lags_behind_its_node_is_no_contradiction(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    assert codes(watch(world, kind=FolderFiles)) == set()
    found = watch(world, kind=FolderFiles, NL_POL=nl.entries[:-1])
    assert (found.report.verdict.value, codes(found), [one.code for one in found.standing]) == (
        "incomplete",
        set(),
        ["log-older"],
    )
    assert codes(watch(world, kind=FolderFiles, NL_POL=nl.entries[:-1])) == {
        "log-older"
    }  # still so at the next look: somebody must look


@pytest.mark.parametrize("prefix", ["", "/v1/log"])
def test_a_node_is_told_from_a_copy_by_its_address_and_not_by_what_it_serves(
    world: World, prefix: str
) -> None:
    """A node that withholds would answer as a plain web server does, and be called a copy."""
    tree = world["NL-POL"].write(world.folder / "tree")

    def answer(request: httpx.Request) -> httpx.Response:
        path = tree / request.url.path.removeprefix(f"{prefix}/")
        there = request.url.path.startswith(f"{prefix}/") and path.is_file()
        return httpx.Response(200, content=path.read_bytes()) if there else httpx.Response(404)

    shown = WebFiles("http://127.0.0.1:1", transport=httpx.MockTransport(answer))
    shown.get("checkpoint")
    assert not shown.is_node, "nobody has said yet that it is one"
    shown.known_at({"http://127.0.0.1:1", "https://elsewhere.example"})
    assert shown.is_node
    for services in ({"https://nl.example"}, set()):
        shown.known_at(services)
        assert not shown.is_node


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("https://nl.example:443", "https://nl.example"),
        ("https://nl.example", "https://NL.example:443"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
    ],
)
def test_an_agencys_own_node_is_known_under_each_spelling_of_its_address(
    asked: str, named: str
) -> None:
    """Else whoever withholds would be called a copy where the usual port is written out."""
    shown = WebFiles(asked, transport=httpx.MockTransport(lambda _: httpx.Response(404)))
    shown.known_at({"no address at all", named})
    assert shown.is_node
    shown.known_at({"no address at all", f"{named.removesuffix(':443')}:8443"})
    assert not shown.is_node


def test_a_tree_that_was_not_exported_again_is_no_truncated_log(world: World) -> None:
    """Also where it lies on the agency's own server, below the node's address."""
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    tree = nl.write(world.folder / "tree")
    nl.open()
    world.settle()

    def answer(request: httpx.Request) -> httpx.Response:
        path = tree / request.url.path.removeprefix("/export/")
        return (
            httpx.Response(200, content=path.read_bytes())
            if path.is_file()
            else httpx.Response(404)
        )

    shown = WebFiles("http://127.0.0.1:1/export", transport=httpx.MockTransport(answer))
    shown.known_at({"http://127.0.0.1:1"})
    assert not shown.is_node
    state = SqliteAuditState(None, about(world.root))
    try:
        report = external.audit(world.contracts, world.root, [shown], state, world.clock)
    finally:
        state.close()
    assert (report.verdict.value, report.codes()) == ("incomplete", {"log-older"}), report.as_json()


def test_an_agency_that_falls_silent(world: World) -> None:
    world.settle()
    assert codes(watch(world)) == set()
    world.clock.time += 3 * 86400
    world["RO-DIICOT"].publish_crl()
    world["RO-DIICOT"].anchor()
    assert "silence" in codes(watch(world))


def test_somebody_who_opens_very_much_at_once(world: World) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    for _ in range(30):
        nl.say(item, "none")
    world.settle()
    assert codes(watch(world, Limits(volume=31))) == set()
    assert codes(watch(world, Limits(volume=30))) == {"volume"}


def test_a_file_that_is_missing_for_a_moment_is_no_alarm_before_it_is_missing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settle()
    assert codes(watch(world)) == set()

    def dead(self: FolderFiles, path: str) -> bytes:
        raise NetworkError("no answer")

    monkeypatch.setattr(FolderFiles, "get", dead)
    assert codes(watch(world)) == set()
    assert codes(watch(world)) == {"unreachable"}


@contextmanager
def listener(status: int) -> Iterator[tuple[str, list[bytes]]]:
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_alarms_are_posted_with_what_to_do(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    found = watch(world, NL_POL=nl.entries[:-1])
    with listener(204) as (url, got):
        webhook.send(url, found.fresh, 7)
    [posted] = json.loads(got[0])["alarms"]
    assert (posted["code"], posted["promise"]) == ("log-truncated", 3)
    assert posted["todo"]
    with listener(500) as (url, _), pytest.raises(NetworkError, match="answered 500"):
        webhook.send(url, found.fresh, 7)
    with pytest.raises(UsageError):
        webhook.send("http://somewhere.example/", found.fresh, 7)


def test_a_log_that_is_followed_no_longer_has_no_age_and_is_not_silent(world: World) -> None:
    world.settle()
    assert set(watch(world).ages) == {"NL-POL", "RO-DIICOT"}
    world.clock.time += 3 * 86400
    world["NL-POL"].publish_crl()
    world["NL-POL"].anchor()
    ro = world.agencies.pop("RO-DIICOT")
    found = watch(world)
    assert (set(found.ages), codes(found)) == ({"NL-POL"}, set())
    world.agencies["RO-DIICOT"] = ro


def test_a_log_that_cannot_be_reached_keeps_its_age_and_what_was_found_in_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    nl.log(nl.statement(item, "none"))
    nl.log(nl.statement(item, "none"))
    world.settle()
    assert codes(watch(world)) == {"item-branch"}

    def dead(self: FolderFiles, path: str) -> bytes:
        raise NetworkError("no answer")

    monkeypatch.setattr(FolderFiles, "get", dead)
    found = watch(world)
    assert set(found.ages) == {"NL-POL", "RO-DIICOT"}
    assert found.report.verdict.value == "failed"
    assert {one.code for one in found.standing} == {"item-branch", "unreachable"}


def test_what_is_not_judged_is_said_and_is_an_alarm_when_it_stays(world: World) -> None:
    nl = world["NL-POL"]
    world.settle()
    nl.open()
    found = watch(world)
    assert [reason.code for reason in found.reasons] == ["waiting"]
    world.clock.time += 5 * 86400
    nl.anchor()
    limits = Limits(silence=30 * 86400)
    stale = watch(world, limits)
    assert ([one.code for one in stale.standing], codes(stale)) == (["crl-stale"], {"late"})
    assert codes(watch(world, limits)) == {"crl-stale"}


def test_a_log_that_is_followed_no_longer_has_no_age(world: World) -> None:
    world.settle()
    measured = metrics.MonitorMetrics()
    found = watch(world)
    measured.saw(found)
    del found.ages["NL-POL"]
    measured.saw(found)
    text = generate_latest(measured.registry).decode()
    assert 'age_seconds{agency="RO-DIICOT"}' in text
    assert 'age_seconds{agency="NL-POL"}' not in text


def test_a_log_that_changes_what_is_not_anchored_yet_is_found_at_once(world: World) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    world.settle()
    first, second = nl.statement(item, "none").entry, nl.statement(item, "close").entry
    assert codes(watch(world, NL_POL=[*nl.entries, first])) == set()
    assert codes(watch(world, NL_POL=[*nl.entries, second, first])) == {"view-differs"}


def test_a_log_that_answers_slowly_keeps_nobody_elses_alarm_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    assert codes(watch(world)) == set()
    monkeypatch.setattr(transfer_progress, "GRACE", 0.3)
    real, asked = FolderFiles.get, []

    def trickling(self: FolderFiles, path: str) -> bytes:
        if "RO-DIICOT" in self.where:
            asked.append(path)
            time.sleep(0.2)
        return real(self, path)

    with monkeypatch.context() as slow:
        slow.setattr(FolderFiles, "get", trickling)
        found = watch(world, NL_POL=nl.entries[:-1])
    assert codes(found) == {"log-truncated"}
    assert [one.code for one in found.standing] == ["unreachable"]
    assert len(asked) < 6


def test_a_log_that_fails_at_another_file_each_time_is_an_alarm_and_a_silent_chain_ends_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    real, failing = FolderFiles.get, ["crl"]

    def broken(self: FolderFiles, path: str) -> bytes:
        if "NL-POL" in self.where and path.startswith(failing[0]):
            raise NetworkError("no answer")
        return real(self, path)

    monkeypatch.setattr(FolderFiles, "get", broken)
    assert codes(watch(world)) == set()
    failing[0] = "tile/entries"
    nl.say(nl.open(), "none")
    world.settle()
    assert codes(watch(world)) == {"unreachable"}
    with monkeypatch.context() as silent:
        silent.setattr(type(world.contracts.chain), "final", lambda self: broken_chain())
        assert codes(watch(world)) == set()
    assert codes(watch(world)) == set()


def broken_chain() -> int:
    raise NetworkError("the chain did not answer")
