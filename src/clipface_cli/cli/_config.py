"""`--config FILE.toml`: every option of a command can stand in a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer

from clipface_cli.errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def apply_config(context: typer.Context, path: Path | None) -> Path | None:
    """Make the file's values the defaults of the command's options.

    Keys are option names without dashes in front; a table named like the command may hold them,
    so that one file can serve several commands. Raises InputError for an unknown key.
    """
    if path is None or context.resilient_parsing:
        return path
    values = _read(path)
    shared = {k: v for k, v in values.items() if not isinstance(v, dict)}
    own = values.get(context.info_name or "", {})
    names = _option_names(context)
    defaults = {}
    for key, value in {**shared, **own}.items():
        name = key.replace("-", "_")
        if name not in names:
            raise InputError(
                f"{path}: {context.command_path} has no option {key!r}; "
                f"it has {', '.join(sorted(names))}."
            )
        defaults[names[name]] = value
    context.default_map = defaults
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"The configuration {path} does not exist.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"The configuration {path} is not valid TOML: {error}.") from error


def _option_names(context: typer.Context) -> dict[str, str]:
    """What may stand in the file -> the parameter it sets."""
    names = {}
    for parameter in context.command.params:
        for option in parameter.opts:
            if parameter.name and (option.startswith("--") or not option.startswith("-")):
                names[option.lstrip("-").replace("-", "_")] = parameter.name
    return names
