"""Creating a Kubo repository for evidence: private swarm, nothing announced or looked up in public,
everything fsynced.

Each setting and its reason stand in docs/operations.md.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ledger.adapters import files
from ledger.domain.errors import StorageError, UsageError

SWARM_KEY: Final = "swarm.key"
SECRET: Final = "rpc-secret"  # noqa: S105  (a file's name)
#: What a daemon of a private swarm is started with: it refuses to run should its swarm.key be gone.
ENVIRONMENT: Final = {"LIBP2P_FORCE_PNET": "1", "IPFS_TELEMETRY": "off"}
_PROFILES: Final = "server,unixfs-v1-2025"
_KEY: Final = re.compile(rb"/key/swarm/psk/1\.0\.0/\n/base16/\n[0-9a-f]{64}\n?")
_PEER: Final = re.compile(r"(/.+)/p2p/([A-Za-z0-9]+)", re.ASCII)
_TIMEOUT: Final = 60


@dataclass(frozen=True, slots=True)
class Created:
    """A new repository: where it is, who its daemon will be, and where it will answer."""

    path: Path
    peer: str
    api: str
    swarm: str


def create(
    path: Path,
    *,
    swarm_key: Path | None = None,
    api_port: int = 5001,
    listen: str = "/ip4/127.0.0.1/tcp/4001",
    peers: Sequence[str] = (),
    storage_max: str = "1TB",
    binary: str = "ipfs",
) -> Created:
    """Create a repository, whole or not at all.

    Args:
        swarm_key: the key file of an existing swarm; None begins a new swarm.
        listen: multiaddress on which peers of the swarm reach it.
        peers: multiaddresses with /p2p/ID to stay connected to.

    Raises:
        UsageError: something is there already, no `ipfs` was found, or an argument is malformed.
            StorageError: it could not be created.
    """
    files.require_vacant(path, hint="choose another folder for the new repository")
    program = shutil.which(binary)
    if program is None:
        raise UsageError(
            f"no {binary!r} was found", hint="install Kubo, or name its program: --ipfs PATH"
        )
    key = _read_key(swarm_key) if swarm_key is not None else _new_key()
    peering = [_peer(one) for one in peers]
    with files.building(path, what="the repository could not be created") as aside:
        _run(program, aside, "init", "--empty-repo", f"--profile={_PROFILES}")
        secret = f"custody:{secrets.token_urlsafe(32)}"
        config = json.loads((aside / "config").read_bytes())
        _harden(
            config,
            secret,
            api_port=api_port,
            listen=listen,
            peering=peering,
            storage_max=storage_max,
        )
        files.write(aside / "config", json.dumps(config, indent=2).encode() + b"\n")
        files.write(aside / SWARM_KEY, key)
        files.write(aside / SECRET, secret.encode() + b"\n")
        peer = str(config["Identity"]["PeerID"])
    return Created(path, peer, f"/ip4/127.0.0.1/tcp/{api_port}", f"{listen}/p2p/{peer}")


def _run(program: str, repository: Path, *arguments: str) -> None:
    environment = {**os.environ, **ENVIRONMENT, "IPFS_PATH": str(repository)}
    try:
        done = subprocess.run(  # noqa: S603  (the program that the operator named)
            [program, *arguments],
            env=environment,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StorageError(
            f"{program} could not be run: {type(error).__name__}",
            hint="check that it is Kubo's ipfs",
        ) from error
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise StorageError(
            f"ipfs {arguments[0]} failed: {words[-1] if words else done.returncode}",
            hint="check disk and Kubo's version",
        )


def _new_key() -> bytes:
    return f"/key/swarm/psk/1.0.0/\n/base16/\n{secrets.token_hex(32)}\n".encode()


def _read_key(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", hint="copy swarm.key from a node of the swarm"
        ) from error
    if not _KEY.fullmatch(data):
        raise UsageError(f"{path} is no swarm key", hint="copy swarm.key from a node of the swarm")
    return data


def _peer(address: str) -> dict[str, Any]:
    match = _PEER.fullmatch(address)
    if not match:
        raise UsageError(
            f"{address!r} is not a peer",
            hint="expected for example /ip4/10.0.0.2/tcp/4001/p2p/12D3Koo...",
        )
    return {"ID": match[2], "Addrs": [match[1]]}


def _harden(
    config: dict[str, Any],
    secret: str,
    *,
    api_port: int,
    listen: str,
    peering: list[dict[str, Any]],
    storage_max: str,
) -> None:
    off = {"Enabled": False}
    config["Bootstrap"] = []
    config["Routing"] = {"Type": "none"}
    config["Provide"] = dict(off)
    config["Discovery"] = {"MDNS": dict(off)}
    for name in ("AutoConf", "AutoTLS", "HTTPRetrieval"):
        config[name] = dict(off)
    config["DNS"] = {"Resolvers": {}}
    config["Ipns"]["DelegatedPublishers"] = []
    config["AutoNAT"] = {"ServiceMode": "disabled"}
    config["Version"] = {"SwarmCheckEnabled": False}
    config["Plugins"] = {"Plugins": {"telemetry": {"Config": {"Mode": "off"}}}}
    config["Swarm"] |= {
        # the server profile filters private networks, which is where these nodes live
        "AddrFilters": [],
        "DisableNatPortMap": True,
        "RelayClient": dict(off),
        "RelayService": dict(off),
        "Transports": {
            "Network": dict.fromkeys(
                ("QUIC", "WebTransport", "WebRTCDirect", "Websocket", "Relay"), False
            )
        },
    }
    config["Peering"] = {"Peers": peering}
    config["Addresses"] |= {
        "API": f"/ip4/127.0.0.1/tcp/{api_port}",
        "Gateway": [],
        "Swarm": [listen],
        "Announce": [],
        "NoAnnounce": [],
    }
    # Loopback is open to every account of the machine: the RPC can unpin and read everything, so it
    # asks for a secret.
    config["API"] = {
        "HTTPHeaders": {},
        "Authorizations": {
            "custody": {"AuthSecret": f"basic:{secret}", "AllowedPaths": ["/api/v0"]}
        },
    }
    config["Datastore"]["StorageMax"] = storage_max
    _sync(config["Datastore"]["Spec"])


def _sync(spec: dict[str, Any]) -> None:
    """Turn on fsync in every flatfs of a datastore: Kubo's default writes blocks without it."""
    if spec.get("type") == "flatfs":
        spec["sync"] = True
    for child in [*spec.get("mounts", []), *([spec["child"]] if "child" in spec else [])]:
        _sync(child)
