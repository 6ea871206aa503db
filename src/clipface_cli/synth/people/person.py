"""People as named attributes: what the painter, the captions and the trainings know of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

LOOKS = (
    "none",
    "zombie",
    "ghost",
    "vampire",
    "werewolf",
    "white walker",
    "statue",
    "clown",
    "robot",
    "alien",
    "barbie doll",
    "mona lisa",
    "witcher",
    "gothic makeup",
    "party makeup",
)
HAIR_STYLES = ("buzz", "back", "side", "fringe", "curly", "long")

CHANNELS = ("red", "green", "blue")

LATENT_NAMES = (
    "kind",
    "look",
    "look_strength",
    "subkind",
    "sex",
    "age",
    "melanin",
    "haemoglobin",
    "yellow",
    "flush",
    "mottle_1",
    "mottle_2",
    "mottle_3",
    "freckles",
    "moles",
    "mole_1",
    "mole_2",
    "mole_3",
    "mole_4",
    "dark_circles",
    "brow_thickness",
    "brow_arch",
    "brow_tilt",
    "brow_density",
    "brow_shade",
    "lip_fullness",
    "lip_bow",
    "lip_redness",
    "lipstick",
    "lipstick_hue",
    "lipstick_dark",
    "iris",
    "iris_light",
    "pupil",
    "eye_redness",
    "beard_kind",
    "stubble",
    "beard",
    "moustache",
    "beard_cheeks",
    "hair_dark",
    "hair_red",
    "grey",
    "hairline",
    "bald",
    "hair_style",
    "hair_volume",
    "eyeshadow",
    "eyeshadow_hue",
    "eyeshadow_dark",
    "liner",
    "blush",
    "wrinkles",
    "smile_lines",
    "frown_lines",
    "forehead_lines",
    "pattern_1",
    "pattern_2",
    "pattern_3",
)
LATENT_SIZE = len(LATENT_NAMES)


@dataclass
class Person:
    """Everything the painter needs to know; amounts lie in 0..1 unless noted, colours are sRGB."""

    sex: float  # 0 woman .. 1 man
    age: float  # 0 at about 16 years, 1 at about 85
    melanin: float  # .05 pale .. 1.05 very dark
    haemoglobin: float  # .16 pale .. .40 ruddy
    yellow: float
    flush: float  # natural redness of cheeks and nose
    mottle_1: float  # weights of the three canonical blotch layouts
    mottle_2: float
    mottle_3: float
    freckles: float
    moles: float
    mole_1: float  # which of the canonical moles are there
    mole_2: float
    mole_3: float
    mole_4: float
    dark_circles: float
    brow_thickness: float  # 1 is average
    brow_arch: float  # 1 is average
    brow_tilt: float  # radians, positive raises the outer end
    brow_density: float
    brow_red: float
    brow_green: float
    brow_blue: float
    lip_fullness: float  # 1 is average
    lip_bow: float
    lip_redness: float
    lipstick: float
    lipstick_red: float
    lipstick_green: float
    lipstick_blue: float
    iris_red: float
    iris_green: float
    iris_blue: float
    iris_ring: float  # amount of the warm ring round the pupil
    pupil: float  # share of the iris radius
    eye_redness: float
    stubble: float
    beard: float
    moustache: float
    beard_cheeks: float
    hair_red: float
    hair_green: float
    hair_blue: float
    recession: float  # hairline drawn back at the temples
    bald: float  # bald top
    hair_volume: float
    style_buzz: float
    style_back: float
    style_side: float
    style_fringe: float
    style_curly: float
    style_long: float
    eyeshadow: float
    eyeshadow_red: float
    eyeshadow_green: float
    eyeshadow_blue: float
    liner: float
    blush: float
    wrinkles: float
    smile_lines: float
    frown_lines: float
    forehead_lines: float
    pattern_1: float  # weights of the layouts of a look's patches
    pattern_2: float
    pattern_3: float
    look_strength: float
    look: str

    def vector(self) -> Array:
        """Attributes (A,) float32 with the look as a one-hot scaled by its strength."""
        numbers = [getattr(self, name) for name in NUMBERS]
        look = [self.look_strength if self.look == name else 0.0 for name in LOOKS[1:]]
        return np.array(numbers + look, np.float32)

    def colour(self, of: str) -> Array:
        """sRGB (3,) of `hair`, `brow`, `lipstick`, `iris` or `eyeshadow`."""
        return np.array([getattr(self, f"{of}_{c}") for c in CHANNELS], np.float32)

    @property
    def style(self) -> str:
        """Name of the hair style."""
        return max(HAIR_STYLES, key=lambda name: float(getattr(self, f"style_{name}")))

    def to_dict(self) -> dict[str, Any]:
        """Fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Person:
        """Inverse of to_dict."""
        return cls(**values)


NUMBERS = tuple(f.name for f in fields(Person) if f.name not in ("look", "look_strength"))
ATTRIBUTE_NAMES = NUMBERS + tuple(f"look_{name.replace(' ', '_')}" for name in LOOKS[1:])
ATTRIBUTE_SIZE = len(ATTRIBUTE_NAMES)
