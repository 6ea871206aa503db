"""The render backends: implementations of the four operations, each for one type of device.

A new one is a module with the functions of `Backend`, and its line in `BACKENDS`.
"""

import warnings
from functools import cache

import torch

from clipface_cli.errors import ClipfaceWarning
from clipface_cli.render.backends import cpu, cuda
from clipface_cli.render.backends.protocol import Backend, Fused, Lookup, Mesh, TopologyHash

__all__ = [
    "BACKENDS",
    "Backend",
    "Fused",
    "Lookup",
    "Mesh",
    "TopologyHash",
    "backend_of",
    "drawing_on",
]

BACKENDS: dict[str, Backend] = {
    "cpu": cpu,
    "cuda": cuda,
}


def backend_of(device: torch.device) -> Backend:
    """The backend of tensors that lie there. Raises ValueError where there is none."""
    for backend in BACKENDS.values():
        if backend.device == device.type:
            return backend
    raise ValueError(f"No render backend draws on {device}")


@cache
def drawing_on(kind: str) -> Backend:
    """The backend that draws heads of this type of device; if none does, says once: the CPU."""
    own = [backend for backend in BACKENDS.values() if backend.device == kind]
    for backend in own:
        if backend.available():
            return backend
    mends = "; ".join(backend.mend for backend in own if backend.mend)
    warnings.warn(
        f"Heads are drawn on the CPU and brought to the {kind} device, which is slow"
        f"{f' ({mends})' if mends else ''}.",
        ClipfaceWarning,
        stacklevel=2,
    )
    return BACKENDS["cpu"]
