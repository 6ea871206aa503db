"""Read and write the weights of networks: safetensors files whose header holds strings."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from clipface_cli.artifacts import quantised, restored, write_tensors
from clipface_cli.assets import builtin, file_format, locate_asset, read_asset, read_imported
from clipface_cli.errors import InputError


def locate(path: str | Path, name: str) -> Path:
    """The file itself, `name` inside a folder, the embedded `name` for "builtin", or an import."""
    if str(path) == "builtin":
        return builtin(name)
    found = locate_asset(path)
    if found.is_dir():
        if not (found / name).is_file():
            raise InputError(f"{found} holds no {name}; give a folder that does, or a file.")
        return found / name
    if not found.is_file():
        raise InputError(f"{found} does not exist; give a .safetensors file or a run folder.")
    return found


def load_state(path: Path, kind: str | None = None) -> dict[str, Tensor]:
    """All tensors of a file, of any shape; half-precision and 8-bit ones become float32.

    Published files (.pth, .pt) are read as `clipface assets import` reads them. kind: what such a
    file, or an imported one, must be; InputError when it is another.
    """
    try:
        if file_format(path) == "safetensors":
            if kind is not None and read_imported(path) is not None:
                read_asset(path, kind)
            state = load_file(path)
        else:
            arrays = read_asset(path, kind).arrays
            state = {name: torch.from_numpy(np.array(a)) for name, a in arrays.items()}
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a safetensors file ({error}).") from error
    return restored(state)


def save_state(
    path: str | Path,
    kind: str,
    state: Mapping[str, Tensor],
    dtype: torch.dtype,
    provenance: Mapping[str, str],
) -> None:
    """Write a state dict of tensors of any shape; `provenance` goes into the header.

    dtype: of the floating-point ones.

    torch.int8 stores convolutions and stacked layers in 8 bits, everything else in half precision.
    """
    if dtype == torch.int8:
        tensors = quantised(state)
    else:
        tensors = {k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()}
    write_tensors(Path(path), tensors, {"format": kind, "version": "1", **provenance})
