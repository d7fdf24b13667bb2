"""`make bench`: the main job beside tools that people know, on one machine, in one run; medians of --repeat.

Peers that are not installed are named as absent, never guessed.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CUSTODY = [sys.executable, "-m", "cli.main"]


def timed(
    command: list[str], repeat: int, prepare: list[str] | None = None, environment: dict[str, str] | None = None
) -> tuple[float, int]:
    """(median seconds, peak KiB) of a command."""
    times, peak = [], 0
    for _ in range(repeat):
        if prepare:
            subprocess.run(prepare, check=True)
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
        _, status, usage = os.wait4(process.pid, 0)
        times.append(time.perf_counter() - start)
        if status:
            raise SystemExit(f"{command[0]} failed")
        peak = max(peak, usage.ru_maxrss)
    return statistics.median(times), peak


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="size of the large file")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--files", type=int, default=1000, help="number of 10 KiB files in the folder")
    options = parser.parse_args()
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as name:
        folder = Path(name)
        large = folder / "large.bin"
        with large.open("wb") as file:
            for _ in range(options.mib):
                file.write(os.urandom(1 << 20))
        many = folder / "many"
        many.mkdir()
        for number in range(options.files):
            (many / f"{number:06}").write_bytes(os.urandom(10240))
        passphrase = folder / "passphrase"
        passphrase.write_text("benchmark")
        home = folder / "home"
        custody = [*CUSTODY, "--home", str(home), "--passphrase-file", str(passphrase)]
        subprocess.run([*custody, "init", "--agency", "NL-POL", "--person", "1"], check=True, stdout=subprocess.DEVNULL)
        rows: list[tuple[str, float, int]] = []
        for title, command in (
            ("coreutils sha256sum, large file", ["sha256sum", str(large)]),
            ("openssl dgst -sha256, large file", ["openssl", "dgst", "-sha256", str(large)]),
        ):
            if shutil.which(command[0]):
                rows.append((title, *timed(command, options.repeat)))
            else:
                print(f"absent: {command[0]}")
        if shutil.which("restic"):
            repository = {"RESTIC_REPOSITORY": str(folder / "restic"), "RESTIC_PASSWORD": "x"}
            prepare = ["sh", "-c", f"rm -rf {folder}/restic; RESTIC_REPOSITORY={folder}/restic RESTIC_PASSWORD=x restic init -q"]
            rows.append(("restic backup, large file", *timed(["restic", "backup", "-q", str(large)], options.repeat, prepare, repository)))
        else:
            print("absent: restic")
        rows.append(("custody upload, large file", *timed([*custody, "upload", str(large)], options.repeat)))
        rows.append((f"custody upload, {options.files} files of 10 KiB", *timed([*custody, "upload", str(many)], 1)))
        rows.append(("custody anchor", *timed([*custody, "anchor"], 1)))
        rows.append(("custody --help", *timed([*CUSTODY, "--help"], options.repeat)))
        demo = [*CUSTODY, "demo", str(passphrase), "--output", str(folder / "demo")]
        rows.append(("custody demo, small file", *timed(demo, 1)))
        verify = [*CUSTODY, "verify", str(folder / "demo/evidence.bundle"), str(passphrase), "--trust", str(folder / "demo/trust.json")]
        rows.append(("custody verify, small file", *timed(verify, options.repeat)))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"\n{machine}, {options.mib} MiB, medians of {options.repeat}")
    for title, seconds, peak in rows:
        print(f"{title:<45} {seconds:8.2f} s {peak / 1024:8.0f} MiB")


if __name__ == "__main__":
    main()
