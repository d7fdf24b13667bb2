"""The command line as a person and a script use it: real processes, exit codes, what is left
behind.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from ledger.app import open_audit
from tests.support.chains import free_port
from tests.support.commands import begun, custody, serving, within
from tests.support.hostile import answer, hostile, says
from tests.support.waiting import wait_until

JSON_KEYS = {
    *("verdict", "steps", "findings", "withheld", "facts", "events", "corrections", "trust"),
    "beside",
}


def test_bundle_and_trust_root_alone_verify_without_home_or_network(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    for name in ("b.bundle", "trust.json", "photo.jpg"):
        shutil.copy(worked["folder"] / name, tmp_path / name)
    # An unreachable proxy for everything: nothing in verify may want the network.
    dead = {
        "HOME": str(tmp_path),
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "CUSTODY_PASSPHRASE": "",
    }
    done = custody(
        "verify",
        tmp_path / "b.bundle",
        tmp_path / "photo.jpg",
        "--trust",
        tmp_path / "trust.json",
        environment=dead,
    )
    assert "verdict: verified" in done.stdout
    report = json.loads(
        custody(
            "verify",
            tmp_path / "b.bundle",
            "--trust",
            tmp_path / "trust.json",
            "--json",
            environment=dead,
        ).stdout
    )
    assert set(report) == JSON_KEYS
    assert [step["number"] for step in report["steps"]] == list(range(1, 11))


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ("file changed", 1, "9  the file is the one that was recorded                    FAILED"),
        ("bundle cut", 4, "verdict: unreadable"),
        ("bundle is the file", 4, "is a file of another kind, not an evidence bundle"),
        ("bundle missing", 4, "cannot read"),
        ("file missing", 4, "neither verified nor refuted"),
        ("trust root is the bundle", 2, "this is an evidence bundle, not a trust root"),
        ("no trust root", 2, "--trust"),
    ],
)
def test_verify_says_what_is_wrong_with_its_exit_code(
    worked: dict[str, Path], tmp_path: Path, change: str, code: int, words: str
) -> None:
    bundle, photo, trust = (
        worked["folder"] / "b.bundle",
        worked["photo"],
        worked["folder"] / "trust.json",
    )
    options: list[object] = ["--trust", trust]
    if change == "file changed":
        (tmp_path / "p").write_bytes(photo.read_bytes()[:-1] + b"x")
        photo = tmp_path / "p"
    elif change == "bundle cut":
        (tmp_path / "b").write_bytes(bundle.read_bytes()[:-9])
        bundle = tmp_path / "b"
    elif change == "bundle is the file":
        bundle = photo
    elif change == "bundle missing":
        bundle = tmp_path / "nothing"
    elif change == "file missing":
        photo = tmp_path / "nothing"
    elif change == "trust root is the bundle":
        options = ["--trust", bundle]
    else:
        options = []
    done = custody("verify", bundle, photo, *options, code=code)
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_show_keeps_the_record_sealed_until_a_basis_is_given(worked: dict[str, Path]) -> None:
    evidence = worked["evidence"]
    done = custody("show", evidence, home=worked["home"])
    assert "photo.jpg" not in done.stdout
    done = custody("show", evidence, "--basis", "hearing", home=worked["home"])
    assert "photo.jpg" in done.stdout
    assert "why: hearing" in done.stdout
    assert "file recorded" in done.stdout


def test_get_brings_the_file_back_and_a_failure_leaves_none(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    evidence = worked["evidence"]
    custody(
        "get", evidence, "-o", tmp_path / "out.jpg", "--basis", "examination", home=worked["home"]
    )
    assert (tmp_path / "out.jpg").read_bytes() == worked["photo"].read_bytes()
    done = custody(
        "get",
        "urn:uuid:00000000-0000-4000-8000-000000000000",
        "-o",
        tmp_path / "no.jpg",
        "--basis",
        "x",
        home=worked["home"],
        code=1,
    )
    assert "no such item" in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "out.jpg"]


def test_note_correct_recheck_and_doctor(worked: dict[str, Path]) -> None:
    evidence, home = worked["evidence"], worked["home"]
    custody("note", evidence, "--text", "seen", home=home)
    custody(
        "correct",
        evidence,
        "--event",
        0,
        "--field",
        "/body/name",
        "--new",
        "x.jpg",
        "--reason",
        "typing error",
        home=home,
    )
    before = json.loads(custody("show", evidence, "--json", home=home).stdout)["events"]
    wrong = ("correct", evidence, "--event", 0, "--new", "x", "--reason", "typing error")
    done = custody(*wrong, "--field", "/body/nmae", home=home, code=1)
    assert "no such field" in done.stderr
    assert "/body/name" in done.stderr, "what there is is told"
    assert json.loads(custody("show", evidence, "--json", home=home).stdout)["events"] == before
    assert "match" in custody("recheck", evidence, "--basis", "yearly", home=home).stdout
    listed = custody("list", home=home, environment={"COLUMNS": "100"}).stdout
    assert "not yet anchored" in listed, "as upload tells it"
    opening = json.loads(custody("show", evidence, "--json", home=home).stdout)["item"]["opening"]
    assert f"{opening[:8]}  " in custody("list", home=home).stdout
    doctor = custody("doctor", "--deep", home=home, code=3).stdout
    assert "ok      log" in doctor
    *_, verdict, left, by = doctor.splitlines()
    assert verdict == "verdict: incomplete"
    assert left.startswith("not judged: whether whoever signed was certified, not revoked")
    assert by.endswith(f": custody --home {home} audit")
    custody("anchor", home=home)
    found = json.loads(custody("doctor", "--json", home=home).stdout)
    whole = {"clean": True, "verdict": "verified", "waiting": 0}
    assert found == whole | {"findings": [], "warnings": []}


def test_an_audit_whose_addresses_were_swapped_says_so(worked: dict[str, Path]) -> None:
    chain_id = json.dumps({"jsonrpc": "2.0", "id": 0, "result": "0x1"}).encode()
    with (
        hostile(says(answer(b"urn:custody:log:x\n"))) as log,
        hostile(says(answer(chain_id))) as chain,
    ):
        words = ("--trust", worked["folder"] / "trust.json")
        code, _, said = within("audit", "--log", chain.url, "--rpc", log.url, *words)
        assert (code, "looks like a custody node, and not like a chain" in said) == (2, True), said
        assert open_audit.is_chain(chain.url)
        assert not open_audit.is_chain(log.url)
        assert not open_audit.is_log(chain.url)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["upload", "/nowhere/file"], 2, "cannot upload"),
        (["upload", "/dev/null"], 2, "character device"),
        (["show", "nonsense"], 2, "is not an item"),
        (
            ["bundle", "3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f", "-o", "/tmp/x", "--basis", " "],
            2,
            "nothing is said with --basis",
        ),
        (["upload", "README.md", "--part-of", "A1"], 2, "an exhibit number, and of no case"),
        (["upload", "README.md", "--digest", "md4"], 2, "unknown digest"),
        (["nonsense"], 2, "no command 'nonsense'"),
    ],
)
def test_bad_usage_is_named_with_what_to_do(
    worked: dict[str, Path], arguments: list[str], code: int, words: str
) -> None:
    done = custody(*arguments, home=worked["home"], code=code)
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_passphrase_missing_home_and_no_passphrase(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    assert (
        "wrong passphrase"
        in custody(
            "list", home=worked["home"], code=1, environment={"CUSTODY_PASSPHRASE": "no"}
        ).stderr
    )
    assert (
        "no passphrase"
        in custody(
            "list", home=worked["home"], code=2, environment={"CUSTODY_PASSPHRASE": ""}
        ).stderr
    )
    assert "not the home of a node" in custody("list", home=tmp_path / "none", code=2).stderr
    done = custody("init", "--agency", "NL-POL", "--person", "1", home=worked["home"], code=2)
    assert "is a home already" in done.stderr
    error = json.loads(custody("list", "--json", home=tmp_path / "none", code=2).stderr)
    assert set(error["error"]) == {"message", "hint", "exit"}


def test_init_makes_a_home_or_nothing(tmp_path: Path) -> None:
    custody("init", "--agency", "nl", "--person", "1", home=tmp_path / "home", code=2)
    custody("init", "--agency", "NL-POL", "--person", " ", home=tmp_path / "home", code=2)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "pass").write_text("words of a file\n")
    done = custody(
        "--passphrase-file",
        tmp_path / "pass",
        "init",
        "--agency",
        "NL-POL",
        "--person",
        "4711",
        "--json",
        home=tmp_path / "home",
    )
    assert json.loads(done.stdout)["agency"] == "NL-POL"
    assert [path.name for path in tmp_path.iterdir() if path.name != "pass"] == ["home"]


def names_in(overview: str) -> list[str]:
    """The commands of a help, from each section but those of options and arguments."""
    names, within_commands = [], False
    for line in overview.partition("Options:")[2].splitlines():
        if line.endswith(":") and line[:1].strip():
            within_commands = True
        elif within_commands and line.startswith("  ") and line[2:3].islower():
            names += [name for name in line.split()[:1] if name.replace("-", "").isalpha()]
    return names


def shown(*arguments: str) -> str:
    code, text, _ = within(*arguments)
    assert code == 0
    return text


def test_help_has_an_example_for_every_command_and_fits_80_columns() -> None:
    overview = shown("--help")
    names = [[name] for name in names_in(overview)]
    assert {"init", "upload", "verify", "serve", "doctor"} <= {name for [name] in names}
    for name in names:
        text = shown(*name, "--help")
        names += [[*name, inner] for inner in names_in(text)]  # groups
        assert "Example:\n    custody " in text, name
        assert max(map(len, text.splitlines())) <= 80, name
    assert ["ipfs", "sync"] in names
    assert "\x1b[" not in overview


def all_anchored(home: Path) -> dict[str, Any]:
    """The status of a home once its server has anchored everything by itself."""
    status: dict[str, Any] = {}

    def asked() -> bool:
        status.update(json.loads(custody("status", "--json", home=home).stdout))
        return bool(status["final"] == status["integrated"])

    wait_until(asked, seconds=30)
    return status


def test_a_served_home_is_found_by_the_other_commands_and_anchors_by_itself(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    home = Path(shutil.copytree(worked["home"], tmp_path / "home"))
    metrics = f"127.0.0.1:{free_port()}"
    with serving(home, "--port", str(free_port()), "--anchor-age", "1", "--metrics", metrics):
        refused = custody("serve", home=home, code=1).stderr
        assert ", which serves it at http://127.0.0.1:" in refused
        (tmp_path / "note.txt").write_text("second item")
        done = json.loads(custody("upload", tmp_path / "note.txt", "--json", home=home).stdout)
        assert done["recorded"] == 1
        status = all_anchored(home)
        with urllib.request.urlopen(f"http://{metrics}/metrics", timeout=10) as answer:
            measured = answer.read().decode()
        assert 'custody_worker_runs_total{result="ok",worker="anchoring"}' in measured
        assert f'custody_log_entries{{state="final"}} {status["final"]}.0' in measured
        # The log is exported beside the process that holds the home.
        custody("log", "export", tmp_path / "log", home=home)
        assert (tmp_path / "log" / "checkpoint").read_text().startswith(status["log"])
        # Two processes on one home: the second serve is refused in plain words.
        assert "in use by process" in custody("serve", home=home, code=1).stderr
        # Looking at it goes on beside the server.
        assert "verdict: verified" in custody("doctor", home=home).stdout
    assert not (home / "server.json").exists()
    assert "ok      log" in custody("doctor", home=home).stdout


def test_ctrl_c_in_an_upload_says_so_leaves_nothing_half_written_and_goes_on_later(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    home = Path(shutil.copytree(worked["home"], tmp_path / "home"))
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(200_000_000))
    with begun("upload", big, home=home) as process:

        def is_well_under_way() -> bool:
            assert process.poll() is None
            packs = (home / "blocks").glob("pack-*.car")
            return sum(pack.stat().st_size for pack in packs) >= 5_000_000

        wait_until(is_well_under_way)
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=60)
    assert process.returncode == 130, message
    assert "an upload goes on where it was" in message
    done = json.loads(custody("upload", big, "--json", home=home).stdout)
    assert done["items"][0]["resumed"]
    assert "ok      content" in custody("doctor", home=home, code=3).stdout
