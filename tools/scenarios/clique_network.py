"""A real Clique network on loopback: three signers, each a geth process with a key of its own.

- every process ends with the one that started it, however that ends: it waits at the end of a pipe
- nobody else is let in: signers are introduced to one another by name, and listen on loopback alone

Run it with ``python -m tools.scenarios.clique_network --seconds 600`` to try something out:
it prints the addresses of its nodes, and the key of an account that can pay. ``make geth`` builds
geth.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from coincurve import PrivateKey
from eth_account import Account

from cli.terminal import output
from ledger.adapters.chain.contracts import address_of
from ledger.adapters.chain.json_rpc import JsonRpc
from ledger.domain.errors import ChainError, CustodyError, NetworkError, UsageError
from tools.scenarios.actors import free_port

GETH: Final = Path(__file__).parents[2] / ".build" / "geth" / "geth"
CHAIN_ID: Final = 20261
PERIOD: Final = 1  # seconds between two blocks
SIGNERS: Final = 3
_START: Final = 60.0  # seconds for a node to answer
_AGREED: Final = 60.0  # seconds for the nodes to come to one newest block
_WEALTH: Final = 10**24  # wei
_PASSWORD: Final = b"loopback"
#: Ends a process when whoever started it closes the pipe, or is no more.
_ENDING: Final = 'trap "" INT; "$@" & child=$!; read -r _; kill $child 2>/dev/null; wait $child'


@dataclass
class Signer:
    """A node and its key; ``rpc`` is where it answers."""

    folder: Path
    key: bytes = field(default_factory=lambda: PrivateKey().secret)
    port: int = field(default_factory=free_port)
    http: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> bytes:
        return address_of(self.key)

    @property
    def rpc(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    @property
    def enode(self) -> str:
        """Where other nodes reach it, with the name that its connections prove: its own key's."""
        public = PrivateKey(self.key).public_key.format(compressed=False)[1:]
        return f"enode://{public.hex()}@127.0.0.1:{self.port}"

    def ask(self, method: str, *params: Any) -> Any:
        """Call its JSON-RPC.

        Raises:
            NetworkError: no answer. ChainError: it refuses.
        """
        with closing(JsonRpc(self.rpc, timeout=5)) as rpc:
            answer = rpc.call(method, params)
        if answer["error"] is not None:
            raise ChainError(f"{method}: {answer['error']}")
        return answer["result"]

    def prepare(self, genesis: dict[str, Any]) -> None:
        """Give it its key and the first block of the chain."""
        keys = self.folder / "keystore"
        keys.mkdir(parents=True)
        # One round of stretching: the key is worth nothing, and is read at every start.
        sealed = Account.encrypt(self.key, _PASSWORD.decode(), kdf="pbkdf2", iterations=1)
        (keys / "signer.json").write_text(json.dumps(sealed))
        (self.folder / "password").write_bytes(_PASSWORD)
        (self.folder / "genesis.json").write_text(json.dumps(genesis))
        self._geth("init", str(self.folder / "genesis.json"))

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            ChainError: it did not come to that.
        """
        with (self.folder / "geth.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", _ENDING, "geth", *self._command(*self._options())],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START
        while True:
            try:
                self.ask("eth_chainId")
                return
            except NetworkError as error:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise ChainError(f"geth does not answer: see {self.folder}/geth.log") from error
            time.sleep(0.05)

    def stop(self) -> None:
        """End it, if it runs."""
        if self.process is not None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process.wait(timeout=60)
            self.process = None

    def _options(self) -> list[str]:
        sealing = "0x" + self.address.hex()
        return [
            *("--port", str(self.port), "--nat", "none", "--nodiscover"),
            *("--netrestrict", "127.0.0.0/8", "--nodekeyhex", self.key.hex()),
            *("--http", "--http.addr", "127.0.0.1", "--http.port", str(self.http)),
            *(
                "--http.api",
                "eth,net,web3,clique,admin,miner",
                "--ipcdisable",
                "--authrpc.port",
                "0",
            ),
            *("--networkid", str(CHAIN_ID), "--syncmode", "full", "--gcmode", "archive"),
            *("--allow-insecure-unlock", "--unlock", sealing),
            *("--password", str(self.folder / "password")),
            *("--miner.etherbase", sealing, "--miner.gasprice", "1"),
            # With as many peers as there may be it asks them for their blocks at once.
            *("--cache", "64", "--nousb", "--maxpeers", str(SIGNERS - 1)),
        ]

    def _command(self, *words: str) -> list[str]:
        return [str(GETH), "--datadir", str(self.folder), *words]

    def _geth(self, *words: str) -> None:
        done = subprocess.run(self._command(*words), capture_output=True, check=False, timeout=60)
        if done.returncode != 0:
            raise ChainError(f"geth {words[0]}: {done.stderr.decode(errors='replace')[-400:]}")


class CliqueNetwork:
    """Signers of one chain, numbered from 0; ``payer`` is the key of an account with money, which
    those of ``funded`` have as well.
    """

    def __init__(self, folder: Path, funded: Sequence[bytes] = ()) -> None:
        self.signers = [Signer(folder / f"signer-{number}") for number in range(SIGNERS)]
        self.payer = PrivateKey().secret
        self._funded = [address_of(self.payer), *funded]
        for signer in self.signers:
            signer.prepare(self._genesis())

    def _genesis(self) -> dict[str, Any]:
        names = sorted(signer.address for signer in self.signers)
        forks = ("homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople")
        newer = ("petersburg", "istanbul", "berlin", "london")
        return {
            "config": {
                "chainId": CHAIN_ID,
                **{f"{fork}Block": 0 for fork in (*forks, *newer)},
                "clique": {"period": PERIOD, "epoch": 30000},
            },
            "difficulty": "1",
            "gasLimit": "30000000",
            "extradata": "0x" + (bytes(32) + b"".join(names) + bytes(65)).hex(),
            "alloc": {account.hex(): {"balance": str(_WEALTH)} for account in self._funded},
        }

    def start(self) -> None:
        """Start all of them, and wait until they follow one chain.

        Raises:
            ChainError: they do not.
        """
        for signer in self.signers:
            signer.start()
        for number, signer in enumerate(self.signers):
            self._introduce(signer, self.signers[number + 1 :])
        for signer in self.signers:  # not before: each would begin a chain of its own
            signer.ask("miner_start")
        self.agree(2)

    def stop(self) -> None:
        """End all that run."""
        for signer in self.signers:
            signer.stop()

    def restart(self, number: int) -> None:
        """Start one again that was stopped, and introduce it."""
        signer = self.signers[number]
        signer.start()
        self.join(number)
        signer.ask("miner_start")

    def join(self, number: int) -> None:
        """Let one and the others hear of one another again."""
        signer = self.signers[number]
        self._introduce(signer, [other for other in self.running() if other is not signer])

    def part(self, number: int) -> None:
        """Let one and the others not hear of one another any more."""
        signer = self.signers[number]
        for other in self.running():
            if other is not signer:
                signer.ask("admin_removePeer", other.enode)
                other.ask("admin_removePeer", signer.enode)

    def running(self) -> list[Signer]:
        """Those that run."""
        return [signer for signer in self.signers if signer.process is not None]

    def agree(self, blocks: int = 1) -> int:
        """Wait until all that run have one newest block, so many behind the highest of now; its
        number.

        Raises:
            ChainError: they do not come to that.
        """
        wanted = max(self.number(signer) for signer in self.running()) + blocks
        deadline = time.monotonic() + _AGREED
        while time.monotonic() < deadline:
            heads = [
                signer.ask("eth_getBlockByNumber", "latest", False) for signer in self.running()
            ]
            number = int(heads[0]["number"], 16)
            if number >= wanted and len({head["hash"] for head in heads}) == 1:
                return number
            time.sleep(0.1)
        raise ChainError(f"the signers do not follow one chain after {_AGREED:.0f} s")

    @staticmethod
    def number(signer: Signer) -> int:
        """The number of a node's newest block."""
        return int(signer.ask("eth_blockNumber"), 16)

    @staticmethod
    def _introduce(signer: Signer, others: list[Signer]) -> None:
        for other in others:
            signer.ask("admin_addPeer", other.enode)


def require_geth() -> None:
    """Refuse to go on where no geth was built.

    Raises:
        UsageError: there is none.
    """
    if not GETH.exists():
        raise UsageError("a Clique network needs geth", hint="make geth builds it")


@contextmanager
def running(folder: Path, funded: Sequence[bytes] = ()) -> Iterator[CliqueNetwork]:
    """A fresh network, which ends with whoever asked for it.

    Args:
        funded: accounts that have money from the beginning.

    Raises:
        UsageError: no geth.
    """
    require_geth()
    network = CliqueNetwork(folder, funded)
    try:
        network.start()
        yield network
    finally:
        network.stop()


def main() -> int:
    """Run a network from the command line, for so many seconds or until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A Clique network of three signers on loopback.")
    parser.add_argument("--seconds", type=int, default=600, help="how long it lasts")
    lasting = parser.parse_args().seconds
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with (
            tempfile.TemporaryDirectory(prefix="clique-network-") as folder,
            running(Path(folder)) as network,
        ):
            for signer in network.signers:
                output.show(f"{signer.rpc}  signer 0x{signer.address.hex()}")
            output.show(f"key of an account that can pay: {network.payer.hex()}")
            sys.stdout.flush()
            time.sleep(lasting)
    except KeyboardInterrupt:
        return os.EX_OK
    except CustodyError as error:
        return output.failure(error)
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
