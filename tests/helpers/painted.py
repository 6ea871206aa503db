"""Flat paintings of heads, for tests."""

import numpy as np
from scipy.spatial import cKDTree

from clipface_cli.head import HeadModel
from clipface_cli.portrait.topology import topology

PALE = (220, 175, 150)


def long_haired(head: HeadModel, shade: int) -> np.ndarray:
    """A texture (64, 64, 3) of pale skin under long hair of one grey."""
    fixed = topology(head)
    hair = np.maximum(fixed.masks["scalp"], np.maximum(fixed.masks["ears"], fixed.behind))
    corners = fixed.triangles[: len(fixed.own_faces)]
    bare = np.ones(len(fixed.uv), bool)
    bare[corners[:, 3:6]] = hair[corners[:, :3]] < 0.2
    axis = (np.arange(64) + 0.5) / 64
    texels = np.stack(np.meshgrid(axis, 1 - axis), axis=-1)
    own = np.unique(corners[:, 3:6])
    _, nearest_uv = cKDTree(fixed.uv[own]).query(texels)
    return np.where(bare[own][nearest_uv][..., None], PALE, shade).astype(np.uint8)
