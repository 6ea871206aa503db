"""Peak memory of a piece of work."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")  # "5" resets the peak, on Linux
_MIB = 1 << 20


@dataclass
class Peak:
    """mib: the most memory that the process held, in MiB; gpu_mib: that of tensors on a GPU."""

    mib: float = 0.0
    gpu_mib: float = 0.0


@contextmanager
def peak_memory(device: torch.device) -> Iterator[Peak]:
    """Measure while the block runs. Where the system keeps no such peak: since the start."""
    peak, on_gpu = Peak(), device.type == "cuda"
    with suppress(OSError):
        _RESET.write_text("5")
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    try:
        yield peak
    finally:
        peak.mib = _resident_peak() / _MIB
        if on_gpu:
            peak.gpu_mib = torch.cuda.max_memory_allocated(device) / _MIB


def _resident_peak() -> float:
    """Bytes."""
    with suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
