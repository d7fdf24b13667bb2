"""Calls and errors of our contracts, encoded with the ABI that ships in the package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from ledger.domain.chain.evm import keccak256
from ledger.domain.errors import ChainError

# eth_abi is imported where it is used: a tenth of a second that only calls of the chain should
# cost.
CONTRACTS = ("AgencyRegistry", "EvidenceLedger")


@cache
def artifact(name: str) -> dict[str, Any]:
    """ABI, bytecode and storage layout of a contract, as compiled from contracts/."""
    file = resources.files("ledger.adapters.chain").joinpath(f"artifacts/{name}.json")
    value: dict[str, Any] = json.loads(file.read_bytes())
    return value


def _type(entry: dict[str, Any]) -> str:
    if entry["type"].startswith("tuple"):
        inner = ",".join(_type(component) for component in entry["components"])
        return f"({inner}){entry['type'][5:]}"
    return str(entry["type"])


@cache
def _function(name: str, function: str) -> tuple[bytes, list[str], list[str]]:
    entry = next(
        one
        for one in artifact(name)["abi"]
        if one.get("name") == function and one["type"] == "function"
    )
    inputs = [_type(parameter) for parameter in entry["inputs"]]
    selector = keccak256(f"{function}({','.join(inputs)})".encode())[:4]
    return selector, inputs, [_type(output) for output in entry["outputs"]]


def encode_call(name: str, function: str, *arguments: Any) -> bytes:
    """Calldata of ``function`` of contract ``name``."""
    from eth_abi import encode

    selector, inputs, _ = _function(name, function)
    return bytes(selector + encode(inputs, list(arguments)))


def decode_call(name: str, data: bytes) -> tuple[str, tuple[Any, ...]]:
    """Function and arguments of calldata.

    Raises:
        ChainError: no call of contract ``name``.
    """
    from eth_abi import decode
    from eth_abi.exceptions import DecodingError

    for entry in artifact(name)["abi"]:
        if entry["type"] == "function" and _function(name, entry["name"])[0] == data[:4]:
            try:
                return entry["name"], tuple(decode(_function(name, entry["name"])[1], data[4:]))
            except DecodingError as error:
                raise ChainError(f"a call of {entry['name']} that cannot be decoded") from error
    raise ChainError(f"no call of {name}")


def decode_result(name: str, function: str, data: bytes) -> tuple[Any, ...]:
    """Results of a call.

    Raises:
        ChainError: the data are none of this function's.
    """
    return _decode(_function(name, function)[2], data, f"{function} of {name}")


def _decode(types: Sequence[str], data: bytes, what: str) -> tuple[Any, ...]:
    from eth_abi import decode
    from eth_abi.exceptions import DecodingError

    try:
        return tuple(decode(types, data))
    except (
        DecodingError,
        ValueError,
        OverflowError,
    ) as error:  # of text that is none, and of lengths beyond any memory
        raise ChainError(
            f"the chain answered {what} with what cannot be decoded", hint="check addresses and RPC"
        ) from error


def constructor(name: str, *arguments: Any) -> bytes:
    """Creation code with its arguments."""
    from eth_abi import encode

    abi = artifact(name)["abi"]
    entry: dict[str, Any] = next(
        (one for one in abi if one["type"] == "constructor"), {"inputs": []}
    )
    code = bytes.fromhex(artifact(name)["bytecode"][2:])
    return bytes(
        code + encode([_type(parameter) for parameter in entry["inputs"]], list(arguments))
    )


@cache
def _events(name: str) -> dict[bytes, tuple[str, list[tuple[str, str]], list[tuple[str, str]]]]:
    """By topic: name, indexed and other inputs as (name, type)."""
    found = {}
    for entry in artifact(name)["abi"]:
        if entry["type"] == "event":
            types = [_type(parameter) for parameter in entry["inputs"]]
            topic = keccak256(f"{entry['name']}({','.join(types)})".encode())
            inputs = [
                (parameter["indexed"], parameter["name"], kind)
                for parameter, kind in zip(entry["inputs"], types, strict=True)
            ]
            found[topic] = (
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
    values = {
        label: _decode([kind], topic, event)[0]
        for (label, kind), topic in zip(indexed, topics[1:], strict=True)
    }
    found = _decode([kind for _, kind in others], data, event)
    return event, values | {label: value for (label, _), value in zip(others, found, strict=True)}


@cache
def _errors() -> dict[bytes, tuple[str, list[str]]]:
    found = {}
    for name in CONTRACTS:
        for entry in artifact(name)["abi"]:
            if entry["type"] == "error":
                types = [_type(parameter) for parameter in entry["inputs"]]
                found[keccak256(f"{entry['name']}({','.join(types)})".encode())[:4]] = (
                    entry["name"],
                    types,
                )
    return found


def explain_revert(data: bytes) -> str:
    """The custom error in revert data, with its values; hex where it is none of ours."""
    name, types = _errors().get(data[:4], ("", []))
    if not name:
        return f"reverted with 0x{data.hex()}" if data else "reverted without a reason"
    try:
        values = _decode(types, data[4:], name)
    except ChainError:
        return name
    shown = ["0x" + value.hex() if isinstance(value, bytes) else str(value) for value in values]
    return f"{name}({', '.join(shown)})"
