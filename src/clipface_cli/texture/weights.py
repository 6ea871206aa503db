"""Reading and writing network weights: safetensors with a small JSON-like header."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from clipface_cli.artifacts import write_tensors
from clipface_cli.assets import builtin
from clipface_cli.errors import InputError

STEP = ".step"  # suffix of the step size of an 8-bit tensor


def locate(path: str | Path, name: str) -> Path:
    """The file itself, `name` inside a folder, or the embedded `name` for "builtin"."""
    if str(path) == "builtin":
        return builtin(name)
    path = Path(path)
    path = path / name if path.is_dir() else path
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a .safetensors file or a run folder.")
    return path


def load_state(path: Path) -> dict[str, Tensor]:
    """All tensors of a file; half-precision and 8-bit ones become float32."""
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a safetensors file ({error}).") from error
    steps = {k: state.pop(k + STEP) for k in list(state) if k + STEP in state}
    state |= {k: state[k].float() * step.float() for k, step in steps.items()}
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}


def save_state(
    path: str | Path,
    kind: str,
    state: Mapping[str, Tensor],
    dtype: torch.dtype,
    provenance: Mapping[str, str],
) -> None:
    """Write a state dict, floating-point tensors as `dtype`; `provenance` goes into the header.

    torch.int8 stores convolution weights in 8 bits with a step for each output channel, beside
    them as NAME.step, and everything else in half precision.
    """
    tensors = {}
    for key, value in state.items():
        if dtype == torch.int8 and value.ndim == 4 and value.shape[-1] > 1:
            step = value.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-8) / 127
            tensors[key] = (value / step).round().to(torch.int8)
            tensors[key + STEP] = step.half()
        else:
            stored = torch.float16 if dtype == torch.int8 else dtype
            tensors[key] = value.to(stored if value.is_floating_point() else None)
    write_tensors(Path(path), tensors, {"format": kind, "version": "1", **provenance})
