"""The soft light that skins are painted with: laid on by the painter, taken back by portraits."""

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]

_KEY = np.array([0.0, 0.60, 0.80], np.float32)


def baked_light(occlusion: Field, normals: Field) -> Field:
    """Factor (..., 3) of an open sky, its red reaching farthest into hollows, and a frontal key.

    occlusion (...) is the share of the sky that is seen, normals (..., 3) are of length 1.
    """
    sky = np.clip(occlusion / 0.92, 0.05, 1)
    key = np.clip(normals @ _KEY * 0.5 + 0.5, 0, 1) ** 1.6
    shade = np.stack([sky**0.62, sky**0.90, sky**0.95], -1)
    return np.asarray(shade * (0.62 + 0.58 * key)[..., None], np.float32)
