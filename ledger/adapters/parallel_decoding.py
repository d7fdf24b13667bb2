"""Entries examined in other processes: signatures are all arithmetic, and one interpreter uses one
core.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import Any

from ledger.domain.audit.log_entry import examine_bundle


@contextmanager
def pool(workers: int | None = None) -> Iterator[Callable[..., Future[list[Any]]]]:
    """A function that runs work in ``workers`` processes, by default as many as there are cores.

    They are started anew, not forked: a fork would inherit locks of threads that it does not have.
    """
    executor = ProcessPoolExecutor(
        workers or os.cpu_count() or 1, mp_context=get_context("spawn"), initializer=_prepare
    )
    try:
        yield executor.submit
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _prepare() -> None:
    import signal
    import threading

    # A parent that is killed tells nobody, and its workers would wait for work for ever.
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers
    examine_bundle(b"", 0, (), {})


def _end_with_the_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)
