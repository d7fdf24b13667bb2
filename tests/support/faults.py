"""Doubles at the ports that let one chosen call fail: before it does anything, or after it did and
the answer is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fault:
    """Counts calls; the one numbered ``at`` fails with ``error``. 0 lets all pass."""

    at: int = 0
    error: Exception | None = None
    after: bool = False
    count: int = 0
    names: list[str] = field(default_factory=list)

    def arm(self, at: int, error: Exception | None = None, *, after: bool = False) -> None:
        self.at, self.error, self.after, self.count, self.names = at, error, after, 0, []

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        self.count += 1
        self.names.append(name)
        mine = self.count == self.at
        if mine and not self.after:
            assert self.error is not None
            raise self.error
        yield
        if mine:
            assert self.error is not None
            raise self.error


class Faulty:
    """Any adapter; attributes that are no methods pass through."""

    def __init__(self, target: Any, fault: Fault, *, skip: tuple[str, ...] = ("close",)) -> None:
        self.__dict__.update(_target=target, _fault=fault, _skip=skip)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._target, name, value)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if not callable(found) or name in self._skip:
            return found

        def called(*arguments: Any, **options: Any) -> Any:
            with self._fault.call(name):
                return found(*arguments, **options)

        return called


class FaultyUnit:
    """A unit of work: every call of every repository may fail."""

    def __init__(self, unit: Any, fault: Fault) -> None:
        self._unit, self._fault = unit, fault

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._unit, name)
        return found if name.startswith("_") or callable(found) else Faulty(found, self._fault)


class FaultyRecords:
    """The database: every read, write and commit may fail."""

    def __init__(self, target: Any, fault: Fault) -> None:
        self._target, self._fault = target, fault

    @contextmanager
    def read(self) -> Iterator[Any]:
        with self._target.read() as unit:
            yield FaultyUnit(unit, self._fault)

    @contextmanager
    def write(self) -> Iterator[Any]:
        if self._fault.after:  # the commit is done, and its answer is lost
            with self._target.write() as unit:
                yield FaultyUnit(unit, self._fault)
            with self._fault.call("commit"):
                pass
        else:
            with self._target.write() as unit:
                yield FaultyUnit(unit, self._fault)
                with self._fault.call("commit"):
                    pass

    @contextmanager
    def snapshot(self) -> Iterator[Any]:
        with self._target.snapshot() as moment:
            yield FaultyRecords(moment, self._fault)

    def scratch(self) -> Any:
        return self._target.scratch()

    def close(self) -> None:
        self._target.close()
