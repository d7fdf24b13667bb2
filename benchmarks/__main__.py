"""`make bench`: the main job beside tools that people know, on one machine, in one run; medians of
--repeat.

Peers that are not installed are named as absent, never guessed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CUSTODY = [sys.executable, "-m", "cli"]


def timed(
    command: list[str],
    repeat: int,
    prepare: list[str] | None = None,
    environment: dict[str, str] | None = None,
) -> tuple[float, int]:
    """(median seconds, peak KiB) of a command."""
    times, peak = [], 0
    for _ in range(repeat):
        if prepare:
            subprocess.run(prepare, check=True)
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
        )
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
    parser.add_argument(
        "--files", type=int, default=10_000, help="number of 10 KiB files in the folder"
    )
    parser.add_argument("--log", type=int, default=10_000_000, help="entries of the largest log")
    parser.add_argument(
        "--only",
        choices=[*PARTS],
        help="one part alone",
    )
    parser.add_argument(
        "--sparse",
        type=int,
        default=0,
        metavar="GIB",
        help="upload, get and verify a sparse file of this size",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="where the sparse file and its home lie; it needs three times the size",
    )
    options = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, {time.strftime('%d %B %Y')}")
    for name, part in PARTS.items():
        if options.only in (None, name):
            part(options)


def history(_: argparse.Namespace) -> None:
    """Items with long histories."""
    from benchmarks.history import bench_history

    with tempfile.TemporaryDirectory() as name:
        for title, figure in bench_history(Path(name)):
            print(f"{title:<62} {figure}", flush=True)


def kubo(options: argparse.Namespace) -> None:
    """Beside IPFS itself."""
    from benchmarks.kubo import bench_kubo

    for title, seconds, peak in bench_kubo(options.mib, options.files, options.repeat):
        show(title, statistics.median(seconds), peak)


def audit(options: argparse.Namespace) -> None:
    """Audits from outside, beside fsck of the same log."""
    from benchmarks.audit import bench_audit

    for size, rate, peak, peer in bench_audit((20_000, 100_000, min(options.log, 500_000))):
        print(
            (
                f"{f'audit of {size:,} entries':<40} {rate:8,.0f} entries/s {peak:6.0f} MiB; "
                f"fsck {peer:,.0f} entries/s"
            ),
            flush=True,
        )


def handovers(options: argparse.Namespace) -> None:
    """One large file between agencies, and many small ones in one command."""
    from benchmarks.handover import bench_handover
    from benchmarks.many_handovers import bench_many

    for title, seconds in bench_handover(min(options.mib, 256)):
        print(f"{title:<62} {seconds:8.2f} s", flush=True)
    for title, seconds, besides in bench_many(options.files):
        print(f"{title:<62} {seconds:8.2f} s {besides}", flush=True)


def inside(options: argparse.Namespace) -> None:
    """The log and the services by themselves."""
    from benchmarks.inside import bench_log, bench_registration

    with tempfile.TemporaryDirectory() as name:
        rows = bench_registration(Path(name))
    with tempfile.TemporaryDirectory() as name:
        rows += bench_log(Path(name), (100_000, 1_000_000, options.log))
    if shutil.which("strace"):
        one, more = fsyncs(1), fsyncs(11)
        rows.append(("fsyncs an event, registered in batches of 256", f"{(more - one) / 2560:.4f}"))
    else:
        print("absent: strace, so fsyncs are not counted")
    for title, figure in rows:
        print(f"{title:<62} {figure}", flush=True)


def fsyncs(rounds: int) -> int:
    """How often a process that registers ``rounds`` batches of 256 events asks for durability."""
    code = (
        "from pathlib import Path; from benchmarks.inside import bench_registration; "
        f"bench_registration(Path('{{}}'), {rounds})"
    )
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "strace"
        command = [
            "strace",
            "-f",
            "-o",
            str(log),
            "-e",
            "trace=fsync,fdatasync",
            sys.executable,
            "-c",
            code.format(name),
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return sum("sync(" in line for line in log.read_text().splitlines())


def sparse(options: argparse.Namespace) -> None:
    """Peak memory of a file far larger than it, where one is asked for."""
    if not options.sparse:
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        (folder / "passphrase").write_text("benchmark")
        with (folder / "sparse.bin").open("wb") as file:
            file.truncate(options.sparse << 30)
        custody = [
            *CUSTODY,
            "--home",
            str(folder / "home"),
            "--passphrase-file",
            str(folder / "passphrase"),
        ]
        subprocess.run(
            [*custody, "init", "--agency", "NL-POL", "--person", "1"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        show(
            f"custody upload, {options.sparse} GiB sparse",
            *timed([*custody, "upload", str(folder / "sparse.bin")], 1),
        )
        evidence = only_item(custody)
        show(
            f"custody get, {options.sparse} GiB",
            *timed([*custody, "get", evidence, "-o", str(folder / "out"), "--basis", "x"], 1),
        )
        (folder / "out").unlink()
        bundle, trust = exported(custody, evidence, folder)
        command = [*CUSTODY, "verify", bundle, str(folder / "sparse.bin"), "--trust", trust]
        show(f"custody verify, {options.sparse} GiB", *timed(command, 1))


def only_item(custody: list[str]) -> str:
    """The item that was uploaded."""
    listed = subprocess.run([*custody, "--json", "list"], check=True, capture_output=True)
    return str(json.loads(listed.stdout)["items"][0]["evidence"])


def exported(custody: list[str], evidence: str, folder: Path) -> tuple[str, str]:
    """Anchor, and write bundle and trust root; their paths."""
    bundle, trust = str(folder / "b.bundle"), str(folder / "trust.json")
    for command in (
        ["anchor"],
        ["bundle", evidence, "-o", bundle, "--basis", "x"],
        ["trust", "-o", trust],
    ):
        subprocess.run([*custody, *command], check=True, stdout=subprocess.DEVNULL)
    return bundle, trust


def show(title: str, seconds: float, peak: int) -> None:
    """One row."""
    print(f"{title:<62} {seconds:8.2f} s {peak / 1024:6.0f} MiB", flush=True)


def commands(options: argparse.Namespace) -> None:
    """Whole commands beside peers."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as name:
        folder = Path(name)
        large, many = made_files(folder, options.mib, options.files)
        peers(folder, large, many, options)
        (folder / "passphrase").write_text("benchmark")
        home = folder / "home"
        custody = [*CUSTODY, "--home", str(home), "--passphrase-file", str(folder / "passphrase")]
        subprocess.run(
            [*custody, "init", "--agency", "NL-POL", "--person", "1"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        shutil.copytree(home, f"{home}.fresh")
        afresh = ["sh", "-c", f"rm -rf {home}; cp -r {home}.fresh {home}"]
        one_large_file(custody, folder, large, options.repeat, afresh)
        subprocess.run(afresh, check=True)
        many_files(custody, many, options)


def made_files(folder: Path, mib: int, files: int) -> tuple[Path, Path]:
    """A large file, and a folder of small ones."""
    large, many = folder / "large.bin", folder / "many"
    with large.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(1 << 20))
    many.mkdir()
    for number in range(files):
        (many / f"{number:06}").write_bytes(os.urandom(10240))
    return large, many


def peers(folder: Path, large: Path, many: Path, options: argparse.Namespace) -> None:
    """Tools that people know, where they are installed."""
    for title, command in (
        ("coreutils sha256sum, large file", ["sha256sum", str(large)]),
        ("openssl dgst -sha256, large file", ["openssl", "dgst", "-sha256", str(large)]),
    ):
        if shutil.which(command[0]):
            show(title, *timed(command, options.repeat))
        else:
            print(f"absent: {command[0]}")
    if not shutil.which("restic"):
        print("absent: restic")
        return
    repository = {"RESTIC_REPOSITORY": str(folder / "restic"), "RESTIC_PASSWORD": "x"}
    settings = " ".join(f"{name}={value}" for name, value in repository.items())
    prepare = ["sh", "-c", f"rm -rf {folder}/restic; {settings} restic init -q"]
    for title, what in (
        ("restic backup, large file", large),
        (f"restic backup, {options.files} files of 10 KiB", many),
    ):
        command = ["restic", "backup", "-q", str(what)]
        show(title, *timed(command, options.repeat, prepare, repository))
    shutil.rmtree(folder / "restic")


def one_large_file(
    custody: list[str], folder: Path, large: Path, repeat: int, afresh: list[str]
) -> None:
    """Upload, verify and get it."""
    show("custody upload, large file", *timed([*custody, "upload", str(large)], repeat, afresh))
    evidence = only_item(custody)
    bundle, trust = exported(custody, evidence, folder)
    verify = [*CUSTODY, "verify", bundle, str(large), "--trust", trust]
    show("custody verify, large file", *timed(verify, repeat))
    alone = [*CUSTODY, "verify", bundle, "--trust", trust]
    show("custody verify, the same bundle alone", *timed(alone, repeat))
    get = [*custody, "get", evidence, "-o", str(folder / "out"), "--basis", "x"]
    show("custody get, large file", *timed(get, 1))
    (folder / "out").unlink()


def many_files(custody: list[str], many: Path, options: argparse.Namespace) -> None:
    """Upload them, and ask for what a home of that size is asked for."""
    upload = [*custody, "upload", str(many)]
    show(f"custody upload, {options.files} files of 10 KiB", *timed(upload, 1))
    show("custody anchor", *timed([*custody, "anchor"], 1))
    show("custody --help", *timed([*CUSTODY, "--help"], options.repeat))
    show("custody list", *timed([*custody, "list"], options.repeat))
    for command in ("audit", "doctor"):
        show(f"custody {command}, {options.files} items", *timed([*custody, command], 1))


def item_map(options: argparse.Namespace) -> None:
    """The map that shows whether an entry is missing."""
    from benchmarks.item_map import bench_item_map

    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        for title, figure in bench_item_map(Path(name), min(options.log, 1_000_000)):
            print(f"{title:<62} {figure}", flush=True)


PARTS = {
    "commands": commands,
    "inside": inside,
    "history": history,
    "item-map": item_map,
    "sparse": sparse,
    "kubo": kubo,
    "audit": audit,
    "handover": handovers,
}


if __name__ == "__main__":
    main()
