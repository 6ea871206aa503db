"""Commands that later versions bring; they say so instead of being unknown."""

from __future__ import annotations

from collections.abc import Callable

import typer

from clipface_cli.errors import ClipfaceError

NAMES = ("animate",)


def add_unavailable(app: typer.Typer) -> None:
    """Register the names, hidden from --help."""
    for name in NAMES:
        app.command(
            name,
            hidden=True,
            context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        )(_refuse(name))


def _refuse(name: str) -> Callable[[], None]:
    def command() -> None:
        raise ClipfaceError(f"`clipface {name}` is not available yet.")

    return command
