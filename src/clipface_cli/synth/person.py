"""People as named attributes, drawn deterministically from standard normal latents."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Array = NDArray[np.float32]
Columns = dict[str, NDArray[np.float64]]

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
        numbers = [getattr(self, name) for name in _NUMBERS]
        look = [self.look_strength if self.look == name else 0.0 for name in LOOKS[1:]]
        return np.array(numbers + look, np.float32)

    def colour(self, of: str) -> Array:
        """sRGB (3,) of `hair`, `brow`, `lipstick`, `iris` or `eyeshadow`."""
        return np.array([getattr(self, f"{of}_{c}") for c in ("red", "green", "blue")], np.float32)

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


_NUMBERS = tuple(f.name for f in fields(Person) if f.name not in ("look", "look_strength"))
ATTRIBUTE_NAMES = _NUMBERS + tuple(f"look_{name.replace(' ', '_')}" for name in LOOKS[1:])
ATTRIBUTE_SIZE = len(ATTRIBUTE_NAMES)

# Share of each look among the fantasy looks, in the order of LOOKS[1:].
_LOOK_SHARES = np.array([13, 11, 9, 7, 7, 6, 10, 3, 6, 7, 7, 4, 6, 4], float)

# sRGB of undyed hair from blond to black, of irises and of make-up.
_HAIR_SHADES = np.array(
    [[206, 172, 112], [168, 124, 72], [112, 76, 46], [70, 46, 30], [40, 28, 21], [22, 18, 17]]
)
_IRIS_SHADES = np.array(
    [[78, 118, 158], [112, 140, 158], [92, 120, 92], [128, 108, 62], [104, 66, 36], [66, 40, 24]]
)
_LIPSTICKS = np.array(
    [[196, 98, 98], [214, 82, 112], [200, 24, 34], [166, 16, 28], [128, 26, 44], [84, 20, 44]]
)
_SHADOWS = np.array(
    [[150, 108, 84], [98, 66, 60], [120, 76, 110], [66, 84, 138], [60, 110, 104], [52, 48, 52]]
)


def _ramp(x: NDArray[np.float64], table: NDArray[Any]) -> NDArray[np.float64]:
    """Colours (n, 3) in 0..1 along a table of sRGB shades at x in 0..1."""
    at = np.linspace(0, 1, len(table))
    return np.stack([np.interp(x, at, table[:, k]) for k in range(3)], 1) / 255


def _step(lo: float, hi: float, x: NDArray[np.float64]) -> NDArray[np.float64]:
    t = np.clip((x - lo) / (hi - lo), 0, 1)
    return t * t * (3 - 2 * t)


def _put(columns: Columns, name: str, colour: NDArray[np.float64]) -> None:
    for k, channel in enumerate(("red", "green", "blue")):
        columns[f"{name}_{channel}"] = colour[:, k]


def _skin(p: Columns, z: Columns, out: Columns) -> None:
    age = out["age"]
    shares = np.array([0, 0.12, 0.4, 0.55, 0.7, 0.82, 0.92, 1])
    melanin = np.interp(p["melanin"], shares, [0.05, 0.08, 0.14, 0.20, 0.30, 0.45, 0.72, 1.05])
    out["melanin"] = melanin
    out["haemoglobin"] = 0.17 + 0.15 * p["haemoglobin"] + 0.05 * age
    out["yellow"] = p["yellow"] * _step(0.08, 0.3, melanin)
    out["flush"] = np.clip(0.15 + 0.25 * p["flush"], 0, 1) / (1 + 0.5 * melanin)
    for name in ("mottle_1", "mottle_2", "mottle_3", "mole_1", "mole_2", "mole_3", "mole_4"):
        out[name] = np.clip(z[name], -2.5, 2.5) / 2
    pale = _step(0.24, 0.08, melanin)
    out["freckles"] = _step(0.55, 1, p["freckles"]) * pale * (1 - 0.6 * age)
    out["moles"] = np.clip(0.45 * p["moles"] ** 2 + 0.1 * age, 0, 1)
    out["dark_circles"] = np.clip(0.15 + 0.6 * p["dark_circles"] ** 1.5 + 0.3 * age, 0, 1)
    lines = _step(0.3, 1, age + 0.15 * (p["wrinkles"] - 0.5))
    out["wrinkles"] = lines * (0.75 + 0.4 * p["wrinkles"])
    out["smile_lines"] = (
        np.clip(1.6 * (p["smile_lines"] - 0.55), 0, 1) * (1 - 0.4 * lines) + 0.75 * lines
    )
    out["frown_lines"] = np.clip(1.6 * (p["frown_lines"] - 0.6), 0, 1) + 0.3 * lines
    out["forehead_lines"] = np.clip(1.2 * (p["forehead_lines"] - 0.7), 0, 1) + 0.85 * lines


def _features(p: Columns, z: Columns, out: Columns) -> None:
    sex, melanin, age = out["sex"], out["melanin"], out["age"]
    out["brow_thickness"] = 0.78 + 0.34 * sex + 0.4 * (p["brow_thickness"] - 0.4)
    out["brow_arch"] = 1.1 - 0.45 * sex + 0.5 * (p["brow_arch"] - 0.5)
    out["brow_tilt"] = 0.10 * (p["brow_tilt"] - 0.5) - 0.03 * (1 - sex) - 0.06 * age
    out["brow_density"] = np.clip(0.55 + 0.45 * p["brow_density"], 0, 1) * (1 - 0.2 * age)
    out["lip_fullness"] = (
        0.85 + 0.22 * (1 - sex) + 0.3 * (p["lip_fullness"] - 0.5) + 0.1 * melanin - 0.22 * age
    )
    out["lip_bow"] = p["lip_bow"]
    out["lip_redness"] = 0.55 + 0.35 * p["lip_redness"] + 0.12 * (1 - sex) - 0.15 * age
    dark = _step(0.18, 0.42, melanin)
    brown = 0.58 + 0.42 * p["iris"]
    _put(out, "iris", _ramp((1 - dark) * p["iris"] + dark * brown, _IRIS_SHADES))
    for channel in ("red", "green", "blue"):
        out[f"iris_{channel}"] = out[f"iris_{channel}"] * (0.85 + 0.35 * p["iris_light"])
    out["iris_ring"] = p["iris_light"] ** 2
    out["pupil"] = 0.30 + 0.14 * p["pupil"]
    out["eye_redness"] = 0.12 + 0.3 * p["eye_redness"] ** 2 + 0.2 * age


def _hair(p: Columns, out: Columns) -> None:
    sex, age, melanin = out["sex"], out["age"], out["melanin"]
    dark = _step(0.16, 0.34, melanin)
    shade = (1 - dark) * p["hair_dark"] + dark * (0.72 + 0.28 * p["hair_dark"])
    colour = _ramp(shade, _HAIR_SHADES)
    red = (_step(0.86, 0.97, p["hair_red"]) * (1 - dark))[:, None]
    colour = colour * (1 - red) + np.array([148, 66, 28]) / 255 * red
    grey = _step(0.45, 0.9, age + 0.3 * (p["grey"] - 0.5))[:, None]
    silver = np.array([172, 168, 163]) / 255
    out["_grey"] = grey[:, 0]
    colour = colour * (1 - grey) + silver * (0.75 + 0.3 * p["grey"][:, None]) * grey
    _put(out, "hair", colour)
    darker = 0.62 + 0.3 * p["brow_shade"][:, None] + 0.1 * grey
    _put(out, "brow", colour * darker)
    out["recession"] = sex * np.clip(0.9 * (p["hairline"] - 0.6) + 0.7 * age, 0, 1)
    out["bald"] = sex * _step(0.72, 0.95, p["bald"] * 0.75 + 0.45 * age)
    out["hair_volume"] = p["hair_volume"]
    man = sex > 0.5
    shares_man = np.cumsum([0.24, 0.22, 0.24, 0.18, 0.12, 0.0])
    shares_woman = np.cumsum([0.02, 0.14, 0.02, 0.0, 0.12, 0.70])
    index = np.where(
        man,
        np.searchsorted(shares_man, p["hair_style"]),
        np.searchsorted(shares_woman, p["hair_style"]),
    )
    for k, name in enumerate(HAIR_STYLES):
        out[f"style_{name}"] = (np.minimum(index, 5) == k).astype(float)
    bearded = man & (p["beard_kind"] > 0.62)
    out["stubble"] = sex * np.clip(1.1 * p["stubble"] - 0.15, 0, 1) * (0.35 + 0.65 * man)
    out["beard"] = bearded * (0.35 + 0.65 * p["beard"])
    out["moustache"] = np.where(bearded, 0.5 + 0.5 * p["moustache"], 0.0)
    only = man & (p["beard_kind"] > 0.55) & ~bearded
    out["moustache"] = np.where(only, 0.6 + 0.4 * p["moustache"], out["moustache"])
    out["beard_cheeks"] = np.clip(0.25 + 1.1 * p["beard_cheeks"], 0, 1)


def _makeup(p: Columns, out: Columns, styled: NDArray[np.bool_]) -> None:
    woman = out["sex"] < 0.5
    worn = woman & styled & (p["subkind"] < 0.62)
    light = woman & ~worn & (p["subkind"] > 0.75)
    out["lipstick"] = np.where(worn, 0.55 + 0.45 * p["lipstick"], 0.4 * light * p["lipstick"])
    lipstick = _ramp(p["lipstick_hue"], _LIPSTICKS)
    _put(out, "lipstick", lipstick * (1.08 - 0.25 * p["lipstick_dark"][:, None]))
    out["eyeshadow"] = np.where(worn, 0.25 + 0.7 * p["eyeshadow"], 0.2 * light)
    shadow = _ramp(p["eyeshadow_hue"], _SHADOWS)
    _put(out, "eyeshadow", shadow * (1.1 - 0.4 * p["eyeshadow_dark"][:, None]))
    out["liner"] = np.where(worn, 0.4 + 0.6 * p["liner"], 0.5 * woman)
    out["blush"] = np.where(worn, 0.15 + 0.5 * p["blush"], 0.1 * light)


def _range(lo: float, hi: float, p: NDArray[np.float64]) -> NDArray[np.float64]:
    return lo + (hi - lo) * p


Preset = dict[str, float | tuple[float, float]]


def _rgb(name: str, red: int, green: int, blue: int) -> Preset:
    return {f"{name}_red": red / 255, f"{name}_green": green / 255, f"{name}_blue": blue / 255}


def _style(name: str) -> Preset:
    return {f"style_{other}": float(other == name) for other in HAIR_STYLES}


_NO_MAKEUP: Preset = {"lipstick": 0, "eyeshadow": 0, "liner": 0, "blush": 0}
_SHAVED: Preset = {"stubble": 0, "beard": 0, "moustache": 0}

# What a look changes about the person; a pair is a range. Painted overlays are in looks.py.
_PRESETS: dict[str, Preset] = {
    "zombie": _NO_MAKEUP
    | _rgb("iris", 196, 198, 182)
    | {"pupil": 0.14, "eye_redness": 1, "dark_circles": 1, "melanin": (0.1, 0.35), "bald": (0, 0.6)}
    | {"lip_redness": 0.2, "freckles": 0, "wrinkles": (0.3, 0.9), "flush": 0},
    "ghost": _NO_MAKEUP
    | _SHAVED
    | _rgb("iris", 206, 216, 222)
    | _rgb("hair", 214, 220, 226)
    | _rgb("brow", 176, 184, 194)
    | {"pupil": 0.12, "eye_redness": 0, "melanin": 0.05, "haemoglobin": 0.12, "flush": 0}
    | {"freckles": 0, "moles": 0, "lip_redness": 0.1},
    "vampire": _SHAVED
    | _rgb("iris", 190, 22, 18)
    | _rgb("hair", 16, 13, 15)
    | _rgb("brow", 14, 11, 12)
    | _rgb("lipstick", 116, 8, 18)
    | _style("back")
    | {"melanin": 0.05, "haemoglobin": 0.13, "flush": 0.02, "freckles": 0, "lipstick": 0.85}
    | {"brow_arch": 1.3, "brow_tilt": 0.12, "brow_density": 1, "bald": 0, "recession": 0.35}
    | {"eyeshadow": 0.2, "blush": 0, "eye_redness": 0.8, "dark_circles": 0.9, "yellow": 0},
    "werewolf": _NO_MAKEUP
    | _rgb("iris", 226, 160, 30)
    | _rgb("hair", 92, 68, 48)
    | _rgb("brow", 50, 36, 26)
    | {"brow_thickness": 2.0, "brow_density": 1, "beard": 1, "moustache": 1, "beard_cheeks": 1}
    | {"bald": 0, "recession": 0, "melanin": (0.22, 0.4), "stubble": 1, "pupil": 0.2},
    "white walker": _NO_MAKEUP
    | _rgb("iris", 74, 176, 255)
    | _rgb("hair", 204, 212, 220)
    | _rgb("brow", 176, 188, 200)
    | {"melanin": 0.05, "haemoglobin": 0.05, "flush": 0, "pupil": 0.13, "wrinkles": (0.5, 1)}
    | {"freckles": 0, "eye_redness": 0, "dark_circles": 0.6, "lip_redness": 0.1},
    "statue": _NO_MAKEUP | {"freckles": 0, "moles": 0, "stubble": 0, "dark_circles": 0},
    "clown": _SHAVED
    | _style("curly")
    | _rgb("hair", 216, 48, 18)
    | _rgb("brow", 26, 20, 22)
    | _rgb("lipstick", 206, 14, 22)
    | {"lipstick": 1, "brow_arch": 1.6, "brow_thickness": 0.7, "bald": (0, 0.4), "recession": 0.3}
    | {"eyeshadow": 0, "hair_volume": 1, "freckles": 0},
    "robot": _NO_MAKEUP | _SHAVED | _rgb("iris", 40, 210, 255) | {"freckles": 0, "moles": 0},
    "alien": _NO_MAKEUP | _SHAVED | _style("buzz") | {"bald": 1, "recession": 1, "freckles": 0},
    "barbie doll": _SHAVED
    | _style("long")
    | _rgb("hair", 238, 200, 116)
    | _rgb("brow", 168, 122, 72)
    | _rgb("iris", 62, 142, 214)
    | _rgb("lipstick", 238, 62, 138)
    | _rgb("eyeshadow", 222, 128, 196)
    | {"sex": 0, "age": 0.1, "melanin": 0.13, "haemoglobin": 0.22, "flush": 0.1, "freckles": 0}
    | {"lipstick": 1, "eyeshadow": 0.85, "liner": 1, "blush": 0.8, "moles": 0, "wrinkles": 0}
    | {"smile_lines": 0, "frown_lines": 0, "forehead_lines": 0, "dark_circles": 0, "bald": 0}
    | {"brow_arch": 1.5, "brow_thickness": 0.6, "lip_fullness": 1.2, "eye_redness": 0}
    | {"recession": 0, "lip_bow": 0.9, "iris_ring": 0},
    "mona lisa": _NO_MAKEUP
    | _SHAVED
    | _style("long")
    | _rgb("hair", 44, 28, 17)
    | _rgb("brow", 96, 68, 40)
    | _rgb("iris", 84, 56, 28)
    | {"sex": 0, "age": 0.25, "melanin": 0.2, "haemoglobin": 0.22, "yellow": 1, "freckles": 0}
    | {"moles": 0, "brow_density": 0.0, "bald": 0, "lip_fullness": 0.82, "flush": 0.12}
    | {"lip_redness": 0.62, "wrinkles": 0, "smile_lines": 0.35, "frown_lines": 0}
    | {"forehead_lines": 0, "dark_circles": 0.35, "recession": 0.0, "eye_redness": 0.2},
    "witcher": _NO_MAKEUP
    | _style("back")
    | _rgb("iris", 246, 190, 36)
    | _rgb("hair", 222, 222, 218)
    | _rgb("brow", 150, 146, 140)
    | {"sex": 1, "melanin": 0.1, "stubble": 0.8, "beard": (0, 0.45), "bald": 0, "pupil": 0.3}
    | {"moustache": (0.2, 0.6), "recession": 0.3, "freckles": 0, "dark_circles": 0.8},
    "gothic makeup": _SHAVED
    | _rgb("hair", 18, 14, 20)
    | _rgb("brow", 16, 12, 16)
    | _rgb("lipstick", 30, 10, 20)
    | _rgb("eyeshadow", 20, 15, 22)
    | {"sex": 0, "melanin": 0.06, "haemoglobin": 0.15, "flush": 0.02, "lipstick": 1}
    | {"eyeshadow": 1, "liner": 1, "blush": 0, "freckles": 0, "brow_arch": 1.5, "bald": 0}
    | {"brow_thickness": 0.6, "recession": 0},
    "party makeup": _SHAVED
    | _rgb("lipstick", 224, 24, 104)
    | {"sex": 0, "lipstick": 1, "eyeshadow": 1, "liner": 1, "blush": 0.9, "bald": 0}
    | {"recession": 0, "brow_density": 0.9, "lip_fullness": 1.12},
}
_WHOLE = ("sex", "bald", "brow_density", "beard", "moustache", "stubble", "freckles")
_NEVER_OLD = ("barbie doll", "mona lisa", "party makeup", "gothic makeup")


def _apply_looks(p: Columns, out: Columns, look: NDArray[np.int64]) -> None:
    """Move every person towards the preset of their look by its strength."""
    spread = p["iris_light"]
    for index, name in enumerate(LOOKS):
        rows = np.flatnonzero(look == index)
        if not len(rows) or name == "none":
            continue
        strength = out["look_strength"][rows]
        for field_name, value in _PRESETS[name].items():
            target = _range(*value, spread[rows]) if isinstance(value, tuple) else value
            column = out[field_name]
            whole = field_name.startswith("style_") or field_name in _WHOLE
            amount = np.ones_like(strength) if whole else strength
            column[rows] = column[rows] * (1 - amount) + target * amount
        if name == "party makeup":
            hue = p["eyeshadow_hue"][rows]
            bright = 0.5 + 0.5 * np.cos(2 * np.pi * (hue[:, None] - np.array([0, 0.36, 0.66])))
            for k, channel in enumerate(("red", "green", "blue")):
                out[f"eyeshadow_{channel}"][rows] = 0.2 + 0.7 * bright[:, k]


def _columns(latents: NDArray[Any]) -> tuple[Columns, NDArray[np.int64]]:
    """All numeric fields as columns (n,), and each row's index into LOOKS."""
    values = np.asarray(latents, np.float64)
    z = dict(zip(LATENT_NAMES, values.T, strict=True))
    p = {name: ndtr(column) for name, column in z.items()}
    fantasy = p["kind"] > 0.65
    styled = (p["kind"] > 0.40) & ~fantasy
    shares = np.cumsum(_LOOK_SHARES) / _LOOK_SHARES.sum()
    look = np.where(fantasy, 1 + np.searchsorted(shares[:-1], p["look"]), 0)
    feminine = np.isin(look, [LOOKS.index(name) for name in _NEVER_OLD])
    out: Columns = {}
    out["sex"] = _step(0.46, 0.54, np.where(feminine, 0.1, p["sex"]))
    age = np.interp(p["age"], [0, 0.3, 0.7, 0.88, 1], [0, 0.12, 0.4, 0.7, 0.85])
    aged = styled & (p["subkind"] > 0.66)
    out["age"] = np.where(feminine, 0.4 * age, np.where(aged, 0.72 + 0.28 * p["age"], age))
    _skin(p, z, out)
    _features(p, z, out)
    _hair(p, out)
    _makeup(p, out, styled)
    groomed = styled & ~aged & (out["sex"] > 0.5)
    out["beard"] = np.where(groomed, np.maximum(out["beard"], 0.5 + 0.5 * p["beard"]), out["beard"])
    out["moustache"] = np.where(
        groomed, np.maximum(out["moustache"], 0.5 + 0.5 * p["moustache"]), out["moustache"]
    )
    for name in ("pattern_1", "pattern_2", "pattern_3"):
        out[name] = np.clip(z[name], -2.5, 2.5) / 2
    out["look_strength"] = np.where(fantasy, 0.72 + 0.28 * p["look_strength"], 0.0)
    _apply_looks(p, out, look)
    return out, look


def person_from_latent(latent: NDArray[Any]) -> Person:
    """The person of one standard normal latent (LATENT_SIZE,); the same latent, the same person."""
    columns, look = _columns(np.asarray(latent)[None])
    numbers = {name: round(float(columns[name][0]), 5) for name in _NUMBERS}
    strength = round(float(columns["look_strength"][0]), 5)
    return Person(**numbers, look_strength=strength, look=LOOKS[look[0]])


def sample_attributes(n: int, seed: int) -> tuple[Array, Array]:
    """Latents (n, LATENT_SIZE) standard normal and attributes (n, ATTRIBUTE_SIZE) of n people.

    A longer list of the same seed starts with the shorter one.
    """
    latents = np.random.default_rng(seed).standard_normal((n, LATENT_SIZE)).astype(np.float32)
    return latents, attributes_from_latents(latents)


def attributes_from_latents(latents: NDArray[Any]) -> Array:
    """Attribute vectors (n, ATTRIBUTE_SIZE) of latents (n, LATENT_SIZE)."""
    columns, look = _columns(latents)
    numbers = np.stack([columns[name] for name in _NUMBERS], 1)
    one_hot = (look[:, None] == np.arange(1, len(LOOKS))) * columns["look_strength"][:, None]
    return np.concatenate([numbers, one_hot], 1).astype(np.float32)
