"""`--config FILE.toml`: every option of a command can stand in a file."""

from __future__ import annotations

from pathlib import Path

import typer

from clipface_cli.errors import InputError


def apply_config(context: typer.Context, path: Path | None) -> Path | None:
    """Make the file's values the defaults of the command's options.

    Keys are option names without dashes in front; a table named like the command may hold them,
    so that one file can serve several commands. Raises InputError for an unknown key.
    """
    if path is None or context.resilient_parsing:
        return path
    from clipface_cli.artifacts.toml import read_toml

    values = read_toml(path)
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


def _option_names(context: typer.Context) -> dict[str, str]:
    """Names allowed in the file -> the parameter that each sets."""
    names = {}
    for parameter in context.command.params:
        for option in parameter.opts:
            if parameter.name and (option.startswith("--") or not option.startswith("-")):
                names[option.lstrip("-").replace("-", "_")] = parameter.name
    return names
