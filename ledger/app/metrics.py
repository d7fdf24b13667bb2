"""Metrics for Prometheus, on an address of their own: never on the public API, and never with case
data.

Labels are names of operations, workers, states and replicas: their number does not grow with what
the ledger holds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric

from ledger.app import metrics_server
from ledger.app.metrics_server import MetricsServer
from ledger.domain.audit.findings import KINDS
from ledger.domain.errors import CustodyError, UsageError
from ledger.rows.storage import OWN_DISK
from ledger.services.audit.monitor import Round
from ledger.services.node.context import Node
from ledger.services.onchain import checkpoint_anchoring
from ledger.services.people import expiry

_ADDRESS = re.compile(r"(?P<host>[0-9A-Za-z.:\[\]-]+):(?P<port>\d{1,5})")


class NodeMetrics:
    """What a serving node counts, and what it is asked about itself when somebody collects."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "custody_http_requests",
            "Calls of the API",
            ["operation", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "custody_http_request_seconds",
            "Seconds a call took",
            ["operation"],
            registry=self.registry,
        )
        self._runs = Counter(
            "custody_worker_runs",
            "Rounds of background workers",
            ["worker", "result"],
            registry=self.registry,
        )
        self._last = Gauge(
            "custody_worker_last_success_seconds",
            "When a worker last succeeded",
            ["worker"],
            registry=self.registry,
        )

    def request(self, operation: str, status: int, seconds: float) -> None:
        """See services.telemetry.Telemetry."""
        self._requests.labels(operation, str(status)).inc()
        self._seconds.labels(operation).observe(seconds)

    def ran(self, worker: str, *, ok: bool) -> None:
        """See services.telemetry.Telemetry."""
        self._runs.labels(worker, "ok" if ok else "failed").inc()
        if ok:
            self._last.labels(worker).set(time.time())

    def follow(self, node: Node) -> None:
        """Ask this node about itself at every collection."""
        self.registry.register(_NodeCollector(node))


class _NodeCollector:
    def __init__(self, node: Node) -> None:
        self._node = node

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first collection."""
        return []

    def collect(self) -> Iterator[Metric]:
        """How far the log is, and what waits. A part that fails says so, and takes no other with
        it: a scrape that fails as a whole would hide a frozen log.
        """
        failed = GaugeMetricFamily(
            "custody_scrape_failed", "1 where a part of this page is missing", labels=["part"]
        )
        for part, read in (
            ("log", self._log),
            ("counts", self._counts),
            ("storage", self._storage),
            ("certificates", self._certificates),
            ("replicas", self._replicas),
            ("workers", self._workers),
            ("chain", self._chain),
        ):
            try:
                metrics = list(read())
            except Exception:  # noqa: BLE001  (whatever it is: the other parts are told)
                metrics = []
                failed.add_metric([part], 1)
            else:
                failed.add_metric([part], 0)
            yield from metrics
        yield failed

    def _log(self) -> Iterator[Metric]:
        node = self._node
        with node.records.read() as unit:
            reached, log = checkpoint_anchoring.progress(node, unit), unit.logs.get(node.log_id)
            waiting = unit.logs.entry(node.log_id, reached.anchored)
        entries = GaugeMetricFamily(
            "custody_log_entries", "Entries of the log that reached a state", labels=["state"]
        )
        for state in ("integrated", "submitted", "anchored", "final"):
            entries.add_metric([state], getattr(reached, state))
        yield entries
        age = node.clock.now() - waiting.time if waiting is not None else 0
        yield GaugeMetricFamily(
            "custody_oldest_unanchored_seconds",
            "Age of the oldest entry that is not anchored",
            value=max(age, 0),
        )
        yield GaugeMetricFamily(
            "custody_log_frozen",
            "1 where the log contradicted itself",
            value=int(bool(log is not None and log.frozen)),
        )

    def _counts(self) -> Iterator[Metric]:
        with self._node.records.read() as unit:
            items, releases = unit.tables.count("item"), unit.tables.count("release")
            alarms = unit.tables.count("alarm")
        yield GaugeMetricFamily("custody_items", "Items and cases known here", value=items)
        yield GaugeMetricFamily(
            "custody_releases", "Statements under which something was handed out", value=releases
        )
        yield GaugeMetricFamily(
            "custody_bulk_access_alarms", "Alarms about many accesses at once", value=alarms
        )

    def _storage(self) -> Iterator[Metric]:
        size = self._node.blocks.size()
        yield GaugeMetricFamily(
            "custody_stored_bytes", "Bytes of ciphertext on the own disk", value=size
        )

    def _replicas(self) -> Iterator[Metric]:
        with self._node.records.read() as unit:
            held = unit.replicas.counts()
        replicas = GaugeMetricFamily(
            "custody_replica_items", "Items at IPFS nodes by state", labels=["node", "state"]
        )
        for (name, state), count in held.items():
            if name != OWN_DISK:
                replicas.add_metric([name, state], count)
        yield replicas

    def _workers(self) -> Iterator[Metric]:
        failing = GaugeMetricFamily(
            "custody_worker_failures", "Failures in a row of background work", labels=["worker"]
        )
        for row in self._node.workers.rows():
            failing.add_metric([row.worker], row.failures)
        yield failing

    def _certificates(self) -> Iterator[Metric]:
        ends = GaugeMetricFamily(
            "custody_certificate_ends_seconds",
            "When the first certificate of a kind of owner ends",
            labels=["owner"],
        )
        soon = GaugeMetricFamily(
            "custody_certificates_ending",
            f"Certificates that end within {expiry.SOON // 86400} days (a CA's two years earlier), "
            "have ended or are not good yet",
            labels=["owner"],
        )
        known, told = list(expiry.lifetimes(self._node)), expiry.ending(self._node)
        for owner in expiry.OWNERS:
            until = [lifetime.until for lifetime in known if lifetime.owner == owner]
            if until:
                ends.add_metric([owner], min(until))
            soon.add_metric([owner], sum(lifetime.owner == owner for lifetime in told))
        yield ends
        yield soon

    def _chain(self) -> Iterator[Metric]:
        try:
            head = self._node.chain_head()
        except CustodyError:
            yield GaugeMetricFamily("custody_chain_up", "1 where the chain answers", value=0)
            return
        yield GaugeMetricFamily("custody_chain_up", "1 where the chain answers", value=1)
        yield GaugeMetricFamily(
            "custody_chain_head_block", "Newest block of the chain", value=head.number
        )


class MonitorMetrics:
    """What a monitor counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._rounds = Counter(
            "custody_monitor_rounds", "Looks at all logs", ["verdict"], registry=self.registry
        )
        self._findings = Gauge(
            "custody_monitor_findings",
            "Findings of the newest look",
            ["code"],
            registry=self.registry,
        )
        self._alarms = Counter(
            "custody_monitor_alarms", "Alarms raised", ["code"], registry=self.registry
        )
        self._age = Gauge(
            "custody_monitor_checkpoint_age_seconds",
            "Age of a log's newest checkpoint",
            ["agency"],
            registry=self.registry,
        )
        self._last = Gauge(
            "custody_monitor_last_round_seconds",
            "When all logs were last looked at",
            registry=self.registry,
        )

    def saw(self, looked: Round) -> None:
        """Take over what a look found."""
        self._rounds.labels(looked.report.verdict.value).inc()
        for code in KINDS:
            self._findings.labels(code).set(looked.report.counts.get(code, 0))
        for finding in looked.fresh:
            self._alarms.labels(finding.code).inc()
        self._age.clear()  # a log that is followed no longer has no age
        for agency, age in looked.ages.items():
            self._age.labels(agency).set(age)
        self._last.set(time.time())


def serve(registry: CollectorRegistry, address: str) -> MetricsServer:
    """Serve metrics at HOST:PORT; returns what ``shutdown`` ends.

    Raises:
        UsageError: no such address, or nobody may listen there.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > 65535:
        raise UsageError(f"{address!r} is no address for metrics", hint="give it as 127.0.0.1:9464")
    try:
        return metrics_server.start(registry, match["host"], int(match["port"]))
    except OSError as error:
        raise UsageError(
            f"metrics cannot listen on {address}: {error.strerror}", hint="choose another address"
        ) from error
