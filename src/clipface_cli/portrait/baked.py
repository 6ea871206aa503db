"""The soft light that skins are painted with: laid on by the painter, taken back by portraits."""

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]

_KEY = np.array([0.0, 0.60, 0.80], np.float32)  # direction of the key
_KEY_POWER, _KEY_LIGHT, _SKY_LIGHT = 1.6, 0.58, 0.62
_OPEN, _DARKEST = 0.92, 0.05  # share of the sky that counts as all of it, and as the least
_SKY_POWERS = (0.62, 0.90, 0.95)  # of red, green and blue: red light reaches farthest


def baked_light(occlusion: Field, normals: Field) -> Field:
    """Factor (..., 3) of an open sky, its red reaching farthest into hollows, and a frontal key.

    occlusion (...) is the share of the sky that is seen, normals (..., 3) are of length 1.
    """
    sky = np.clip(occlusion / _OPEN, _DARKEST, 1)
    key = np.clip(normals @ _KEY * 0.5 + 0.5, 0, 1) ** _KEY_POWER
    shade = np.stack([sky**power for power in _SKY_POWERS], -1)
    return np.asarray(shade * (_SKY_LIGHT + _KEY_LIGHT * key)[..., None], np.float32)
