"""Loads every module of the program: imported once, by the process that commands are forked from
(tests/support/forked.py).
"""

from __future__ import annotations

import gc
import importlib
import pkgutil

import api
import cli
import ledger
from cli import main
from tests.support import stretching

_SKIPPED = (".migrations", ".__main__")  # run, not imported


def _load() -> None:
    for package in (ledger, api, cli):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not any(part in module.name for part in _SKIPPED):
                importlib.import_module(module.name)


_load()
main.tree()
stretching.remember()
gc.freeze()  # a fork's collections leave the pages that it shares alone
