"""`clipface assets`: what is embedded, what you brought, and how to bring more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clipface_cli.cli.command import Result, add_command
from clipface_cli.cli.options import Force
from clipface_cli.errors import InputError

if TYPE_CHECKING:
    from clipface_cli.assets import Asset, Entry

SUMMARY = "List, check and import models: embedded ones, and yours."
app = typer.Typer(
    help=SUMMARY,
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Kind = Annotated[
    str | None,
    typer.Option("--kind", "-k", metavar="KIND", help="What it is [told from the content]."),
]


def list_assets() -> Result:
    """Show every asset: name, embedded or external, present or not, licence, what it unlocks."""
    from clipface_cli.assets import ENTRIES, home

    rows = [_row(entry) for entry in ENTRIES]
    return Result(home(), {"assets": rows}, _table(rows))


def check_assets(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE|NAME]", help="A file you downloaded, or an imported asset [all of them]."
        ),
    ] = None,
    kind: Kind = None,
) -> Result:
    """Say what a file is and whether it is whole, or check every asset; writes nothing."""
    from clipface_cli.assets import home, imported, locate_asset, read_asset, verify

    if what is not None:
        asset = read_asset(what, kind)
        verify(asset)
        return Result(locate_asset(what), _facts(asset), _report(asset))
    lines, facts = [], []
    for name in _embedded_files():
        lines.append(f"{name}: embedded, whole")
    for path in imported().values():
        asset = read_asset(path)
        verify(asset)
        lines.append(_report(asset))
        facts.append(_facts(asset))
    return Result(home(), {"assets": facts}, "\n".join(lines))


def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A model file or a folder that holds one; a folder or zip of frames or codes.",
        ),
    ],
    kind: Kind = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="OUT", help="File or folder to write to [$CLIPFACE_HOME]."
        ),
    ] = None,
    force: Force = False,
) -> Result:
    """Turn a published file into safetensors that --head, --generator and so on take by name.

    Nothing in the file is run: pickles are read as data, and what asks for more is refused.
    """
    from clipface_cli.assets import import_asset, read_asset

    if not file.exists():
        raise InputError(f"{file} does not exist; give the file you downloaded.")
    if output is not None and not output.is_dir() and output.suffix != ".safetensors":
        raise InputError(f"{output} does not end in .safetensors; name the output so.")
    target = import_asset(file, kind, output, force)
    return Result(target, _facts(read_asset(target)))


def where(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="An asset's name [the folder of all].")
    ] = None,
) -> Result:
    """Print where imported assets lie ($CLIPFACE_HOME), or the file of one."""
    from clipface_cli.assets import ENTRIES, home, locate_asset

    if name is None:
        return Result(home())
    known = next((entry for entry in ENTRIES if entry.name == name), None)
    if known is not None and known.embedded:
        from clipface_cli.assets import builtin

        return Result(builtin(known.files[0]))
    if known is not None and not _present(known):
        raise InputError(
            f"{name} is not imported. Get {known.obtain}; then run `clipface assets import FILE`."
        )
    return Result(_files(known)[0] if known else locate_asset(name))


add_command(app, "list", list_assets)
add_command(app, "check", check_assets)
add_command(app, "import", import_file)
add_command(app, "where", where)


def _files(entry: Entry) -> list[Path]:
    """The imported files of one external kind."""
    from clipface_cli.assets import Refused, imported, read_imported

    found = []
    for path in imported().values():
        if not path.stem.startswith(entry.name):
            continue
        try:
            asset = read_imported(path)
        except Refused:
            continue
        if asset is not None and asset.kind == entry.name:
            found.append(path)
    return found


def _present(entry: Entry) -> bool:
    return entry.embedded or bool(_files(entry))


def _row(entry: Entry) -> dict[str, Any]:
    names = [path.stem for path in _files(entry)]
    return {
        "name": entry.name,
        "origin": "embedded" if entry.embedded else "external",
        "present": entry.embedded or bool(names),
        "imported": names,
        "licence": entry.licence,
        "unlocks": entry.unlocks,
        "obtain": entry.obtain,
    }


def _table(rows: list[dict[str, Any]]) -> str:
    from io import StringIO

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    for heading in ("name", "origin", "present", "licence", "unlocks"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("name", "origin"))
    for row in rows:
        present = ", ".join(row["imported"]) or ("yes" if row["present"] else "no")
        table.add_row(row["name"], row["origin"], present, row["licence"], row["unlocks"])
    text = StringIO()
    console = Console()
    Console(file=text, width=console.width if console.is_terminal else 120).print(table)
    missing = [f"  {row['name']}: {row['obtain']}" for row in rows if not row["present"]]
    note = ["", "", "To get one, fetch it and run `clipface assets import FILE`:", *missing]
    return text.getvalue().rstrip() + "\n".join(note if missing else [])


def _embedded_files() -> list[str]:
    """Names of the embedded assets, each file of which is there."""
    from clipface_cli.assets import ENTRIES, builtin

    embedded = [entry for entry in ENTRIES if entry.embedded]
    for entry in embedded:
        for name in entry.files:
            builtin(name)
    return [entry.name for entry in embedded]


def _facts(asset: Asset) -> dict[str, Any]:
    numbers = sum(array.size for array in asset.arrays.values())
    return {**asset.header, "arrays": len(asset.arrays), "numbers": numbers}


def _report(asset: Asset) -> str:
    facts = _facts(asset)
    known = f", published as {facts['published_as']}" if "published_as" in facts else ""
    return (
        f"{asset.name}: {asset.kind}, {facts['arrays']} arrays with {facts['numbers']:,} numbers, "
        f"from {facts['source']} (SHA-256 {facts['source_sha256'][:12]}…{known}), "
        f"licence: {facts['licence']}"
    )
