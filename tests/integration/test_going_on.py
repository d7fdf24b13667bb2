"""Uploads that were interrupted: one item, and what is recorded is what the last successful command
said.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters import profiles
from ledger.app import field_folder
from ledger.client.intake.upload import Upload, UploadOptions, UploadResult
from ledger.client.intake.upload_request import RESTART, RESUME
from ledger.domain.errors import (
    ConflictError,
    DemandError,
    InterruptedUploadError,
    NetworkError,
    RuleError,
    UsageError,
)
from tests.support.desk import Desk
from tests.support.faults import Fault, Faulty


class Killed(BaseException):
    """As SIGKILL or SIGTERM: nothing behind it runs."""


class Tries:
    """Uploads over a node and a journal of which one call fails."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.fault = Fault()

    def upload(
        self,
        *paths: Path,
        case: str,
        interrupted: str = "refuse",
        node: Any = None,
        told: bool = True,
    ) -> list[UploadResult]:
        journal = field_folder.journal_of(self.desk.path, self.desk.home.keyring)
        options = UploadOptions(
            {"identifiers": [{"scheme": "case", "value": case}]}, interrupted=interrupted
        )
        run = Upload(
            self.desk.person,
            node or Faulty(self.desk.client, self.fault),
            Faulty(journal, self.fault, skip=("close", "append")),
            self.desk.clock,
            options,
        )
        done = list(run.run(list(paths), until_told=True))
        if told:
            run.told()
        else:
            run._outbox.close()
        return done

    def each_step(self, make: Callable[[int], Path], *, after: bool) -> Iterator[Path]:
        """Interrupt an upload for case OLD at its first step, at its second, and so on; the last
        time just before it is told of.
        """
        for at in range(1, 100):
            path, ended = make(at), False
            self.fault.arm(at, Killed(), after=after)
            try:
                self.upload(path, case="OLD", told=False)
            except Killed:
                pass
            else:
                ended = True
            self.fault.arm(0)
            yield path
            if ended:
                assert at > 5
                return
        raise AssertionError("it never ended")

    def count(self) -> int:
        return len(list(self.desk.client.items()))

    def of(self, case: str) -> set[str]:
        return set(self.desk.client.search("case", case))


@pytest.fixture
def tries(desk: Desk) -> Tries:
    return Tries(desk)


@pytest.fixture
def file_of(tmp_path: Path, rng: random.Random) -> Callable[[int], Path]:
    def make(number: int) -> Path:
        path = tmp_path / f"photo-{number}"
        path.write_bytes(rng.randbytes(1_200_000))
        return path

    return make


AFTER = pytest.mark.parametrize("after", [False, True], ids=["before", "answer lost"])


@AFTER
def test_interrupted_at_any_step_the_same_command_again_records_one_item(
    tries: Tries, file_of: Callable[[int], Path], after: bool
) -> None:
    for number, path in enumerate(tries.each_step(file_of, after=after), 1):
        [item] = tries.upload(path, case="OLD")
        assert tries.count() == number
        assert item.evidence in tries.of("OLD")
        assert not list((tries.desk.path / "client" / "journal").glob("*"))


@AFTER
def test_interrupted_at_any_step_other_details_are_asked_about_and_the_last_command_is_what_is_recorded(
    tries: Tries, file_of: Callable[[int], Path], after: bool
) -> None:
    asked = recorded = 0
    for number, path in enumerate(tries.each_step(file_of, after=after), 1):
        before, error = tries.of("OLD"), None
        try:
            [item] = tries.upload(path, case="NEW")
        except InterruptedUploadError as raised:
            error = raised
        if error is not None:
            asked += 1
            assert error.tops == (str(path),)
            if error.recorded:
                recorded += 1
                with pytest.raises(InterruptedUploadError, match="after it had been recorded"):
                    tries.upload(path, case="NEW", interrupted=RESTART)
                [item] = tries.upload(path, case="whatever", interrupted=RESUME)
                assert item.evidence == error.recorded
                assert item.evidence in before
                assert tries.count() == number
                continue
            [item] = tries.upload(path, case="NEW", interrupted=RESTART)
        assert item.evidence in tries.of("NEW")
        assert item.evidence not in tries.of("OLD")
        assert tries.count() == number
    assert asked > recorded > 0


def test_go_on_as_before_records_the_details_of_then(
    tries: Tries, file_of: Callable[[int], Path]
) -> None:
    path = file_of(1)
    tries.fault.arm(5, Killed())
    with pytest.raises(Killed):
        tries.upload(path, case="OLD")
    tries.fault.arm(0)
    [item] = tries.upload(path, case="", interrupted=RESUME)
    assert tries.of("OLD") == {item.evidence}
    with pytest.raises(UsageError, match="no upload of"):
        tries.upload(path, case="", interrupted=RESUME)


def test_a_request_that_arrives_late_after_a_restart_makes_no_second_item(
    tries: Tries, file_of: Callable[[int], Path]
) -> None:
    """The connection was cut, the node did not have it yet when it was asked, and the old request
    arrives all the same.
    """
    path, held = file_of(1), []

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(tries.desk.client, name)

        def register(self, submissions: list[dict[str, Any]]) -> Any:
            held.append(submissions)
            raise NetworkError("timed out")

    with pytest.raises(NetworkError):
        tries.upload(path, case="OLD", node=Slow())
    [item] = tries.upload(path, case="NEW", interrupted=RESTART)
    with pytest.raises(ConflictError, match="known under that name already"):
        tries.desk.client.register(held[0])
    assert tries.of("NEW") == {item.evidence}
    assert tries.count() == 1


def test_a_folder_that_is_interrupted_at_any_step_is_one_folder(
    tries: Tries, tmp_path: Path, rng: random.Random
) -> None:
    def make(number: int) -> Path:
        folder = tmp_path / f"folder-{number}"
        folder.mkdir()
        (folder / "a").write_bytes(rng.randbytes(1000))
        (folder / "b").write_bytes(rng.randbytes(1000))
        return folder

    for number, path in enumerate(tries.each_step(make, after=True), 1):
        items = tries.upload(path, case="OLD")
        assert len(items) == 3
        assert tries.count() == 3 * number


def test_a_first_try_that_the_node_refused_blocks_nothing(
    tries: Tries, file_of: Callable[[int], Path]
) -> None:
    path = file_of(1)

    class Refusing:
        def __getattr__(self, name: str) -> Any:
            return getattr(tries.desk.client, name)

        def register(self, submissions: object) -> None:
            raise RuleError("against some rule")

    for case in ("OLD", "OLD", "OTHER"):
        with pytest.raises(RuleError):
            tries.upload(path, case=case, node=Refusing())
    [item] = tries.upload(
        path, case="NEW"
    )  # nobody is asked: the node has said that it did not take the old one
    assert tries.of("NEW") == {item.evidence}
    assert tries.count() == 1


def test_what_was_refused_and_is_recorded_all_the_same_is_one_item_by_its_receipt(
    tries: Tries, file_of: Callable[[int], Path]
) -> None:
    path = file_of(1)

    class Confused:
        def __getattr__(self, name: str) -> Any:
            return getattr(tries.desk.client, name)

        def register(self, submissions: list[dict[str, Any]]) -> None:
            tries.desk.client.register(submissions)
            raise RuleError("against some rule")

    for _ in range(2):
        with pytest.raises(RuleError):
            tries.upload(path, case="OLD", node=Confused())
    [item] = tries.upload(path, case="OLD")
    assert item.index == tries.desk.client.item(item.evidence).index
    assert tries.of("OLD") == {item.evidence}
    assert tries.count() == 1


def test_a_name_that_a_late_request_took_keeps_nobody_from_recording_the_file(
    tries: Tries, file_of: Callable[[int], Path]
) -> None:
    path, held = file_of(1), list[Any]()

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(tries.desk.client, name)

        def register(self, submissions: list[dict[str, Any]]) -> Any:
            if not held:
                held.append(submissions)
                raise NetworkError("timed out")
            tries.desk.client.register(held[0])  # arrives just before what took its place
            return tries.desk.client.register(submissions)

    with pytest.raises(NetworkError):
        tries.upload(path, case="OLD", node=Slow())
    slow = Slow()
    with pytest.raises(ConflictError, match="known under that name already"):
        tries.upload(path, case="NEW", interrupted=RESTART, node=slow)
    [item] = tries.upload(path, case="NEW")
    assert tries.of("NEW") == {item.evidence}
    assert tries.of("OLD") != {item.evidence}
    assert tries.desk.get(item.evidence) == path.read_bytes()


def test_the_profile_is_asked_for_all_that_it_lacks_before_a_byte_is_read(
    tries: Tries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.adapters.node.client._KEPT", 0)  # it has another profile now
    tries.desk.node.profile = profiles.load("nl")
    read: list[int] = []
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"x")

    def run(members: dict[str, Any]) -> None:
        journal = field_folder.journal_of(tries.desk.path, tries.desk.home.keyring)
        list(
            Upload(
                tries.desk.person,
                tries.desk.client,
                journal,
                tries.desk.clock,
                UploadOptions(members),
                read.append,
            ).run([path])
        )

    with pytest.raises(DemandError) as error:
        run({"occurred": {"from": "2020-01-01T00:00:00Z"}})
    assert error.value.pointers == ("/identifiers", "/basis/purpose", "/late")
    with pytest.raises(UsageError, match="handling"):
        run({"handling": ["Not A Code"]})
    assert read == []
    assert tries.count() == 0
    run({"identifiers": [{"scheme": "case", "value": "1"}], "basis": {"purpose": "search"}})
    assert tries.count() == 1


def test_a_file_that_changed_after_its_record_was_lost_is_a_second_item_and_told(
    tries: Tries, file_of: Callable[[int], Path]
) -> None:
    path = file_of(1)
    node = Faulty(tries.desk.client, tries.fault)

    class Lost:
        def __getattr__(self, name: str) -> Any:
            return getattr(node, name)

        def register(self, submissions: Any) -> None:
            tries.desk.client.register(submissions)
            raise NetworkError("connection reset")

    with pytest.raises(NetworkError):
        tries.upload(path, case="OLD", node=Lost())
    [first] = tries.of("OLD")
    path.write_bytes(b"something else")
    journal = field_folder.journal_of(tries.desk.path, tries.desk.home.keyring)
    options = UploadOptions({"identifiers": [{"scheme": "case", "value": "OLD"}]})
    run = Upload(tries.desk.person, tries.desk.client, journal, tries.desk.clock, options)
    [second] = list(run.run([path]))
    assert tries.of("OLD") == {first, second.evidence}
    assert first in run.notices[0]
    assert tries.desk.get(second.evidence) == b"something else"
