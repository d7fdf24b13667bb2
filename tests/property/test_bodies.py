"""JSON bodies full of what is wrong: refused for little memory and time, and nothing of them is
quoted.
"""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any, get_args

import annotated_types
import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel, FailFast

from api import bodies
from api.app import routes
from ledger.domain.errors import FormatError
from tests.support.desk import Desk

NAME = "witness-jansen-2026-117"
ROUTES = [
    route for route in routes() if isinstance(route, APIRoute) and route.body_field is not None
]
KINDS: dict[str, Any] = {
    one.operation_id or "": one.body_field.field_info.annotation
    for one in ROUTES
    if one.body_field is not None
}


def members(size: int) -> bytes:
    return b",".join(b'"%011d":1 ' % number for number in range(size // 17))


def bomb(shape: str, size: int) -> bytes:
    return {
        "members": b"{" + members(size) + b"}",
        "digests": b'{"bundle":"A","size":1,"digests":{' + members(size) + b"}}",
        "nested": b'{"request":{"answer":[{' + members(size) + b"}]}}",
        "list": b'{"bundle":[' + b",".join([b'"aaaaaaaaaaaaaaa"'] * (size // 18)) + b"]}",
        "cids": b'{"cids":[' + b",".join([b"1" + b" " * 15] * (size // 17)) + b"]}",
        "few cids": b'{"cids":[' + b",".join([b"1"] * 1000) + b"]}",
        "statements": b'{"statements":['
        + b",".join([b'{"statement":1,"document":1,"grants":[1,1,1],"x":1}'] * 250)
        + b"]}",
    }[shape]


def refused(desk: Desk, path: str, body: bytes) -> tuple[int, float]:
    """Status, and peak of memory in bytes."""
    request = httpx.Request(
        "POST", f"http://home{path}", content=body, headers={"Content-Type": "application/json"}
    )
    tracemalloc.start()
    answer = desk.transport.handle_request(request)
    answer.read()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return answer.status_code, peak


@pytest.mark.parametrize("shape", ["members", "digests", "nested", "list", "cids"])
@pytest.mark.parametrize(("path", "size"), [("/v1/verify", 2 << 20), ("/v1/login", 250 << 10)])
def test_a_body_of_wrong_members_does_not_explode(
    path: str, size: int, shape: str, shared_desk: Desk
) -> None:
    """It took 76 times its size, and seconds of everybody's time: pydantic made an error of each."""
    body = bomb(shape, size)
    status, peak = refused(shared_desk, path, body)
    assert status == 400
    assert peak <= 8 * len(body)


@pytest.mark.parametrize("shape", ["members", "cids", "few cids", "statements"])
@pytest.mark.parametrize("operation", sorted(KINDS))
def test_no_route_makes_an_error_of_each_wrong_value(operation: str, shape: str) -> None:
    """Whoever has a session sends the same to other routes: each list tells its first wrong item
    alone.
    """
    body = bomb(shape, 256 << 10)
    tracemalloc.start()
    with pytest.raises(FormatError) as told:
        bodies.judge(body, KINDS[operation])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(told.value.message) < 300
    assert peak <= 8 * max(len(body), 64 << 10)


@pytest.mark.parametrize("operation", sorted(KINDS))
def test_every_list_of_a_body_is_bounded_and_tells_its_first_error(operation: str) -> None:
    """A property of the schemas: a list without it would bring the attack back."""
    for name, metadata in lists(KINDS[operation]):
        assert any(isinstance(one, FailFast) for one in metadata), name
        assert any(isinstance(one, annotated_types.MaxLen) for one in metadata), name


def lists(kind: Any) -> Iterator[tuple[str, list[Any]]]:
    for name, field in kind.model_fields.items():
        if getattr(field.annotation, "__origin__", None) is list:
            yield name, field.metadata
        for get_arg in get_args(field.annotation):
            if isinstance(get_arg, type) and issubclass(get_arg, BaseModel):
                yield from lists(get_arg)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({NAME: 1}, "a member that is not known"),
        (
            {"bundle": "A", "size": 1, "digests": {NAME: 1}},
            "body.digests.a member that is not known",
        ),
        ({"bundle": {NAME: 1}}, "body.bundle"),
        ({"bundle": NAME + "!"}, "body.bundle"),
        (
            {"bundle": "A", "size": 1, "digests": {f"{NAME}-{n}": "" for n in range(100)}},
            "an object of more than",
        ),
    ],
)
def test_an_answer_says_where_and_quotes_nothing_that_was_sent(
    body: dict[str, Any], place: str, shared_desk: Desk
) -> None:
    request = httpx.Request("POST", "http://home/v1/verify", json=body)
    answer = shared_desk.transport.handle_request(request)
    text = answer.read().decode()
    assert answer.status_code == 400
    assert place in json.loads(text)["error"]["message"]
    assert "jansen" not in text


@pytest.mark.parametrize(
    "body",
    [
        b'{"bundle":"A","bundle":"B"}',
        b'{"bundle":"A","size":NaN}',
        b'{"bundle":"\\ud800"}',
        b"\xef\xbb\xbf{}",
    ],
)
def test_a_body_that_two_parsers_could_read_differently_is_refused(
    body: bytes, shared_desk: Desk
) -> None:
    assert refused(shared_desk, "/v1/verify", body)[0] == 400
