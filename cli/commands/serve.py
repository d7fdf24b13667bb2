"""custody serve"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer

from cli.node import served
from cli.terminal import output

_HELP = """Serve the home's node: the HTTP API under /v1, anchoring by growth or age, sending to
IPFS nodes and reading again what they keep. Ends with Ctrl-C.

\b
Example:
  custody --home ~/evidence serve --port 8000
"""


def serve(
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; put a TLS proxy before anything but loopback."),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(help="Port; 0 chooses a free one.", min=0, max=65535, envvar="CUSTODY_PORT"),
    ] = 8000,
    anchor_growth: Annotated[
        int, typer.Option(help="Anchor when this many entries wait.", min=1)
    ] = 256,
    anchor_age: Annotated[
        int, typer.Option(help="Anchor when the oldest entry waits this many seconds.", min=1)
    ] = 60,
    metrics: Annotated[
        str,
        typer.Option(help="HOST:PORT to serve metrics for Prometheus at; never on the API's own."),
    ] = "",
) -> None:
    from cli.node.interrupt import Stopped

    with suppress(Stopped):  # before it served, or when it had ended
        _opened(host, port, anchor_growth, anchor_age, metrics)
    output.say("stopped")


def _opened(host: str, port: int, anchor_growth: int, anchor_age: int, metrics: str) -> None:
    from cli.node.session import open_alone

    with open_alone() as home:
        from ledger.services.workers.anchoring_worker import AnchoringPolicy

        if not metrics:
            _serve(home, host, port, AnchoringPolicy(anchor_growth, anchor_age))
            return
        from ledger.app import metrics as measures

        measured = measures.NodeMetrics()
        measured.follow(home.node)
        home.node.telemetry = measured
        server = measures.serve(measured.registry, metrics)
        try:
            _serve(home, host, port, AnchoringPolicy(anchor_growth, anchor_age))
        finally:
            server.shutdown()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(serve)


def _serve(home: Any, host: str, port: int, policy: Any) -> None:
    import asyncio
    import json
    from contextlib import asynccontextmanager
    from functools import partial

    import uvicorn

    from api.app import create_app
    from cli.node.serving import configure, listen
    from ledger.adapters import files
    from ledger.app import notices, settings
    from ledger.services.node import supervision
    from ledger.services.preservation import fixity
    from ledger.services.workers.anchoring_worker import AnchoringWorker
    from ledger.services.workers.handover_worker import HandoverWorker
    from ledger.services.workers.notice_worker import NoticeWorker
    from ledger.services.workers.replica_worker import ReplicaWorker
    from ledger.services.workers.time_stamp_worker import TimeStampWorker

    listener = listen(host, port)
    url = f"http://{host}:{listener.getsockname()[1]}"
    ipfs = home.settings.ipfs
    reading = fixity.FixityPolicy(int(ipfs.fixity_days * 86400), int(ipfs.fixity_rate * (1 << 20)))
    workers: list[Any] = [
        *(AnchoringWorker(home.node, policy), ReplicaWorker(home.node, reading)),
        *(HandoverWorker(home.node), TimeStampWorker(home.node)),
    ]
    if notices.are_set(home.keyring):
        opened = partial(notices.open_notices, home.path, home.keyring)
        workers.append(NoticeWorker(home.node, opened))

    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        for worker in workers:
            worker.start()
        yield
        await asyncio.to_thread(supervision.stop_all, workers)
        await asyncio.to_thread(app.state.audits.stop)

    app = create_app(
        home.node,
        confirmations=home.settings.chain.confirmations,
        lifespan=lifespan,
        proxies=home.settings.serve.trusted_proxies,
        forwarded=home.settings.serve.forwarded,
    )
    address = home.path / settings.SERVER
    server = uvicorn.Server(configure(app, app.state.trusted))
    with _ending(server):
        try:
            files.write(address, json.dumps({"url": url, "lock": home.lock.token}).encode())
            output.say(
                f"serving {home.settings.agency} at {url} (open it in a browser)",
                "it keeps this terminal until Ctrl-C stops it: type commands in another one",
            )
            output.say(*served.only_here(url))
            server.run(sockets=[listener])
        finally:
            address.unlink(missing_ok=True)


@contextmanager
def _ending(server: Any) -> Iterator[None]:
    """Whoever asks for an end meanwhile (Ctrl-C, a service manager, a terminal that goes away) ends
    the server, as soon as it has begun: its address is never left behind, and that is no failure.
    """
    import signal

    from ledger import system

    before = {
        number: signal.getsignal(number)
        for number in system.ENDING
        if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN
    }
    for number in before:
        signal.signal(number, server.handle_exit)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
