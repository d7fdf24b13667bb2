"""Calls and errors of our contracts, encoded with the ABI that ships in the package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, Final

from ledger.adapters.recursion_limit import limited
from ledger.domain.errors import ChainError

# web3 and what it brings are imported where they are used: most of a second that only calls of the
# chain should cost.
CONTRACTS = ("AgencyRegistry", "EvidenceLedger")
_LONGEST: Final = 300  # characters of an error of ours: a digest takes 66


@cache
def artifact(name: str) -> dict[str, Any]:
    """ABI, bytecode and storage layout of a contract, as compiled from contracts/."""
    file = resources.files("ledger.adapters.chain").joinpath(f"artifacts/{name}.json")
    value: dict[str, Any] = json.loads(file.read_bytes())
    return value


@cache
def _codec() -> Any:
    """web3's encoder and decoder, without a provider: no chain is asked here."""
    with limited():
        from web3 import Web3
        from web3.providers.base import BaseProvider
    return Web3(BaseProvider()).codec


@cache
def _function(name: str, function: str) -> tuple[bytes, list[str], list[str]]:
    """Selector, input types and output types of a function."""
    from eth_utils import abi

    [entry] = abi.filter_abi_by_name(function, _entries(name, "function"))
    selector = abi.function_abi_to_4byte_selector(entry)
    return selector, abi.get_abi_input_types(entry), abi.get_abi_output_types(entry)


def _entries(name: str, kind: str) -> Any:
    return [entry for entry in artifact(name)["abi"] if entry["type"] == kind]


def encode_call(name: str, function: str, *arguments: Any) -> bytes:
    """Calldata of ``function`` of contract ``name``."""
    selector, inputs, _ = _function(name, function)
    return bytes(selector + _codec().encode(inputs, list(arguments)))


def decode_call(name: str, data: bytes) -> tuple[str, tuple[Any, ...]]:
    """Function and arguments of calldata.

    Raises:
        ChainError: no call of contract ``name``.
    """
    for entry in _entries(name, "function"):
        selector, inputs, _ = _function(name, entry["name"])
        if selector == data[:4]:
            return entry["name"], _decode(inputs, data[4:], f"a call of {entry['name']}")
    raise ChainError(f"no call of {name}")


def decode_result(name: str, function: str, data: bytes) -> tuple[Any, ...]:
    """Results of a call.

    Raises:
        ChainError: the data are none of this function's.
    """
    what = f"the chain's answer to {function} of {name}"
    return _decode(_function(name, function)[2], data, what)


def _decode(types: Sequence[str], data: bytes, what: str) -> tuple[Any, ...]:
    from eth_abi.exceptions import DecodingError

    try:
        return tuple(_codec().decode(types, data))
    except (
        DecodingError,
        ValueError,
        OverflowError,
    ) as error:  # of text that is none, and of lengths beyond any memory
        raise ChainError(f"{what} cannot be decoded", hint="check addresses and RPC") from error


def constructor(name: str, *arguments: Any) -> bytes:
    """Creation code with its arguments."""
    from eth_utils.abi import get_abi_input_types

    code = bytes.fromhex(artifact(name)["bytecode"][2:])
    types = [kind for entry in _entries(name, "constructor") for kind in get_abi_input_types(entry)]
    return bytes(code + _codec().encode(types, list(arguments)))


@cache
def _events(name: str) -> dict[bytes, tuple[str, list[tuple[str, str]], list[tuple[str, str]]]]:
    """By topic: name, indexed and other inputs as (name, type)."""
    from eth_utils import abi

    found = {}
    for entry in _entries(name, "event"):
        kinds = abi.get_abi_input_types(entry)
        inputs = [
            (parameter["indexed"], parameter["name"], kind)
            for parameter, kind in zip(entry["inputs"], kinds, strict=True)
        ]
        found[abi.event_abi_to_log_topic(entry)] = (
            entry["name"],
            [(label, kind) for indexed, label, kind in inputs if indexed],
            [(label, kind) for indexed, label, kind in inputs if not indexed],
        )
    return found


def decode_event(
    name: str, topics: Sequence[bytes], data: bytes
) -> tuple[str, dict[str, Any]] | None:
    """Name and values of an event of contract ``name``; None for one that it does not declare.

    Raises:
        ChainError: topics and data are not what the event has.
    """
    known = _events(name).get(topics[0]) if topics else None
    if known is None:
        return None
    event, indexed, others = known
    if len(topics) != 1 + len(indexed):
        raise ChainError(f"the chain shows an event {event} with {len(topics)} topics")
    what = f"an event {event} of the chain"
    values = {
        label: _decode([kind], topic, what)[0]
        for (label, kind), topic in zip(indexed, topics[1:], strict=True)
    }
    found = _decode([kind for _, kind in others], data, what)
    return event, values | {label: value for (label, _), value in zip(others, found, strict=True)}


@cache
def _errors() -> dict[bytes, tuple[str, list[str]]]:
    from eth_utils import abi

    return {
        abi.function_signature_to_4byte_selector(abi.abi_to_signature(entry)): (
            entry["name"],
            abi.get_abi_input_types(entry),
        )
        for name in CONTRACTS
        for entry in _entries(name, "error")
    }


def explain_revert(data: bytes) -> str:
    """The custom error in revert data, with its values; hex where it is none of ours. At most a
    few hundred characters: it is told in states and logs, and a node of the chain may say anything.
    """
    name, types = _errors().get(data[:4], ("", []))
    if not name:
        return f"reverted with 0x{_short(data.hex())}" if data else "reverted without a reason"
    try:
        values = _decode(types, data[4:], name)
    except ChainError:
        return name
    shown = ["0x" + value.hex() if isinstance(value, bytes) else str(value) for value in values]
    return _short(f"{name}({', '.join(shown)})")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
