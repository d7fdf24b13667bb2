"""No name of the API's schema reaches a person."""

from __future__ import annotations

import re

import pytest

from cli.invocation import request_words
from cli.invocation.request_words import TYPED, WRITTEN
from ledger.domain.errors import FormatError, UsageError
from tests.support.openapi import document


def members() -> set[str]:
    """Every member of a request that the API describes, as its refusals name it."""
    whole, found = document(), set[str]()
    for methods in whole["paths"].values():
        for operation in methods.values():
            found |= {
                f"{parameter['in']}.{parameter['name']}"
                for parameter in operation.get("parameters", [])
            }
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema", {})
            if "$ref" in schema:
                name = schema["$ref"].rpartition("/")[2]
                found |= {
                    f"body.{member}"
                    for member in whole["components"]["schemas"][name]["properties"]
                }
    return found


def test_every_member_of_the_api_has_words_or_is_typed_by_nobody() -> None:
    assert members() <= set(TYPED) | WRITTEN
    assert not set(TYPED) & WRITTEN


@pytest.mark.parametrize("place", sorted(TYPED))
def test_what_a_person_typed_is_told_in_their_words(place: str) -> None:
    """`request not understood: path.pseudonym, see /docs` was told to officers."""
    told = request_words.in_words(FormatError(f"request not understood: body.seed, {place}.0"))
    assert isinstance(told, UsageError)
    assert not re.search(r"\b(path|body|query|header)\.|/docs", f"{told.message} {told.hint}")
    assert "expected" in told.message
    assert told.hint


def test_what_no_person_types_is_told_as_a_difference_of_versions() -> None:
    told = request_words.in_words(FormatError("request not understood: body.sealed"))
    assert "different versions" in told.message
    assert "body." not in f"{told.message} {told.hint}"


def test_other_errors_stay_as_they_are() -> None:
    other = FormatError("bundle: 3 bytes")
    assert request_words.in_words(other) is other
