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
_READ: Final = (".html", ".txt", ".md", ".svg", ".pdf")


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
        SampleError: it is not one bundle, one trust root and one file.
    """
    files = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    bundles = [path for path in files if path.suffix == _BUNDLE]
    roots = [path for path in files if path.name == _TRUST]
    others = [path for path in files if path not in [*bundles, *roots] and path.suffix not in _READ]
    if [len(bundles), len(roots), len(others)] != [1, 1, 1]:
        raise SampleError(
            "expected one bundle, one trust root and one file in the sample, found "
            + ", ".join(path.name for path in files)
        )
    bundle, trust, file = (
        f"{folder.name}/{path.name}" for path in (bundles[0], roots[0], others[0])
    )
    return ["verify", bundle, file, "--trust", trust]
