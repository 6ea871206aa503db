"""run.json: how the files of an output folder came to be."""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from clipface_cli.artifacts.files import write_text

PACKAGES = ("clipface-cli", "torch", "numpy", "numba", "safetensors", "pillow")


class RunRecord:
    """Collects the command line, settings, input hashes and timings of one command."""

    def __init__(self, settings: Mapping[str, Any], inputs: Sequence[Path] = ()) -> None:
        self._clock = time.perf_counter()
        self._timings: dict[str, float] = {}
        self._record: dict[str, Any] = {
            "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "settings": {k: _plain(v) for k, v in settings.items()},
            "inputs": {str(path): file_hash(path) for path in inputs if path.is_file()},
            "versions": {"python": platform.python_version(), **_versions()},
            "platform": platform.platform(),
        }

    def add_settings(self, settings: Mapping[str, Any]) -> None:
        """Record more settings: those that follow from what was loaded."""
        self._record["settings"] |= {k: _plain(v) for k, v in settings.items()}

    @contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Add the block's wall time to the seconds of `stage`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._timings[stage] = self._timings.get(stage, 0.0) + time.perf_counter() - start

    def write(self, folder: Path, outputs: Sequence[Path], **results: Any) -> None:
        """Write `folder`/run.json; `results` are extra facts such as scores."""
        seconds = {stage: round(s, 3) for stage, s in self._timings.items()}
        seconds["total"] = round(time.perf_counter() - self._clock, 3)
        record = self._record | {
            "outputs": [path.name for path in outputs],
            "results": {k: _plain(v) for k, v in results.items()},
            "seconds": seconds,
        }
        write_text(folder / "run.json", json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
