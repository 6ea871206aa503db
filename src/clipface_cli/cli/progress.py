"""Progress on stderr: a bar on a terminal, a plain line now and then on a pipe."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

EVERY = 5.0  # seconds between two lines on a pipe
_REFRESH = 0.1  # seconds between two updates of a bar
_RECENT = 20  # steps over which the rate is taken
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


class Rate:
    """Steps a second over the last ones; the first, which may compile kernels, does not count."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._seen: deque[tuple[float, int]] = deque(maxlen=_RECENT)

    def text(self, now: float, done: int) -> str:
        """Rate and remaining time after `done` steps at `now` seconds; empty until they are known.

        To be called after every step; other news of the same step may come between.
        """
        if not self._seen or done != self._seen[-1][1]:
            self._seen.append((now, done))
        then, before = self._seen[0]
        if done <= before or now <= then:
            return ""
        rate = (done - before) / (now - then)
        return f"{rate:.1f}/s, {(self.total - done) / rate:.0f} s left"


@contextmanager
def _bar(title: str, total: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total, rate="", note="")

        def show(done: int, speed: str, note: str) -> None:
            bar.update(task, completed=done, rate=speed, note=note)

        yield _seldom(total, _REFRESH, show)


def _lines(title: str, total: int) -> Advance:
    def show(done: int, speed: str, note: str) -> None:
        told = ", ".join(filter(None, [f"{title} {done}/{total}", speed]))
        say(f"{told}. {note}".rstrip())

    return _seldom(total, EVERY, show)


def _seldom(total: int, seconds: float, show: Callable[[int, str, str], None]) -> Advance:
    """Shows steps done, their rate and the note once in so many seconds, and the last step."""
    last, rate = time.monotonic(), Rate(total)

    def advance(done: int, note: Note) -> None:
        nonlocal last
        now = time.monotonic()
        speed = rate.text(now, done)
        if now - last < seconds and done < total:
            return
        last = now
        show(done, speed, note if isinstance(note, str) else note())

    return advance
