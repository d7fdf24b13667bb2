"""What an installation holds: the base verifies, and everything else comes with an extra.

    requirements-base.lock     verifies bundles
    requirements-client.lock   works with a node elsewhere
    requirements.lock          runs a home
    requirements-images.lock   reads what disk images say of themselves, beside any of these

What is missing is told before anybody is asked for a passphrase, with the command that installs it.
Never by the name of the project: on the public package index it is somebody else's.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Final

from ledger.domain.errors import UsageError

#: Commands that run where the base alone is installed.
_BASE: Final = frozenset({"verify", "trust", "profile"})
#: Commands that work on a home itself, or read whole logs.
_NODE: Final = frozenset(
    {
        *(
            "init",
            "serve",
            "log",
            "network",
            "notices",
            "agency",
            "chain",
            "audit",
            "monitor",
            "doctor",
        ),
        *("backup", "restore", "collect", "demo"),
    }
)
#: Modules of other projects, by the extra that brings them; `pyproject.toml` names the projects.
MODULES: Final = {
    "client": frozenset({"jwt"}),
    "node": frozenset(
        {
            *("alembic", "anyio", "eth", "eth_abi", "eth_account", "eth_utils", "fastapi"),
            *("ipfshttpclient", "prometheus_client", "pydantic", "requests", "rlp"),
            *("sqlalchemy", "sqlmodel", "starlette", "trie", "uvicorn", "web3"),
        }
    ),
}
#: A module of each extra that nothing else brings.
_PROBES: Final = {"client": "jwt", "node": "sqlmodel"}
#: The lock that names every package of an extra with its digests, and what the extra is for.
_LOCKS: Final = {
    "client": ("requirements-client.lock", "works with a node elsewhere"),
    "node": ("requirements.lock", "runs a node"),
    "images": ("requirements-images.lock", "reads what disk images say of themselves"),
}
#: What brings an extra in a clone, where a target of its own does.
_IN_A_CLONE: Final = {"images": "make images"}


def require_for(command: str) -> None:
    """Refuse a command whose extra is not installed.

    Raises:
        UsageError: it is not; the hint installs it.
    """
    if command in _BASE:
        return
    extra = "node" if command in _NODE else "client"
    if find_spec(_PROBES[extra]) is None:
        raise missing(extra, f"custody {command}")


def missing_for(error: ModuleNotFoundError) -> UsageError | None:
    """What to say of a module that was not found; None where no extra brings it, which is a
    defect.
    """
    name = (error.name or "").partition(".")[0]
    extra = next((extra for extra, modules in MODULES.items() if name in modules), None)
    return None if extra is None else missing(extra, "this command")


def missing(extra: str, what: str) -> UsageError:
    """That ``what`` needs an extra, and how to install it."""
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    lock, purpose = _LOCKS[extra]
    return UsageError(
        f"{what} needs the packages with which custody {purpose}, which are not installed here",
        # -I: in a folder of evidence, nothing that lies there and is called pip.py is run
        hint=f"in the folder of the release: {python} -I -m pip install --require-hashes -r {lock}"
        f"; in a clone: {_IN_A_CLONE.get(extra, 'make install')}",
    )
