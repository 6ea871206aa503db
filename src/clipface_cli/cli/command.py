"""Common options of all subcommands, results on stdout, errors as exit codes."""

from __future__ import annotations

import functools
import inspect
import json
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from clipface_cli.cli.config import apply_config
from clipface_cli.errors import ClipfaceError, ClipfaceWarning, InputError

_UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # typer has no public name for it
_FAILED, _WRONG_INPUT, _INTERRUPTED = 1, 2, 130


@dataclass
class Result:
    """Result of a command: the main artifact, facts for `--json`, and a text for people.

    path: a file or folder, or a web address; quiet: in the processes of a parallel run that leave
    the talking to the first; afterwards: what runs on once all that is printed; interrupted: Ctrl-C
    ended it, and what it had is written.
    """

    path: Path | str
    facts: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    quiet: bool = False
    afterwards: Callable[[], None] | None = None
    interrupted: bool = False


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE.toml",
        help="Read options from a TOML file; the command line wins.",
        callback=apply_config,
        is_eager=True,
        rich_help_panel="Common",
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on stdout.", rich_help_panel="Common"),
]
Debug = Annotated[
    bool,
    typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel="Common"),
]
_COMMON = {"config": (Config, None), "json": (Json, False), "debug": (Debug, False)}


def add_command(app: typer.Typer, name: str, function: Callable[..., Result]) -> None:
    """Register `function` with the common options added; its Result is printed.

    Lists of commands show the first paragraph of its docstring, wrapped and never cut off.
    """
    own = inspect.signature(function, eval_str=True)
    common = [
        inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for option, (kind, default) in _COMMON.items()
    ]

    @functools.wraps(function)
    def command(**options: Any) -> int:
        as_json = options["json"]
        result = function(**{k: v for k, v in options.items() if k not in _COMMON})
        if not result.quiet:
            print_result(result, as_json)
        if result.afterwards is not None:
            result.afterwards()
        return _INTERRUPTED if result.interrupted else 0

    command.__signature__ = own.replace(  # type: ignore[attr-defined]
        parameters=[*own.parameters.values(), *common], return_annotation=None
    )
    summary = (inspect.getdoc(function) or "").partition("\n\n")[0]
    app.command(name, short_help=summary)(command)


def print_result(result: Result, as_json: bool) -> None:
    """The text and the main artifact's path as the last line on stdout, or one JSON object."""
    facts = {"path": str(result.path), **result.facts}
    if result.text and not as_json:
        typer.echo(result.text)
    typer.echo(json.dumps(facts, ensure_ascii=False) if as_json else facts["path"])


def run(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run the command line; returns the exit code. Errors become sentences on stderr."""
    debug = "--debug" in arguments
    if not debug:
        warnings.simplefilter("ignore")  # libraries' warnings are for developers
        warnings.simplefilter("always", ClipfaceWarning)
        warnings.showwarning = _warn
    try:
        code = app(list(arguments), prog_name="clipface", standalone_mode=False)
        if code == _INTERRUPTED:
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return _fail("Interrupted.", _INTERRUPTED, debug)
    except _UsageError as error:
        return _fail(_usage_sentence(error), _WRONG_INPUT, debug)
    except InputError as error:
        return _fail(str(error), _WRONG_INPUT, debug)
    except ClipfaceError as error:
        return _fail(str(error), _FAILED, debug)
    except MemoryError:
        return _fail("Out of memory; use a smaller --resolution or --batch.", _FAILED, debug)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        return _fail(f"{name}{error.strerror or error}.", _FAILED, debug)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        kind = type(error).__name__
        message = f"Unexpected {kind}: {error}. Run again with --debug and report the traceback."
        return _fail(message, _FAILED, debug)


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """`warnings.showwarning` as a sentence."""
    typer.echo(f"clipface: {message}", err=True)


def _usage_sentence(error: Exception) -> str:
    """Click's message with the command whose --help explains it."""
    message = str(error.format_message())  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "clipface"
    end = "" if message.endswith((".", "?")) else "."
    return f"{message}{end} See `{command} --help`."


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc(file=sys.stderr)
    typer.echo(f"clipface: {message}", err=True)
    return code
