"""Run the embedded TensorFlow Lite networks: one interpreter a thread, one processor each."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipface_cli.assets import builtin
from clipface_cli.errors import ClipfaceError

_here = threading.local()


def run_network(name: str, image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Outputs of the embedded file `name` for one image (H, W, 3), in the file's order."""
    interpreters: dict[tuple[int, str], Any] = _here.__dict__.setdefault("interpreters", {})
    key = os.getpid(), name  # a forked child must not share its parent's memory plan
    if key not in interpreters:
        interpreters[key] = _load(builtin(name))
    interpreter = interpreters[key]
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
    interpreter.invoke()
    return [interpreter.get_tensor(o["index"]) for o in interpreter.get_output_details()]


def _load(path: Path) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ClipfaceError(
            "Face detection needs ai-edge-litert; install it with `pip install ai-edge-litert`."
        ) from error
    with _quiet():
        interpreter = Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()
    return interpreter


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence standard error: the library prints a message there and has no option against it."""
    kept, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)
