"""Names that Windows takes for something else than a file."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from cli.files import beside
from ledger import system
from ledger.adapters import outputs
from ledger.domain.errors import UnwrittenError
from ledger.domain.files import windows_names

NAMES = {
    "photo.jpg": True, "Café (2).txt": True, "console": True, "com10": True, "a" * 255: True,
    ".hidden": True, "CON": False, "nul.txt": False, "Aux .log": False, "com1": False,
    "LPT¹.x": False, "photo.jpg:stream": False, "..\\keyring.json": False, "C:\\x": False,
    "a/b": False, "what?": False, "a\tb": False, "end.": False, "end ": False, "a" * 256: False,
    "😀" * 128: False,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_that_windows_takes_for_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(system, "WINDOWS", True)
    assert (windows_names.why_not(name) == "") is NAMES[name]
    if "/" not in name and not NAMES[name]:
        with pytest.raises(UnwrittenError, match="Windows"), ExitStack() as stack:
            stack.enter_context(outputs.writing(tmp_path / name, force=False))
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["custody.exe", "PIP.PY", "python3.cmd", "nul.txt", "end.", "mine.pyd"]
)
def test_evidence_that_is_called_like_a_program_is_written_under_a_plain_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """In a working folder cmd starts custody.exe, and `python3 -m pip` imports pip.py."""
    monkeypatch.chdir(tmp_path)
    assert beside.free(name, "item-3f0c1d2e") == Path("item-3f0c1d2e")
    assert beside.free("report of 3 May.docx", "item") == Path("report of 3 May.docx")
