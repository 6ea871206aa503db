"""The `clipface` command: one file per subcommand."""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated

import typer

from clipface_cli.cli import assets
from clipface_cli.cli.animate import animate
from clipface_cli.cli.command import add_command, run
from clipface_cli.cli.compare import compare
from clipface_cli.cli.edit import edit
from clipface_cli.cli.evaluate import evaluate
from clipface_cli.cli.export import export
from clipface_cli.cli.preprocess import preprocess
from clipface_cli.cli.sample import sample
from clipface_cli.cli.synth import synth
from clipface_cli.cli.track import track
from clipface_cli.cli.train_gan import train_gan
from clipface_cli.cli.train_guidance import train_guidance
from clipface_cli.cli.train_mapper import train_mapper
from clipface_cli.cli.view import view

app = typer.Typer(
    name="clipface",
    rich_markup_mode="markdown",  # whose words in brackets stay
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"clipface {version('clipface-cli')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Text-guided texturing and expression editing of 3D heads."""


add_command(app, "sample", sample)
add_command(app, "edit", edit)
add_command(app, "animate", animate)
add_command(app, "export", export)
add_command(app, "evaluate", evaluate)
add_command(app, "compare", compare)
add_command(app, "view", view)
add_command(app, "synth", synth)
add_command(app, "track", track)
add_command(app, "preprocess", preprocess)
add_command(app, "train-gan", train_gan)
add_command(app, "train-guidance", train_guidance)
add_command(app, "train-mapper", train_mapper)
app.add_typer(assets.app, name="assets", short_help=assets.SUMMARY)


def main() -> None:
    """Entry point of the installed `clipface` command."""
    # Threads that spin between PyTorch's parallel regions starve each other on a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    gc.set_threshold(100_000)  # importing makes objects that stay: looking among them took 0.4 s
    arguments = sys.argv[1:] or ["--help"]
    if arguments[0] in ("--help", "-h"):
        app.rich_markup_mode = None  # the list of commands needs no boxes, which take 0.2 s to load
    sys.exit(run(app, arguments))
