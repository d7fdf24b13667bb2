"""JSON bodies, judged in one place before anything else looks at them: refused early, or a model of
ours.

- what is refused costs little: values and members are counted before the text is parsed, members of
  one object while it is, and of what pydantic finds wrong each list tells the first item alone
  (``FailFast`` in the schemas): an error takes a hundred times what it is about
- what is refused is not quoted: answers name members that the schema declares, never names or
  values that were sent
- long bodies are judged in a thread, so that everybody else is answered meanwhile
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, get_args

from fastapi import Request
from pydantic import BaseModel, ValidationError

from ledger.domain.codecs import strict_json
from ledger.domain.errors import FormatError

SHORT: Final = 16 << 10  # bytes that are judged within a millisecond, on the event loop
_FREE_VALUES: Final = 1024  # values in a JSON body of any size
# bytes of a body for each further one; in lists of ours a CID takes 62, the shortest disclosure 50
_VALUE: Final = 48
_MOST_VALUES: Final = 1 << 16  # 256 statements with 64 disclosures and 64 grants each have 34,048
_MOST_MEMBERS: Final = 4096  # of all objects together: 256 statements have 1,025
_MEMBERS: Final = 32  # of one object; digests are the only ones whose names a sender chooses
_PLACES: Final = 200  # letters of an answer that say where


def require_sober(data: bytes) -> None:
    """Refuse JSON of many tiny values before it is parsed: each costs a hundred bytes of memory,
    whatever it takes on the wire.

    Raises:
        FormatError: more values than any request of ours has for its size, or more members than any
            has.
    """
    if sum(data.count(mark) for mark in (b",", b"[", b"{")) > min(
        _FREE_VALUES + len(data) // _VALUE, _MOST_VALUES
    ):
        raise FormatError("request not understood: too many values for its size")
    if data.count(b":") > _MOST_MEMBERS:
        raise FormatError("request not understood: too many members")


def judge(data: bytes, kind: type[BaseModel]) -> BaseModel:
    """What a body says.

    Raises:
        FormatError: no strict JSON, or not what ``kind`` expects; says where, and nothing that was
            sent.
    """
    require_sober(data)
    value = strict_json.parse(
        data, what="request not understood", limit=len(data), members=_MEMBERS
    )
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        known = set(_names(kind))
        found = error.errors(include_url=False, include_context=False, include_input=False)
        places = ", ".join(sorted({_place(one["loc"], known) for one in found}))
    raise FormatError(
        f"request not understood: {places[:_PLACES]}", hint="see /docs for what is expected"
    )


class JudgedRequest(Request):
    """A request whose body was read and judged: FastAPI gets the model in place of JSON, and has
    nothing left to parse or to refuse.
    """

    def __init__(self, request: Request, model: BaseModel) -> None:
        super().__init__(request.scope, request.receive)
        self._model = model

    async def body(self) -> bytes:
        """Something, which says that there is a body."""
        return b"{}"

    async def json(self) -> Any:
        """The model."""
        return self._model


def _place(parts: tuple[int | str, ...], known: set[str]) -> str:
    told = ["body"]
    for part in parts:
        if isinstance(part, int):
            continue
        if part not in known:
            told.append("a member that is not known")
            break
        told.append(part)
    return ".".join(told)


def _names(kind: Any) -> Iterator[str]:
    """Members that a model declares, and those of models in it."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield field.alias or name
            yield from _names(field.annotation)
    else:
        for part in get_args(kind):
            yield from _names(part)
