"""Weights in 8 bits: a step for each output channel, beside the tensor as NAME.step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

_STEP = ".step"  # suffix of the steps of an 8-bit tensor


def quantised(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights in 8 bits, with their quantisation steps in half precision.

    8 bits: convolution kernels (O, I, K, K) with K > 1, a step each output channel, and layers
    stacked as (L, O, I), a step each row. Other floating-point weights become half precision.
    """
    stored = {}
    for name, value in weights.items():
        kernel = value.ndim == 4 and value.shape[-1] > 1
        if kernel or (value.ndim == 3 and name.endswith("weight")):
            shared = (1, 2, 3) if kernel else (2,)
            step = value.abs().amax(shared, keepdim=True).clamp_min(1e-8) / 127
            stored[name] = (value / step).round().to(torch.int8)
            stored[name + _STEP] = step.half()
        else:
            stored[name] = value.half() if value.is_floating_point() else value
    return stored


def restored(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights in single precision, of the same shapes, from `quantised` ones."""
    weights = dict(stored)
    steps = {k: weights.pop(k + _STEP) for k in list(weights) if k + _STEP in weights}
    weights |= {k: weights[k].float() * step.float() for k, step in steps.items()}
    return {k: v.float() if v.is_floating_point() else v for k, v in weights.items()}
