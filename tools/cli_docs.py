"""Writes docs/cli.md from the commands' own help, or checks that it is what they say.

.venv/bin/python -m tools.cli_docs [--check]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ |= {"COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1"}  # before Typer looks

import click

from cli.main import tree

TARGET = Path(__file__).parents[1] / "docs" / "cli.md"
_HEAD = """# Commands

For whoever looks up a command or an option without having `custody` at hand.

This page is what `custody COMMAND --help` prints, and nothing else: `make docs` writes it and
`make lint` compares it. Options that hold for every command stand before it or behind it. What the
commands are for is told in [operations.md](operations.md),
[consortium.md](consortium.md) and [audit.md](audit.md).
"""


def render() -> str:
    """The whole page."""
    group = tree()
    parts = [_HEAD, _section("custody", group, None)]
    context = group.make_context("custody", ["--help"], resilient_parsing=True)
    parts += _commands("custody", group, context)
    return "\n".join(parts)


def _commands(title: str, group: click.Command, context: click.Context) -> list[str]:
    parts = []
    for name in sorted(group.list_commands(context)):  # type: ignore[attr-defined]
        command = group.get_command(context, name)  # type: ignore[attr-defined]
        parts.append(_section(f"{title} {name}", command, context))
        if hasattr(command, "list_commands"):
            inner = type(command).context_class(command, info_name=name, parent=context)
            parts += _commands(f"{title} {name}", command, inner)
    return parts


def _section(title: str, command: click.Command, parent: click.Context | None) -> str:
    name = title.rpartition(" ")[2]
    context = type(command).context_class(
        command, info_name=name, parent=parent, max_content_width=80, terminal_width=80
    )
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return f"## {title}\n\n```text\n{text}\n```\n"


def main() -> None:
    """Write or check."""
    page = render()
    if "--check" not in sys.argv:
        TARGET.write_text(page)
    elif not TARGET.exists() or TARGET.read_text() != page:
        sys.exit("docs/cli.md is not what the commands say: run make docs")


if __name__ == "__main__":
    main()
