"""Metrics of a node and of a monitor, which say nothing about cases."""

from __future__ import annotations

import socket
import threading
import time
import urllib.request
from pathlib import Path

import httpx
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from api.app import create_app
from cli.node.in_process_transport import InProcess
from ledger.app import metrics, metrics_server
from ledger.domain.errors import UsageError
from ledger.services.node import context
from tests.integration.test_monitor import watch
from tests.support.desk import Desk
from tests.support.malice import World


def test_metrics_of_a_node_count_its_work_and_name_no_case(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "victim-name.jpg"
    file.write_bytes(b"evidence" * 99)
    measured = metrics.NodeMetrics()
    desk.node.telemetry = measured
    measured.follow(desk.node)
    [done] = desk.upload(file)
    desk.get(done.evidence)
    app = create_app(desk.node, confirmations=0)
    with (
        InProcess(app) as transport,
        httpx.Client(transport=transport, base_url="http://home") as client,
    ):
        client.get("/v1/status")
        client.get(f"/v1/evidence/{done.evidence}")
        client.get("/v1/no/such/thing")
    text = generate_latest(measured.registry).decode()
    found = {
        text_string_to_metric_family.name: text_string_to_metric_family
        for text_string_to_metric_family in text_string_to_metric_families(text)
    }
    states = {
        sample.labels["state"]: sample.value for sample in found["custody_log_entries"].samples
    }
    assert states["integrated"] > states["anchored"]
    assert found["custody_releases"].samples[0].value == 2
    operations = {sample.labels["operation"] for sample in found["custody_http_requests"].samples}
    assert {"status", "show_evidence", "unknown"} <= operations
    for secret in (
        done.evidence,
        done.evidence[9:17],
        "victim",
        "4711",
        desk.person.certificate.pseudonym,
    ):
        assert secret not in text


def test_a_chain_that_is_silent_takes_no_metric_with_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collector waits for ten seconds: while the chain hung, nothing at all was told, a frozen
    log neither.
    """
    hanging = threading.Event()
    measured = metrics.NodeMetrics()
    measured.follow(desk.node)
    monkeypatch.setattr(context, "_PROBE", 0.2)
    with monkeypatch.context() as silent:
        silent.setattr(type(desk.node.contracts.chain), "head", lambda self: hanging.wait(60))
        pages = [generate_latest(measured.registry).decode() for _ in range(2)]
        answer = desk.client._web.call("GET", "/readyz", limit=1 << 16)
        hanging.set()
    assert all(
        "custody_chain_up 0.0" in page and "custody_log_frozen 0.0" in page for page in pages
    )
    assert answer.status == 504


def test_a_part_that_fails_takes_no_other_metric_with_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = metrics.NodeMetrics()
    measured.follow(desk.node)

    def torn() -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(desk.node.blocks, "size", torn)
    page = generate_latest(measured.registry).decode()
    assert 'custody_scrape_failed{part="storage"} 1.0' in page
    assert 'custody_scrape_failed{part="log"} 0.0' in page
    assert "custody_log_frozen 0.0" in page
    assert "custody_stored_bytes" not in page


def test_metrics_of_the_monitor_are_served_on_an_address_of_their_own(world: World) -> None:
    world.settle()
    measured = metrics.MonitorMetrics()
    measured.saw(watch(world))
    with pytest.raises(UsageError):
        metrics.serve(measured.registry, "nonsense")
    server = metrics.serve(measured.registry, "127.0.0.1:0")
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{server.server_port}/metrics", timeout=5
        ) as answer:
            text = answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
    assert 'custody_monitor_rounds_total{verdict="verified"} 1.0' in text
    assert 'custody_monitor_checkpoint_age_seconds{agency="NL-POL"}' in text


def test_silent_connections_to_the_metrics_take_no_place_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics_server, "_SECONDS", 0.5)
    server = metrics.serve(metrics.MonitorMetrics().registry, "127.0.0.1:0")
    try:
        held = [socket.create_connection(server.server_address[:2], 5) for _ in range(40)]
        begun = time.monotonic()
        for holding in held:
            holding.settimeout(5)
            assert holding.recv(1) == b""  # hung up
            holding.close()
        assert time.monotonic() - begun < 5
        with urllib.request.urlopen(
            f"http://127.0.0.1:{server.server_port}/metrics", timeout=5
        ) as answer:
            assert b"custody_monitor" in answer.read()
    finally:
        server.shutdown()
        server.server_close()
