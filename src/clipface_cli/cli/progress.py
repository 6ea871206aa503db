"""Progress on stderr: a bar on a terminal, a plain line now and then on a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

EVERY = 5.0  # seconds between two lines on a pipe
_REFRESH = 0.1  # seconds between two updates of a bar
Item = TypeVar("Item")
Note = str | Callable[[], str]  # such as the loss; a function is called only for what is shown
Advance = Callable[[int, Note], None]  # steps done, a note


@contextmanager
def progress(title: str, total: int) -> Iterator[Advance]:
    """Yields a function to call with the number of steps done and a note."""
    if sys.stderr.isatty():
        with _bar(title, total) as advance:
            yield advance
    else:
        yield _lines(title, total)


def say(message: str) -> None:
    """One line of log on stderr."""
    print(message, file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def _bar(title: str, total: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    start = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total, rate="", note="")

        last = 0.0

        def advance(done: int, note: Note) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last < _REFRESH and done < total:
                return
            last = now
            rate = f"{done / max(now - start, 1e-9):.1f}/s"
            bar.update(task, completed=done, rate=rate, note=_text(note))

        yield advance


def _lines(title: str, total: int) -> Advance:
    start = last = time.monotonic()

    def advance(done: int, note: Note) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < EVERY and done < total:
            return
        last = now
        rate = done / max(now - start, 1e-9)
        left = (total - done) / max(rate, 1e-9)
        say(f"{title} {done}/{total}, {rate:.1f}/s, {left:.0f} s left. {_text(note)}".rstrip())

    return advance


def _text(note: Note) -> str:
    return note if isinstance(note, str) else note()
