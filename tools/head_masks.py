"""Region masks of the embedded head, one weight in [0, 1] a vertex.

Most come from where MakeHuman's own local changes move the surface; brows and scalp from curves
in head coordinates (metres from between the eyes).
"""

from __future__ import annotations

import head_source
import numpy as np

# Hairline height (m) over the angle (degrees) around the head's vertical axis from the front.
HAIRLINE_ANGLE = [0, 15, 28, 36, 44, 52, 60, 68, 73, 83, 86, 100, 108, 118, 135, 180]
HAIRLINE_HEIGHT = [
    *(0.069, 0.070, 0.070, 0.063, 0.047, 0.032, 0.018, 0.000),
    *(-0.022, -0.025, 0.012, 0.012, -0.020, -0.045, -0.062, -0.068),
]
BROW_SIDE = [0.0085, 0.012, 0.020, 0.028, 0.036, 0.044, 0.050, 0.056]
BROW_HEIGHT = [0.0165, 0.0178, 0.0200, 0.0222, 0.0242, 0.0238, 0.0212, 0.0172]


def build(
    source: head_source.Source, vertices: np.ndarray, part: np.ndarray
) -> dict[str, np.ndarray]:
    """Masks (V,) by region for the kept vertices, whose parts are named in `part` (V,)."""
    position = source.neutral[vertices]
    x, y, z = np.abs(position[:, 0]), position[:, 1], position[:, 2]
    skin = part == "skin"

    def moved(*names: str) -> np.ndarray:
        lengths = [np.linalg.norm(source.deformation(n)[vertices], axis=1) for n in names]
        return np.max([length / length.max() for length in lengths], axis=0) * skin

    upper = moved("mouth-upperlip-volume-incr")
    lower = moved("mouth-lowerlip-volume-incr")
    ears = step(0.05, 0.30, moved("l-ear-wing-incr", "r-ear-wing-incr")) * (x > 0.060)
    scalp = skin * step(-0.004, 0.006, y - hairline(position)) * (1 - ears)
    neck = skin * step(-0.095, -0.115, y - 0.35 * np.minimum(z + 0.01, 0)) * (1 - scalp)
    face = skin * step(-0.075, -0.060, z) * (1 - scalp) * (1 - neck) * (1 - ears)
    brow = np.abs(y - np.interp(x, BROW_SIDE, BROW_HEIGHT))
    brows = skin * step(0.0055, 0.0025, brow) * step(0.060, 0.054, x) * step(0.006, 0.010, x)
    lids = moved("eyeBlinkLeft", "eyeBlinkRight")
    return {
        "skin": skin * 1.0,
        "face": face,
        "lips": step(0.25, 0.60, np.maximum(upper, lower)),
        "upper_lip": step(0.25, 0.60, upper),
        "lower_lip": step(0.25, 0.60, lower),
        "nose": moved("nose-volume-incr"),
        "lids": step(0.10, 0.35, lids),
        "brows": brows * (z > 0),
        "scalp": scalp,
        "ears": ears,
        "neck": neck,
        "eyes": np.isin(part, ["left_eye", "right_eye"]) * 1.0,
        "sockets": np.isin(part, ["left_socket", "right_socket"]) * 1.0,
        "mouth_interior": np.isin(part, ["mouth", "upper_teeth", "lower_teeth", "tongue"]) * 1.0,
        "teeth": np.isin(part, ["upper_teeth", "lower_teeth"]) * 1.0,
        "tongue": (part == "tongue") * 1.0,
    }


def step(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """Smooth step from 0 at low to 1 at high (high may be the smaller)."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def hairline(position: np.ndarray) -> np.ndarray:
    """Height (m) of the hairline at each position's angle around the head's axis."""
    angle = np.degrees(np.arctan2(np.abs(position[:, 0]), position[:, 2] + 0.07))
    return np.interp(angle, HAIRLINE_ANGLE, HAIRLINE_HEIGHT)
