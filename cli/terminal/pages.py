"""Pages to print: one way of writing HTML that loads nothing and shows foreign text as text."""

from __future__ import annotations

import html
from typing import Final

from ledger.domain.untrusted.visible import visible

#: Nothing is loaded or sent, and no script runs; the style is the page's own.
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
_STYLE: Final = """body { font: 11pt/1.4 serif; margin: 2cm; max-width: 18cm }
table { border-collapse: collapse; width: 100% }
td, th { border: 1px solid #999; padding: 2pt 6pt; vertical-align: top; text-align: left }
.failed td:first-child, .unreadable td:first-child { font-weight: bold }
section { break-inside: avoid } dt { font-weight: bold }
dd, td { overflow-wrap: anywhere } code { font-size: 9pt }
td, dd, h3, code { unicode-bidi: isolate }
pre { border: 1px solid #999; padding: 4pt 6pt; font-size: 9pt; white-space: pre-wrap;
  overflow-wrap: anywhere; break-inside: avoid }
.digits { font: bold 14pt/1.6 monospace; text-align: center; break-inside: avoid }
"""


def shown(value: object) -> str:
    """A foreign value in HTML: visible-safe as everywhere, then escaped."""
    return html.escape(visible(value))


def page(heading: str, body: str) -> str:
    """A page that prints well; nothing in it is loaded, and no script in it runs.

    Args:
        heading: as text. body: as HTML, with every foreign value through ``shown``.
    """
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{shown(heading)}</title>
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="referrer" content="no-referrer">
<style>
{_STYLE}</style></head><body>
<h1>{shown(heading)}</h1>
{body}
</body></html>
"""
