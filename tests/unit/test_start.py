"""What every command pays before it does anything."""

from __future__ import annotations

import subprocess
import sys

from tests.support.commands import ROOT

#: Seconds of imports, for the few commands that ask a chain, make a table or describe the API.
HEAVY = ("web3", "eth", "eth_account", "py_ecc", "alembic", "uvicorn", "requests", "reportlab")


def test_a_command_that_asks_no_chain_imports_none() -> None:
    code = f"import sys, cli.node.session, ledger.app.bootstrap, api.app; print([one for one in {HEAVY!r} if one in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == "[]"
