"""A release made in a clone, and an environment in which nothing but it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from ledger import __version__
from tests.support.commands import ROOT
from tools.release import building

WHEEL = f"custody_ledger-{__version__}-py3-none-any.whl"
SOURCE = f"custody_ledger-{__version__}.tar.gz"


def key_in(folder: Path) -> Path:
    """A throw-away key."""
    path = folder / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def git(folder: Path, *words: str) -> None:
    settings = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    who = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
    command = ["git", *who, *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=settings)


def release(clone: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tools.release", *words],
        cwd=clone,
        env={**os.environ, "PYTHONPATH": str(clone)},
        capture_output=True,
        text=True,
        timeout=280,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def cloned(folder: Path) -> Path:
    """The files of this folder, as they are, committed in another one."""
    building.copy_source(ROOT, folder, new=True)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "as it is")
    return folder


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

    def alone(self, *arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run without a network, where the system lets us, from another folder."""
        apart = ["unshare", "-rn"]
        if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode != 0:
            apart = []
        done = subprocess.run(
            [*apart, self.python, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            timeout=120,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def custody(self, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "cli", *arguments, code=code)


def install(folder: Path, release: Path) -> Installed:
    """Install the base and the wheel of a release in an empty environment."""
    venv.create(folder / "env", with_pip=False)
    installed = Installed(folder, folder / "env" / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", str(installed.python), "install", "--quiet"]
    for given in (["--require-hashes", "-r", "requirements-base.lock"], ["--no-deps", WHEEL]):
        subprocess.run([*pip, *given], check=True, capture_output=True, cwd=release, timeout=280)
    return installed
