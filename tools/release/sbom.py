"""What comes with a release: a bill of materials in CycloneDX, made of the lock files.

The lock files say which version of what is installed, and what for; the metadata of what is
installed here say under which licence. It names no time and no machine but the commit's.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

NAME: Final = "custody-ledger"
_PINNED: Final = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)")
_VIA: Final = re.compile(r"^    #(?: via|  ) ([a-z0-9][a-z0-9._-]*)(?: \(pyproject\.toml\))?$")
#: The lock files from the smallest to the largest; a package is told with the first that has it.
LOCKS: Final = {
    "base": "requirements-base.lock",
    "client": "requirements-client.lock",
    "node": "requirements.lock",
    "images": "requirements-images.lock",
}


@dataclass(frozen=True, slots=True)
class Pinned:
    """A package of a lock file: its version, and who asks for it."""

    name: str
    version: str
    wanted_by: list[str] = field(default_factory=list)

    @property
    def purl(self) -> str:
        """Its package URL."""
        return f"pkg:pypi/{self.name}@{self.version}"


def read_lock(path: Path) -> dict[str, Pinned]:
    """The packages of a lock file, by name."""
    found: dict[str, Pinned] = {}
    newest: Pinned | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if pinned := _PINNED.match(line):
            newest = found[pinned[1]] = Pinned(pinned[1], pinned[2])
        elif newest is not None and (via := _VIA.match(line)):
            newest.wanted_by.append(via[1])
    return found


def bill(root: Path, version: str, digests: Mapping[str, str], moment: int) -> bytes:
    """The bill of materials of a release.

    Args:
        digests: SHA-256 of the files of the release that it is the bill of, by name.
        moment: seconds since 1970.
    """
    locks = {extra: read_lock(root / name) for extra, name in LOCKS.items()}
    packages = locks["images"] | locks["node"]
    own = f"pkg:pypi/{NAME}@{version}"
    wanted = defaultdict[str, list[str]](list)
    for package in packages.values():
        for parent in package.wanted_by:
            wanted[own if parent == NAME else packages[parent].purl].append(package.purl)
    body: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": NAME,
                "version": version,
                "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "properties": [
                    {"name": f"custody:sha-256:{name}", "value": digest}
                    for name, digest in sorted(digests.items())
                ],
            },
        },
        "components": [_component(package, locks) for _, package in sorted(packages.items())],
        "dependencies": [
            {"ref": ref, "dependsOn": sorted(wanted[ref])}
            for ref in [own, *(package.purl for _, package in sorted(packages.items()))]
        ],
    }
    content = json.dumps(body, sort_keys=True)
    body["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, content).urn
    return json.dumps(body, indent=1, sort_keys=True).encode() + b"\n"


def _component(package: Pinned, locks: Mapping[str, Mapping[str, Pinned]]) -> dict[str, Any]:
    extra = next(extra for extra, lock in locks.items() if package.name in lock)
    return {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "scope": "required" if extra == "base" else "optional",
        "properties": [{"name": "custody:installed-with", "value": extra}],
        **_licences(package),
    }


def _licences(package: Pinned) -> dict[str, Any]:
    """The licence as its authors state it; nothing where another version, or none, is installed."""
    try:
        said: Any = metadata.metadata(package.name)  # a message, whose type is told in part
    except metadata.PackageNotFoundError:
        return {}
    if said["Version"] != package.version:
        return {}
    if expression := said.get("License-Expression"):
        return {"licenses": [{"expression": expression}]}
    classified = [
        line.rpartition(" :: ")[2]
        for line in said.get_all("Classifier") or []
        if line.startswith("License :: ")
    ]
    text = (said.get("License") or "").partition("\n")[0].strip()
    names = classified or ([text] if text else [])
    return {"licenses": [{"license": {"name": name}} for name in names]} if names else {}
