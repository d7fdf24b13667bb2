"""What a value from outside must look like, written as data, and one check for all of it.

A shape is: ``str``, ``int``, ``bool``, ``float`` (any number), ``dict``, ``list`` or ``object``
(anything); a ``range`` for an integer within it; a compiled pattern for text that matches it whole;
``[shape]`` for a list of such; ``{"name": shape}`` for an object with at least these members;
``Maybe`` and ``Each`` for the rest. A dataclass is the shape that the types of its fields say, and
``Annotated[type, shape]`` says it more closely; what fits one becomes a value of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, is_dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from ledger.domain.errors import FormatError

#: Seconds since 1970 that are a date at all.
MOMENT: Final = range(253_402_300_800)
#: A count, size, index or block number.
COUNT: Final = range(2**53)
_WORDS: Final[dict[Any, str]] = {
    str: "text",
    int: "an integer",
    bool: "true or false",
    float: "a number",
    dict: "an object",
    list: "a list",
}


@dataclass(frozen=True, slots=True)
class Maybe:
    """Null, or of this shape; a member that is absent is read as null."""

    shape: Any


@dataclass(frozen=True, slots=True)
class Each:
    """An object with whatever names, each of its members of this shape."""

    shape: Any


def fit(value: Any, shape: Any, *, what: str) -> Any:
    """Return ``value`` after checking that it has a shape.

    Returns:
        the same value, with values of dataclasses where the shape names them.

    Raises:
        FormatError: it has not; the message names the place, never what stands there.
    """
    if isinstance(shape, Maybe):
        return value if value is None else fit(value, shape.shape, what=what)
    if isinstance(shape, list | tuple):
        made = type(shape)
        return made(fit(one, shape[0], what=f"{what}[]") for one in _typed(value, list, what))
    if isinstance(shape, Each):
        members = _typed(value, dict, what).items()
        return {name: fit(member, shape.shape, what=f"{what}.*") for name, member in members}
    if isinstance(shape, dict):
        return _members(value, shape, what)
    if isinstance(shape, type) and is_dataclass(shape):
        fields = _fields(shape)
        found = _members(value, fields, what)
        return shape(**{name: found[name] for name in fields})
    if isinstance(shape, range):
        if _typed(value, int, what) not in shape:
            raise FormatError(f"{what}: an integer out of range")
        return value
    if isinstance(shape, re.Pattern):
        if not shape.fullmatch(_typed(value, str, what)):
            raise FormatError(f"{what}: text of another form")
        return value
    return _typed(value, shape, what)


@cache
def _fields(kind: Any) -> dict[str, Any]:
    """The shape of each field of a dataclass."""
    hints = get_type_hints(kind, include_extras=True)
    return {name: _of_type(hint) for name, hint in hints.items()}


def _of_type(hint: Any) -> Any:
    """The shape that the type of a field says."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind is Annotated:
        return inner[1]
    if kind in (Union, UnionType):  # of a type and None
        return Maybe(_of_type(inner[0]))
    if kind is tuple:
        return (_of_type(inner[0]),)
    if kind is dict:
        return Each(_of_type(inner[1]))
    return object if hint is Any else hint


def _members(value: Any, shape: dict[str, Any], what: str) -> Any:
    _typed(value, dict, what)
    for name, inner in shape.items():
        if name not in value and not isinstance(inner, Maybe):
            raise FormatError(f"{what}: no member {name}")
        value[name] = fit(value.get(name), inner, what=f"{what}.{name}")
    return value


def _typed(value: Any, kind: Any, what: str) -> Any:
    kinds = (int, float) if kind is float else kind
    if not isinstance(value, kinds) or (isinstance(value, bool) and kind in {int, float}):
        raise FormatError(f"{what}: expected {_WORDS.get(kind, kind)}")
    return value
