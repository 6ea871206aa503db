"""ClipFace's published mappers: told apart by their widths, their levels stacked in one array.

`level_0` ... `level_17` hold one network a level, `geo` the expression mapper; the checkpoints of
zero offsets hold one `texture_mapper` for all levels, and `geometry_mapper`. Kept are
`texture.layers.N.weight` (levels, out, in) and `.bias` (levels, out), with one level where it
serves all, and `expression.layers.N.…` (1, out, in).
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from clipface_cli.assets._makers import Arrays
from clipface_cli.assets._reading import flatten
from clipface_cli.budget import Refused

POSE = 6  # numbers of a pose, which a motion mapper sees beside code and expression
_NONE = np.zeros(0)


def mapper(tree: Any) -> Arrays | None:
    """Texture mappers of codes (eq. 3), and the expression mapper (eq. 4) where there is one."""
    arrays = _stacked(tree)
    if arrays is None or _inputs_beside_code(arrays):
        return None
    return arrays


def motion_mapper(tree: Any) -> Arrays | None:
    """Texture mappers of [code; expression; pose] (eq. 11): more numbers in than out."""
    arrays = _stacked(tree)
    if arrays is None or not _inputs_beside_code(arrays):
        return None
    if "expression.layers.0.weight" in arrays:
        raise Refused("it looks like a mapper for sequences, but holds an expression mapper too")
    return arrays


def _stacked(tree: Any) -> Arrays | None:
    state = flatten(tree)
    if "texture.layers.0.weight" in state:
        return state  # what we wrote ourselves
    texture = _levels(state) or [_part(state, "texture_mapper.") or _unnamed(state)]
    expression = _part(state, "geo.") or _part(state, "geometry_mapper.")
    if not all(texture):
        if expression:
            raise Refused("it holds an expression mapper without texture mappers, which no "
                          "command uses")  # fmt: skip
        return None
    try:
        stacked = {f"texture.{k}": np.stack([t[k] for t in texture]) for k in texture[0]}
    except (KeyError, ValueError) as error:
        raise Refused("it looks like mappers, but its levels differ") from error
    stacked |= {f"expression.{k}": v[None] for k, v in expression.items()}
    code = _widths(stacked, "texture")[-1]
    if expression and _widths(stacked, "expression")[0] != code:
        raise Refused("it looks like mappers, but those of texture and expression do not belong "
                      "together")  # fmt: skip
    return stacked


def _levels(state: Arrays) -> list[Arrays]:
    """One network a level; Refused when one is missing."""
    found = {int(m[1]) for m in (re.match(r"level_(\d+)\.layers\.", name) for name in state) if m}
    for expected, level in enumerate(sorted(found)):
        if level != expected:
            raise Refused(f"it looks like mappers, but level_{expected} is missing")
    return [_part(state, f"level_{level}.") for level in range(len(found))]


def _part(state: Arrays, prefix: str) -> Arrays:
    """The `layers.N.weight` and `.bias` of one MLP, nothing if `prefix` holds something else."""
    part = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    ok = all(re.fullmatch(r"layers\.\d+\.(weight|bias)", name) for name in part)
    return part if ok and "layers.0.weight" in part else {}


def _unnamed(state: Arrays) -> Arrays:
    """One texture mapper that is the whole file; Refused when it may be another network."""
    part = _part(state, "")
    if not part:
        return {}
    if part["layers.0.weight"].ndim == 3:
        raise Refused("clipface itself wrote it; give its folder to --mapper as it is")
    widths = _widths({f"one.{name}": array[None] for name, array in part.items()}, "one")
    if widths[0] != widths[-1]:
        raise Refused(f"it is one network from {widths[0]} to {widths[-1]} numbers, and nothing "
                      "in it says which mapper's")  # fmt: skip
    return part


def _widths(arrays: Arrays, name: str) -> list[int]:
    """Numbers into the first layer and out of each; Refused when they do not fit together."""
    part = {k.removeprefix(f"{name}."): v for k, v in arrays.items() if k.startswith(f"{name}.")}
    first = part["layers.0.weight"]
    widths = [first.shape[-1]]
    for layer in range(len(part) // 2):
        weight, bias = (part.get(f"layers.{layer}.{end}", _NONE) for end in ("weight", "bias"))
        shape = (len(first), bias.shape[-1], widths[-1])
        if weight.shape != shape or bias.shape != shape[:2] or weight.dtype.kind != "f":
            raise Refused(f"it looks like mappers, but layer {layer} does not fit the others")
        widths.append(bias.shape[-1])
    if len(part) < 2 or len(part) % 2:
        raise Refused("it looks like mappers, but a layer lacks its weight or bias")
    return widths


def _inputs_beside_code(arrays: Arrays) -> int:
    """How many expression coefficients the texture mappers see; 0 for those of codes alone."""
    widths = _widths(arrays, "texture")
    beside = widths[0] - widths[-1]
    if beside == 0:
        return 0
    if beside <= POSE:
        raise Refused(f"it looks like mappers, but from {widths[0]} to {widths[-1]} numbers; "
                      f"the published ones are from 512 or {512 + 50 + POSE} to 512")  # fmt: skip
    return beside - POSE
