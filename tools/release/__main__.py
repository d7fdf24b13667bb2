"""`make release`: build twice and compare, list what comes with it, make a sample, sign.

Nothing stands in the folder of the release before all of it is there.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from ledger import __version__
from ledger.adapters import files
from ledger.domain.errors import CustodyError
from tools.release import building, sample, sbom, signing
from tools.release.notes import NotesError, notes

ROOT: Final = Path(__file__).parents[2]
_KINDS: Final = ("wheel", "sdist")


class ReleaseError(Exception):
    """There is no release, and why."""


def main() -> int:
    """Make a release; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("--key", default="", help="the file of an SSH key")
    parser.add_argument("--output", type=Path, default=Path("release-out"))
    given = parser.parse_args()
    try:
        key = signing.require_key(given.key)
        allowed = signing.allowed(key)
        require_clean()
        with tempfile.TemporaryDirectory(prefix="custody-release-") as scratch:
            made = assemble(Path(scratch))
            signing.sign(signing.write_sums(made), key)
            files.renew_folder(given.output, "make release")
            shutil.copytree(made, given.output, dirs_exist_ok=True)
    except (
        *(ReleaseError, signing.SigningError, sample.SampleError, NotesError, CustodyError),
        OSError,
    ) as error:
        print(f"make release: {error}", file=sys.stderr)
        return 1
    print(f"{given.output}: custody {__version__}, built twice, the same bytes")
    print("publish this line apart from the release, as docs/install.md says:", allowed, sep="\n")
    return 0


def require_clean() -> None:
    """Refuse a folder that is not what was committed: nobody could build it again.

    Raises:
        ReleaseError: it is not.
    """
    if changed := building.changed(ROOT):
        raise ReleaseError("commit first, these files differ:\n" + "\n".join(changed))


def assemble(scratch: Path) -> Path:
    """The folder of a release but for its checksums.

    Raises:
        ReleaseError: two builds differ, or the sample does not verify.
    """
    moment = building.committed(ROOT)
    made, again = (build(scratch / name, moment) for name in ("first", "second"))
    for one, other in zip(made, again, strict=True):
        if one.read_bytes() != other.read_bytes():
            raise ReleaseError(f"two builds of {one.name} differ: it cannot be built again")
    into = scratch / "release"
    into.mkdir()
    digests = {path.name: signing.digest(path) for path in made}
    for path in [*made, *(ROOT / name for name in sbom.LOCKS.values())]:
        shutil.copyfile(path, into / path.name)
    bill = sbom.bill(ROOT, __version__, digests, moment)
    (into / f"custody_ledger-{__version__}.cdx.json").write_bytes(bill)
    said = notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), __version__)
    (into / "RELEASE-NOTES.md").write_text(said, encoding="utf-8")
    folder = sample.make(ROOT, scratch, into)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cli", *sample.command(folder)],
        cwd=into,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ReleaseError(f"the sample does not verify:\n{done.stdout}{done.stderr}")
    return into


def build(scratch: Path, moment: int) -> list[Path]:
    """Wheel and source archive, built in a folder of their own."""
    source = building.copy_source(ROOT, scratch / "source")
    return building.build(source, scratch / "dist", moment, *_KINDS)


if __name__ == "__main__":
    sys.exit(main())
