"""The wheel and its base in an environment that holds nothing else, as a stranger installs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import ROOT
from tools.release import building


@dataclass(frozen=True)
class Installed:
    """An environment of its own, and a folder that is not the project's to run it from."""

    folder: Path
    python: Path

    @property
    def packages(self) -> Path:
        [found] = (self.folder / "env" / "lib").glob("python3*/site-packages")
        return found

    def run(
        self, *arguments: object, code: int = 0, path: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        settings = {"PATH": os.environ["PATH"], "COLUMNS": "80", "HOME": str(self.folder)}
        done = subprocess.run(
            [self.python, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=settings | ({"PYTHONPATH": str(path)} if path else {}),
            timeout=120,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def custody(self, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "cli", *arguments, code=code)


@pytest.fixture(scope="session")
def slim(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("slim")
    source = building.copy_source(ROOT, folder / "source")
    [wheel] = building.build(source, folder / "dist", building.committed(ROOT), "wheel")
    shutil.rmtree(source)
    venv.create(folder / "env", with_pip=False)
    installed = Installed(folder, folder / "env" / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", str(installed.python), "install", "--quiet"]
    for given in (["--require-hashes", "-r", "requirements-base.lock"], ["--no-deps", str(wheel)]):
        subprocess.run([*pip, *given], check=True, capture_output=True, cwd=ROOT, timeout=280)
    return installed
