"""The page at /: what this node is, how it is in plain words, and where to go. It says nothing that
the public routes do not say, and nothing of any case.
"""

from __future__ import annotations

import html
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from api.description import POLICY, STYLE
from ledger import __version__
from ledger.domain.bundle import trust
from ledger.services.node.context import Node
from ledger.services.onchain import checkpoint_anchoring

#: Background work by the name of its duty, as ledger/services/workers calls it.
_WORK: Final = {
    "anchoring": "anchoring its log in the chain",
    "keys": "sealing its records under another key of its own",
    "revocation": "publishing who was suspended",
    "certificate": "renewing its own certificate",
    "suspension": "finishing a suspension",
    "clearing": "clearing away what nothing needs",
    "exchange": "exchanging with other agencies",
    "keeping": "keeping copies at its IPFS nodes",
}


def install(app: FastAPI) -> None:
    """Serve the page at /."""

    @app.get("/", include_in_schema=False)
    def front(request: Request) -> HTMLResponse:
        node: Node = request.app.state.node
        return HTMLResponse(page(node), headers={"Content-Security-Policy": POLICY})


def page(node: Node) -> str:
    """The page of a node, as it is now."""
    agency = html.escape(node.agency)
    state = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in _state(node))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Evidence node of {agency}</title>
<style>{STYLE}</style></head><body>
<h1>Evidence node of {agency}</h1>
<p>This is a custody ledger: it records who held which digital evidence when. Everybody who is given
a piece of evidence can check its record without trusting this agency. No case is shown here.</p>
<h2>How it is now</h2>
{state}
<h2>Where to go</h2>
<ul>
<li><strong>You were given a file and its bundle</strong>, and want to know what is proven of it:
check them on your own machine, without this node and without network.
<pre>custody verify evidence.bundle photo.jpg --trust trust.json</pre>
<a href="/v1/trust">The trust root of this agency</a> goes with it. Compare it with what the agency
published or tells you by telephone.</li>
<li><strong>You work for {agency}</strong>: an administrator invites you, then
<pre>custody person enrol invitation.json</pre></li>
<li><strong>You audit this agency, or write programs</strong>: <a href="/docs">the API</a>, the same
<a href="/openapi.json">for programs</a>, <a href="/v1/agency">its keys and contracts</a>,
<a href="/v1/log/checkpoint">the newest checkpoint of its log</a>,
<a href="/readyz">whether it is ready</a>.</li>
<li><strong>Documents</strong> (a guide for each role, formats, threat model) come with the
software, in its folder <code>docs</code>. This is version {html.escape(__version__)}.</li>
</ul></body></html>
"""


def _anchored(node: Node) -> str:
    if trust.is_local(node.contracts.chain.label):
        return (
            "All of them are anchored, on a chain that this agency runs alone: that convinces "
            "nobody who does not trust it."
        )
    return (
        "All of them are anchored for good: nobody can change them any more, not even the agency."
    )


def _state(node: Node) -> list[str]:
    """How the node is, in whole sentences."""
    with node.records.read() as unit:
        log, reached = unit.logs.get(node.log_id), checkpoint_anchoring.progress(node, unit)
    if log is None or log.frozen:
        return ["It takes no records: its own log is damaged, and its administrator has to look."]
    waiting = reached.integrated - reached.final
    said = [
        "It is in service.",
        f"Its log has {reached.integrated} {'entry' if reached.integrated == 1 else 'entries'}. "
        + (
            _anchored(node)
            if not waiting
            else f"{waiting} of them {'waits' if waiting == 1 else 'wait'} to be anchored, and "
            "until then nothing outside this agency proves them."
        ),
    ]
    failing = sorted({row.worker.partition("-")[0] for row in node.workers.failing()})
    if failing:
        what = ", ".join(_WORK.get(name, name) for name in failing)
        said.append(f"Something fails at the moment, and is tried again: {what}.")
    return said
