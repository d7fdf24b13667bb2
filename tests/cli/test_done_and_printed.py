"""What was recorded does not depend on whether it could be printed; and a request to end, of
whatever kind, leaves a home tidy.
"""

from __future__ import annotations

import errno
import importlib
import json
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import main
from cli.invocation.global_options import STATE
from cli.node import interrupt
from cli.terminal import output
from ledger.app import settings
from tests.cli.test_output import Stream
from tests.support.commands import begun, custody, within
from tests.support.desk import PASSPHRASE
from tests.support.waiting import wait_until


@pytest.fixture
def at_home(home_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("CUSTODY_PASSPHRASE", PASSPHRASE.decode())
    monkeypatch.setattr(STATE, "json", STATE.json)
    return ["--home", str(home_path)]


def _items(at_home: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    stream = Stream()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        assert main.run([*at_home, "--json", "list"]) == 0
    STATE.json = False
    return len(json.loads(stream.getvalue())["items"])


@pytest.mark.parametrize(
    ("stream", "code", "words"),
    [
        (Stream(refuses=errno.ENOSPC), output.UNPRINTED, "the work was done"),
        (Stream(refuses=errno.EIO), output.UNPRINTED, "do not repeat"),
        (Stream(refuses=errno.EPIPE), 0, ""),
        (Stream("ascii"), 0, ""),
        (None, output.UNPRINTED, "Bad file descriptor"),
    ],
    ids=["full disk", "terminal gone", "closed pipe", "ascii", "closed"],
)
def test_an_upload_is_recorded_once_however_its_result_is_printed(
    at_home: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stream: Stream | None,
    code: int,
    words: str,
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    file = tmp_path / "d\u00e9p\u00f4t \u5199.jpg"
    file.write_bytes(b"x")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        assert output.finish(main.run([*at_home, "upload", str(file)])) == code
    assert words in capsys.readouterr().err
    assert _items(at_home, monkeypatch) == 1
    if stream is not None and not stream.refuses:
        assert "d\\xe9p\\xf4t \\u5199.jpg" in stream.getvalue()


def test_content_written_to_stdout_is_followed_by_nothing(
    at_home: list[str], tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"the evidence\n")
    made = custody(*at_home, "--json", "upload", tmp_path / "a")
    item = json.loads(made.stdout)["items"][0]["evidence"]
    got = custody(*at_home, "get", item, "-o", "/dev/stdout", "--basis", "x")
    assert got.stdout == "the evidence\n"
    assert "same sha-256" in got.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_server_that_is_asked_to_end_takes_its_address_away(
    home_path: Path, number: signal.Signals
) -> None:
    # Under nohup it is ignored.
    listening = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)"
    with begun("serve", "--port", "0", home=home_path, before=listening) as server:
        assert server.stderr is not None
        assert "serving NL-POL" in server.stderr.readline()
        wait_until((home_path / settings.SERVER).exists)
        server.send_signal(number)
        told = server.stderr.read()
        assert server.wait(60) == 0, told
    assert "Traceback" not in told
    assert not (home_path / settings.SERVER).exists()
    shutil.rmtree(home_path)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Signals as a command has them."""
    asking = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in asking}
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(interrupt._State, "asked", 0)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored
    interrupt.install()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("place", ["cli.node.serving.listen", "ledger.adapters.files.write"])
@pytest.mark.usefixtures("installed")
def test_a_server_that_is_asked_to_end_while_it_begins_ends_all_the_same(
    home_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, place: str
) -> None:
    """A service manager that stopped it too early called it failed, and others found an address at
    which nobody was.
    """
    module, name = place.rsplit(".", 1)
    whole, asked = getattr(importlib.import_module(module), name), list[str]()

    def asking(*given: object) -> object:
        done = whole(*given)
        if place.startswith("cli") or given[0] == home_path / settings.SERVER:
            asked.append(place)
            signal.raise_signal(number)
        return done

    monkeypatch.setattr(place, asking)
    code, _, said = within("serve", "--port", "0", home=home_path)
    assert (code, asked) == (0, [place]), said
    assert said.endswith("stopped\n")
    assert not (home_path / settings.SERVER).exists()
