"""Real nodes audited from outside: over their API, from an exported tree, by the command, and by
somebody else's verifier.
"""

from __future__ import annotations

import base64
import json
import subprocess
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from cli.wording import auditreport
from ledger.adapters import logfiles, parallel_decoding
from ledger.adapters.audit_state import SqliteAuditState
from ledger.adapters.chain.contracts import Contracts
from ledger.adapters.chain.rpc import RpcChain
from ledger.adapters.clock import SystemClock
from ledger.adapters.logfiles import Auditor, FolderFiles, WebFiles, drop_partials, write_tree
from ledger.app.open_audit import about
from ledger.client.handovers import handover
from ledger.domain.audit.report import AuditReport
from ledger.domain.bundle import trust_fingerprint
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.errors import DeniedError, NetworkError, UsageError
from ledger.domain.identity.names import log_urn
from ledger.domain.verify.report import Verdict
from ledger.services.audit import external
from ledger.services.handovers import sync
from ledger.services.log.files import FOREVER, OwnLog, exported, require_own
from tests.support.consortium import NL, RO, US, Consortium, offer, upload
from tests.support.desk import Desk

FSCK = Path(__file__).parents[2] / ".build/fsck/fsck"


def export(desk: Desk, folder: Path, *, entries: bool = True) -> Path:
    own = OwnLog.of(desk.node)
    paths, get = exported(own, entries=entries)
    write_tree(folder, paths, get, FOREVER, partial(require_own, own), lambda count: None)
    drop_partials(folder)
    return folder


def audit(
    chain: str, root: TrustRoot, files: list, state: Path | None = None, **options: object
) -> AuditReport:
    with (
        closing(RpcChain(chain, confirmations=0)) as reached,
        closing(SqliteAuditState(state, about(root))) as kept,
    ):
        contracts = Contracts(reached, root.registry.address, root.ledger.address)
        return external.audit(
            contracts, root, files, kept, SystemClock(), external.ExternalOptions(**options)
        )


@pytest.fixture(scope="module")
def told(trio: Consortium, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An item that went from NL to RO, and one that stayed."""
    folder = tmp_path_factory.mktemp("files")
    nl, ro = trio[NL], trio[RO]
    stays, goes = upload(nl, folder), upload(nl, folder, b"other" * 500)
    nl.get(stays)
    offer(nl, goes, RO)
    trio.settle(NL, RO)
    handover.accept(ro.client, ro.person, ro.clock, goes)
    trio.settle(NL, RO)
    for code in (NL, RO, US):
        sync.settle(trio[code].node, timeout=30)
    return goes


def test_the_logs_of_real_nodes_audit_clean_in_many_processes(
    trio: Consortium, told: str, chain: str, root: TrustRoot, tmp_path: Path
) -> None:
    trees = [FolderFiles(export(trio[code], tmp_path / code)) for code in (NL, RO, US)]
    with parallel_decoding.pool(2) as submit:
        report = audit(chain, root, trees, tmp_path / "kept", submit=submit)
        assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()
        again = audit(chain, root, trees, tmp_path / "kept", submit=submit)
    assert again.verdict is Verdict.VERIFIED
    assert "0 of them new" in again.details["log"]


def test_an_auditor_with_a_certificate_reads_entries_from_a_node(
    trio: Consortium, told: str, chain: str, root: TrustRoot
) -> None:
    ring, keys = trio[RO].home.keyring, trio[RO].node.keys
    person = lambda: (ring.signing_key("person"), ring.get("person-certificate"))  # noqa: E731
    both = Auditor((person, lambda: (keys.service, keys.service_certificate.der)))
    web = WebFiles("http://home", transport=trio[NL].transport, auditor=both)
    report = audit(chain, root, [web])
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()
    web.close()


def test_logs_audited_one_after_another_are_compared_as_if_at_once(
    trio: Consortium, told: str, chain: str, root: TrustRoot, tmp_path: Path
) -> None:
    state = tmp_path / "kept"
    for code in (NL, RO):
        report = audit(chain, root, [FolderFiles(export(trio[code], tmp_path / code))], state)
        assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()
    assert (
        report.details["handovers"] == "offers between agencies: 1; told by the chain: 2; logs: 2"
    )


def test_somebody_without_a_certificate_gets_hashes_but_no_entries(
    trio: Consortium, told: str, chain: str, root: TrustRoot
) -> None:
    web = WebFiles("http://home", transport=trio[NL].transport)
    assert web.get("checkpoint").startswith(b"urn:custody:log:")
    assert len(web.get("tile/0/000.p/1")) == 32
    with pytest.raises(DeniedError, match="shown to auditors only"):
        web.get("tile/entries/000.p/1")
    report = audit(chain, root, [web])
    assert (report.verdict, report.codes()) == (Verdict.UNREADABLE, {"unreachable"}), (
        report.as_json()
    )
    told = " ".join(" ".join(auditreport.text(report.as_json())).split())
    assert "shown to auditors only: the node refused it, as it does everybody else" in told
    assert "log in as an auditor of that agency: its folder is named with --home" in told
    page = auditreport.page(report.as_json(), "Audit", "now")
    assert "breaks" not in told + page, "what was refused by design breaks no promise"
    web.close()


def test_a_public_tree_holds_no_entries_and_no_certificates(
    trio: Consortium, told: str, tmp_path: Path
) -> None:
    folder = export(trio[NL], tmp_path / "public", entries=False)
    assert (folder / "checkpoint").exists()
    assert not (folder / "certs").exists()
    assert not (folder / "tile/entries").exists()


def test_the_command_audits_an_exported_log_and_prints_every_line(
    trio: Consortium, told: str, chain: str, root: TrustRoot, tmp_path: Path
) -> None:
    from tests.support.commands import custody

    (tmp_path / "trust.json").write_bytes(root.encode())
    export(trio[NL], tmp_path / "log")
    arguments = [
        "audit",
        "--log",
        str(tmp_path / "log"),
        "--rpc",
        chain,
        "--trust",
        str(tmp_path / "trust.json"),
        "--workers",
        "1",
    ]
    done = custody(*arguments, "--report", str(tmp_path / "audit.html"), "--json", folder=tmp_path)
    value = json.loads(done.stdout)
    assert (done.returncode, value["verdict"]) == (0, "verified")
    assert [
        check["status"] for check in value["checks"] if check["check"] in {"log", "content"}
    ] == [
        "passed",
        "not asked",
    ]
    assert "Verdict: <strong>verified" in (tmp_path / "audit.html").read_text()


def test_an_audit_by_a_trust_root_that_nobody_compared_says_so(
    trio: Consortium, told: str, chain: str, root: TrustRoot, tmp_path: Path
) -> None:
    from tests.support.commands import custody

    (tmp_path / "trust.json").write_bytes(root.encode())
    export(trio[NL], tmp_path / "log")
    arguments = ["audit", "--log", "log", "--rpc", chain, "--trust", "trust.json", "--workers", "1"]
    bare = custody(*arguments, "--report", "audit.html", folder=tmp_path).stdout
    condition = "as far as the trust root is right: its fingerprint was not compared yet"
    for shown in (bare, (tmp_path / "audit.html").read_text()):
        assert condition in " ".join(shown.split())
    own = trust_fingerprint.of(root)
    compared = custody(*arguments, "--trust-fingerprint", own.chain, folder=tmp_path).stdout
    assert "not compared" not in compared
    assert "as you were told" in compared


def test_the_monitor_command_looks_once_and_alarms_when_the_log_forgets(
    trio: Consortium, told: str, chain: str, root: TrustRoot, tmp_path: Path
) -> None:
    from tests.support.commands import custody

    (tmp_path / "trust.json").write_bytes(root.encode())
    folder = export(trio[NL], tmp_path / "log")
    arguments = [
        "monitor",
        "--once",
        "--log",
        str(folder),
        "--rpc",
        chain,
        "--trust",
        str(tmp_path / "trust.json"),
    ]
    arguments += ["--state", str(tmp_path / "seen")]
    quiet = custody(*arguments, folder=tmp_path).stdout
    assert "verified; newest checkpoints: NL-POL" in quiet
    assert trust_fingerprint.of(root).chain in quiet
    assert "not compared yet" in quiet
    loud = custody(*arguments, "--volume", "1", "--stop", folder=tmp_path, code=3)
    assert "verified" in loud.stdout, "a warning contradicts nothing"
    assert "ALARM somebody signed unusually many events" in loud.stdout
    (folder / "checkpoint").write_bytes(
        (folder / "checkpoint").read_bytes().replace(b"\n", b"\n1", 1)
    )
    done = custody(*arguments, "--stop", "--json", folder=tmp_path, code=1)
    value = json.loads(done.stdout)
    assert value["verdict"] == "failed"
    assert "note-unsigned" in {alarm["code"] for alarm in value["alarms"]}


@pytest.mark.parametrize("spoiled", ["", "tile/entries", "tile/0"])
def test_a_verifier_that_we_did_not_write_checks_the_tree(
    trio: Consortium, told: str, tmp_path: Path, spoiled: str
) -> None:
    assert FSCK.exists(), "build it with: make fsck"
    folder = export(trio[NL], tmp_path / "log")
    key, name = (
        trio[NL].node.keys.logs[0].public_key().public_bytes_raw(),
        log_urn(trio[NL].node.log_id),
    )
    digest = sha256(name.encode() + b"\n\x01" + key).hexdigest()[:8]
    (tmp_path / "key").write_text(f"{name}+{digest}+{base64.b64encode(bytes([1]) + key).decode()}")
    if spoiled:
        [file] = (folder / spoiled / "000.p").iterdir()
        file.write_bytes(file.read_bytes()[:-1] + bytes([file.read_bytes()[-1] ^ 1]))
    command = [
        str(FSCK),
        "--public_key",
        str(tmp_path / "key"),
        "--storage_url",
        folder.as_uri() + "/",
        "--ui=false",
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20 if not spoiled else 3, check=False
        )
        good = done.returncode == 0 and "Successfully fsck'd" in done.stderr
    except subprocess.TimeoutExpired:  # it asks again and again for files that do not fit
        good = False
    assert good is not bool(spoiled)


@pytest.mark.parametrize("code", [NL, RO, US])
def test_homes_audit_clean_from_inside_after_a_handover(
    trio: Consortium, told: str, code: str
) -> None:
    from tests.integration.test_audit_inside import audit as inside

    report = inside(trio[code])
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), [
        finding.as_json() for finding in report.findings
    ]


def test_a_copy_without_entries_accuses_nobody_of_withholding_them(
    trio: Consortium, chain: str, root: TrustRoot, tmp_path: Path
) -> None:
    tree = FolderFiles(export(trio[NL], tmp_path / "public", entries=False))
    report = audit(chain, root, [tree])
    assert report.verdict is Verdict.INCOMPLETE
    assert report.codes() == {"copy-lacks"}


def test_an_export_mends_what_a_full_disk_left_and_never_makes_entries_public(
    trio: Consortium, tmp_path: Path
) -> None:
    folder = export(trio[NL], tmp_path / "www")
    broken = [next((folder / name).iterdir()) for name in ("certs", "descriptors", "documents")]
    whole = [one.read_bytes() for one in broken]
    for one in broken:
        one.write_bytes(b"")
    export(trio[NL], folder)
    assert [one.read_bytes() for one in broken] == whole
    with pytest.raises(UsageError, match="for auditors alone"):
        logfiles.require_public(folder)
    logfiles.require_public(export(trio[NL], tmp_path / "public", entries=False))


def test_a_block_called_final_beyond_the_newest_or_gone_later_ends_no_audit_and_blinds_none(
    trio: Consortium, chain: str, root: TrustRoot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = [FolderFiles(export(trio[NL], tmp_path / "log"))]
    state = tmp_path / "seen.audit"
    with closing(RpcChain(chain, confirmations=1)) as reached, monkeypatch.context() as lying:
        real = reached._ask

        def ask(method: str, *params: object, **options: object) -> object:
            if params[:1] == ("finalized",):
                return {"number": "0xffffffffffff"}
            return real(method, *params, **options)

        lying.setattr(reached, "_ask", ask)
        with pytest.raises(NetworkError, match="final"):
            reached.final()
    before = audit(chain, root, tree, state)
    with closing(SqliteAuditState(state, about(root))) as kept:
        kept.put_blob("read-block", b"", (10**9).to_bytes(8, "big") + bytes(32))
    blind = audit(chain, root, tree, state)
    assert blind.codes() == {"chain-silent"}
    assert blind.verdict is Verdict.INCOMPLETE
    assert before.facts["block"] > 0
