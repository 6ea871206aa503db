"""Latent codes of heads, as `torch.save` or numpy wrote them."""

from __future__ import annotations

from typing import Any

import numpy as np

from clipface_cli.assets._makers import Array, Arrays
from clipface_cli.assets._reading import floats
from clipface_cli.budget import Refused

NAMES = ("w", "w_code", "w_plus", "latent", "latents", "z_to_w")
LEVELS = range(2, 25)  # 2 log2 R of them, for textures of up to 4096 texels a side
WIDTH_STEP = 16  # every w_dim is a multiple of it; counts of coefficients (50, 100, 300) are not


def latents(tree: Any) -> Arrays | None:
    """Codes `w` (N, L, w_dim) of one array or a list, each bare or in a dict by a known name."""
    parts = tree if isinstance(tree, (list, tuple)) else [tree]
    found = [_named(part) for part in parts]
    if not found or not all(isinstance(a, np.ndarray) and a.dtype.kind == "f" for a in found):
        return None
    codes = [_code(floats(array)) for array in found]
    sizes = sorted({code.shape[1:] for code in codes})
    if len(sizes) > 1:
        raise Refused(f"its latent codes have different shapes, {sizes[0]} and {sizes[-1]}")
    return {"w": np.concatenate(codes)}


def _named(part: Any) -> Any:
    """The code in a dict, by a known name, or its only value if that has a code's shape."""
    if not isinstance(part, dict):
        return part
    named = next((part[name] for name in NAMES if name in part), None)
    if named is None and len(part) == 1:
        only = next(iter(part.values()))
        return only if isinstance(only, np.ndarray) and _is_code(only) else None
    return named


def _is_code(array: Array) -> bool:
    levels, width = array.shape[-2:] if array.ndim in (2, 3) else (0, 0)
    return levels in LEVELS and width > 0 and width % WIDTH_STEP == 0


def _code(array: Array) -> Array:
    """(L, w_dim) or (N, L, w_dim) as (N, L, w_dim); Refused for arrays that are no codes."""
    if _is_code(array):
        return array.reshape(-1, *array.shape[-2:])
    if array.ndim == 1:
        what = f"one row of {array.size} numbers, which no command takes by itself"
    else:
        what = f"an array of the shape {array.shape}, which no command uses"
    raise Refused(f"it holds {what}; a latent code has a row for each level, such as (18, 512)")
