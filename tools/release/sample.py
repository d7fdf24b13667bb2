"""A sample of what a court is given: a file, its bundle and a trust root, made by `custody demo`.

Keys and times in it are its own, so it differs from one release to the next.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

FOLDER: Final = "for-the-court"
_BUNDLE: Final = ".bundle"
_TRUST: Final = "trust.json"
_READ: Final = ".html"


class SampleError(Exception):
    """The demonstration left nothing that verifies."""


def make(root: Path, scratch: Path, into: Path) -> Path:
    """Run the demonstration and keep what it leaves for the court.

    Raises:
        SampleError: it failed.
    """
    example, out = root / "docs" / "example.jpg", scratch / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "cli", "demo", str(example), "--output", str(out)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise SampleError(f"the demonstration failed:\n{done.stdout}{done.stderr}")
    folder = into / FOLDER
    shutil.copytree(out / FOLDER, folder)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    folder.chmod(0o755)
    return folder


def command(folder: Path) -> list[str]:
    """The words of the command that verifies a sample, after `custody`, from beside its folder.

    Raises:
        SampleError: it is not one file beside its bundle and a trust root.
    """
    files = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    named = [path for path in files if path.name != _TRUST and path.suffix not in (_BUNDLE, _READ)]
    if len(named) != 1 or not (folder / _TRUST).is_file():
        raise SampleError(
            "expected one file, its bundle and a trust root in the sample, found "
            + ", ".join(path.name for path in files)
        )
    return ["verify", f"{folder.name}/{named[0].name}", "--trust", f"{folder.name}/{_TRUST}"]
