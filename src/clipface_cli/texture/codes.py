"""Latent codes from files: the published ones, and what numpy, torch or this tool saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clipface_cli.assets import read_asset


def load_codes(source: str | Path) -> Tensor:
    """Latent codes w+ (N, L, w_dim) in single precision.

    source: the name of imported codes (`latents-clip_latents_val`, or `clip_latents_val`); a folder
    or zip of .pt, .npy or .safetensors files, read in the order of the numbers in their names; or
    one such file, sidecars among them. Each holds (L, w_dim) or (N, L, w_dim), and all of one
    source have the same L and w_dim. Nothing in a file is run. Raises InputError for a source that
    is not there, and for arrays of other shapes: a code of W, (w_dim,), must be repeated for the
    levels by whoever means that.
    """
    codes = read_asset(source, "latents").arrays["w"]
    return torch.from_numpy(np.array(codes, np.float32))
