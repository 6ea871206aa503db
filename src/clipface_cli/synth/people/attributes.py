"""People drawn deterministically from standard normal latents; numbers in `tables/attributes`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from clipface_cli.synth.people.person import (
    CHANNELS,
    HAIR_STYLES,
    LATENT_NAMES,
    LATENT_SIZE,
    LOOKS,
    NUMBERS,
    Array,
    Person,
)
from clipface_cli.synth.tables import look_table, table

Columns = dict[str, NDArray[np.float64]]
Preset = dict[str, float | tuple[float, float]]

# Attributes that a look sets in full, however weak it is; others move by its strength.
_WHOLE = ("sex", "bald", "brow_density", "beard", "moustache", "stubble", "freckles")


def _ramp(x: NDArray[np.float64], shades: list[list[int]]) -> NDArray[np.float64]:
    """Colours (n, 3) in 0..1 along a table of sRGB shades at x (n,) in 0..1."""
    at, known = np.linspace(0, 1, len(shades)), np.array(shades)
    return np.stack([np.interp(x, at, known[:, k]) for k in range(3)], 1) / 255


def _step(ends: Sequence[float], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smooth step of x (n,) from 0 at the first end to 1 at the second."""
    lo, hi = ends
    t = np.clip((x - lo) / (hi - lo), 0, 1)
    return t * t * (3 - 2 * t)


def _range(ends: Sequence[float], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values between two ends at shares p (n,)."""
    lo, hi = ends
    return lo + (hi - lo) * p


def _put(columns: Columns, name: str, colour: NDArray[np.float64]) -> None:
    for k, channel in enumerate(CHANNELS):
        columns[f"{name}_{channel}"] = colour[:, k]


def _bounded(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """A latent without its outliers."""
    t = table("attributes").latents
    return np.asarray(np.clip(z, -t.limit, t.limit) / t.scale)


def _skin(p: Columns, z: Columns, out: Columns) -> None:
    t, age = table("attributes").skin, out["age"]
    melanin = np.interp(p["melanin"], t.melanin_at, t.melanin)
    out["melanin"] = melanin
    blood, flush, circles = t.haemoglobin, t.flush, t.dark_circles
    out["haemoglobin"] = blood.base + blood.varied * p["haemoglobin"] + blood.age * age
    out["yellow"] = p["yellow"] * _step(t.yellow_ramp, melanin)
    red = np.clip(flush.base + flush.varied * p["flush"], 0, 1)
    out["flush"] = red / (1 + flush.melanin * melanin)
    for name in ("mottle_1", "mottle_2", "mottle_3", "mole_1", "mole_2", "mole_3", "mole_4"):
        out[name] = _bounded(z[name])
    pale = _step(t.freckle_melanin, melanin)
    out["freckles"] = _step(t.freckle_ramp, p["freckles"]) * pale * (1 - t.freckle_age * age)
    out["moles"] = np.clip(t.moles.varied * p["moles"] ** 2 + t.moles.age * age, 0, 1)
    dark = circles.base + circles.varied * p["dark_circles"] ** circles.power
    out["dark_circles"] = np.clip(dark + circles.age * age, 0, 1)
    _lines(p, out)


def _lines(p: Columns, out: Columns) -> None:
    """Wrinkles of age, and lines of expression that some have sooner."""
    t = table("attributes").lines
    lines = _step(t.ramp, out["age"] + t.early * (p["wrinkles"] - 0.5))
    out["wrinkles"] = lines * (t.least + t.varied * p["wrinkles"])
    early = {
        name: np.clip(part.varied * (p[f"{name}_lines"] - part["from"]), 0, 1)
        for name, part in (("smile", t.smile), ("frown", t.frown), ("forehead", t.forehead))
    }
    out["smile_lines"] = early["smile"] * (1 - t.smile.hidden * lines) + t.smile.aged * lines
    out["frown_lines"] = early["frown"] + t.frown.aged * lines
    out["forehead_lines"] = early["forehead"] + t.forehead.aged * lines


def _features(p: Columns, out: Columns) -> None:
    sex, melanin, age = out["sex"], out["melanin"], out["age"]
    brows, lips, eyes = (table("attributes").entries[name] for name in ("brows", "lips", "eyes"))
    b = brows.thickness
    out["brow_thickness"] = b.base + b.man * sex + b.varied * (p["brow_thickness"] - b.around)
    b = brows.arch
    out["brow_arch"] = b.base + b.man * sex + b.varied * (p["brow_arch"] - b.around)
    b = brows.tilt
    tilt = b.varied * (p["brow_tilt"] - b.around)
    out["brow_tilt"] = tilt + b.woman * (1 - sex) + b.age * age
    b = brows.density
    out["brow_density"] = np.clip(b.base + b.varied * p["brow_density"], 0, 1) * (1 - b.age * age)
    f, r = lips.fullness, lips.redness
    full = f.base + f.woman * (1 - sex) + f.varied * (p["lip_fullness"] - f.around)
    out["lip_fullness"] = full + f.melanin * melanin + f.age * age
    out["lip_bow"] = p["lip_bow"]
    out["lip_redness"] = r.base + r.varied * p["lip_redness"] + r.woman * (1 - sex) + r.age * age
    dark = _step(eyes.dark_ramp, melanin)
    brown = eyes.brown.base + eyes.brown.varied * p["iris"]
    _put(out, "iris", _ramp((1 - dark) * p["iris"] + dark * brown, eyes.shades))
    for channel in CHANNELS:
        light = eyes.light.base + eyes.light.varied * p["iris_light"]
        out[f"iris_{channel}"] = out[f"iris_{channel}"] * light
    out["iris_ring"] = p["iris_light"] ** 2
    out["pupil"] = eyes.pupil.base + eyes.pupil.varied * p["pupil"]
    r = eyes.redness
    out["eye_redness"] = r.base + r.varied * p["eye_redness"] ** 2 + r.age * age


def _hair(p: Columns, out: Columns) -> None:
    t, brows = table("attributes").hair, table("attributes").brows.darker
    sex, age, melanin = out["sex"], out["age"], out["melanin"]
    dark = _step(t.dark_ramp, melanin)
    shade = (1 - dark) * p["hair_dark"] + dark * (t.dark.base + t.dark.varied * p["hair_dark"])
    colour = _ramp(shade, t.shades)
    red = (_step(t.red_ramp, p["hair_red"]) * (1 - dark))[:, None]
    colour = colour * (1 - red) + np.array(t.red) / 255 * red
    grey = _step(t.grey_ramp, age + t.grey_early * (p["grey"] - 0.5))[:, None]
    bright = t.silver_brightness.base + t.silver_brightness.varied * p["grey"][:, None]
    colour = colour * (1 - grey) + np.array(t.silver) / 255 * bright * grey
    _put(out, "hair", colour)
    darker = brows.base + brows.varied * p["brow_shade"][:, None] + brows.grey * grey
    _put(out, "brow", colour * darker)
    back = t.recession.varied * (p["hairline"] - t.recession["from"]) + t.recession.age * age
    out["recession"] = sex * np.clip(back, 0, 1)
    out["bald"] = sex * _step(t.bald_ramp, p["bald"] * t.bald.varied + t.bald.age * age)
    out["hair_volume"] = p["hair_volume"]
    styles = [np.searchsorted(np.cumsum(shares), p["hair_style"]) for shares in (t.men, t.women)]
    index = np.where(sex > 0.5, *styles)
    for k, name in enumerate(HAIR_STYLES):
        out[f"style_{name}"] = (np.minimum(index, len(HAIR_STYLES) - 1) == k).astype(float)


def _beard(p: Columns, out: Columns) -> None:
    t, sex = table("attributes").beard, out["sex"]
    man = sex > 0.5
    bearded = man & (p["beard_kind"] > t.bearded)
    stubble = np.clip(t.stubble.varied * p["stubble"] + t.stubble.base, 0, 1)
    out["stubble"] = sex * stubble * (t.stubble.woman + t.stubble.man * man)
    out["beard"] = bearded * _range(t.beard, p["beard"])
    only = man & (p["beard_kind"] > t.moustache_only) & ~bearded
    out["moustache"] = np.where(bearded, _range(t.moustache, p["moustache"]), 0.0)
    lone = _range(t.lone_moustache, p["moustache"])
    out["moustache"] = np.where(only, lone, out["moustache"])
    out["beard_cheeks"] = np.clip(t.cheeks.base + t.cheeks.varied * p["beard_cheeks"], 0, 1)


def _makeup(p: Columns, out: Columns, styled: NDArray[np.bool_]) -> None:
    t, woman = table("attributes").makeup, out["sex"] < 0.5
    worn = woman & styled & (p["subkind"] < t.worn)
    light = woman & ~worn & (p["subkind"] > t.light)
    k, e = t.lipstick, t.eyeshadow
    some = k.light * light * p["lipstick"]
    out["lipstick"] = np.where(worn, k.base + k.varied * p["lipstick"], some)
    lipstick = _ramp(p["lipstick_hue"], t.lipsticks)
    _put(out, "lipstick", lipstick * (k.brightest - k.darker * p["lipstick_dark"][:, None]))
    out["eyeshadow"] = np.where(worn, e.base + e.varied * p["eyeshadow"], e.light * light)
    shadow = _ramp(p["eyeshadow_hue"], t.shadows)
    _put(out, "eyeshadow", shadow * (e.brightest - e.darker * p["eyeshadow_dark"][:, None]))
    k, e = t.liner, t.blush
    out["liner"] = np.where(worn, k.base + k.varied * p["liner"], k.women * woman)
    out["blush"] = np.where(worn, e.base + e.varied * p["blush"], e.light * light)


def _preset(look: str) -> Preset:
    """The attributes that a look sets: a number, or the ends of a range."""
    out: Preset = {}
    for name, value in look_table(look).person.entries.items():
        if name == "style":
            out |= {f"style_{other}": float(other == value) for other in HAIR_STYLES}
        elif name.endswith("_colour"):
            of = name.removesuffix("_colour")
            out |= {f"{of}_{c}": v / 255 for c, v in zip(CHANNELS, value, strict=True)}
        elif name != "share":
            out[name] = (value[0], value[1]) if isinstance(value, list) else value
    return out


def _apply_looks(p: Columns, out: Columns, look: NDArray[np.int64]) -> None:
    """Move every person towards the preset of their look by its strength."""
    spread = p["iris_light"]
    for index, name in enumerate(LOOKS):
        rows = np.flatnonzero(look == index)
        if not len(rows) or name == "none":
            continue
        strength = out["look_strength"][rows]
        for field_name, value in _preset(name).items():
            target = _range(value, spread[rows]) if isinstance(value, tuple) else value
            column = out[field_name]
            whole = field_name.startswith("style_") or field_name in _WHOLE
            amount = np.ones_like(strength) if whole else strength
            column[rows] = column[rows] * (1 - amount) + target * amount
        if name == "party makeup":
            _bright_eyeshadow(p["eyeshadow_hue"], out, rows)


def _bright_eyeshadow(hue: NDArray[np.float64], out: Columns, rows: NDArray[np.int64]) -> None:
    """Any hue of the rainbow."""
    t = look_table("party makeup").eyeshadow
    bright = 0.5 + 0.5 * np.cos(2 * np.pi * (hue[rows][:, None] - np.array(t.phases)))
    for k, channel in enumerate(CHANNELS):
        out[f"eyeshadow_{channel}"][rows] = t.darkest + t.range * bright[:, k]


def _columns(latents: NDArray[Any]) -> tuple[Columns, NDArray[np.int64]]:
    """All numeric fields as columns (n,), and each row's index into LOOKS."""
    values, t = np.asarray(latents, np.float64), table("attributes").kinds
    z = dict(zip(LATENT_NAMES, values.T, strict=True))
    p = {name: ndtr(column) for name, column in z.items()}
    fantasy = p["kind"] > t.look
    styled = (p["kind"] > t.styled) & ~fantasy
    weights = np.array([look_table(name).person.share for name in LOOKS[1:]], float)
    shares = np.cumsum(weights) / weights.sum()
    look = np.where(fantasy, 1 + np.searchsorted(shares[:-1], p["look"]), 0)
    feminine = np.isin(look, [LOOKS.index(name) for name in t.feminine])
    out: Columns = {}
    out["sex"] = _step(t.sex_ramp, np.where(feminine, t.feminine_sex, p["sex"]))
    age = np.interp(p["age"], t.age_at, t.age)
    aged = styled & (p["subkind"] > t.old)
    old = np.where(aged, _range(t.old_age, p["age"]), age)
    out["age"] = np.where(feminine, t.feminine_age * age, old)
    _skin(p, z, out)
    _features(p, out)
    _hair(p, out)
    _beard(p, out)
    _makeup(p, out, styled)
    groomed = styled & ~aged & (out["sex"] > 0.5)
    least = table("attributes").beard.groomed
    for name in ("beard", "moustache"):
        full = np.maximum(out[name], least + (1 - least) * p[name])
        out[name] = np.where(groomed, full, out[name])
    for name in ("pattern_1", "pattern_2", "pattern_3"):
        out[name] = _bounded(z[name])
    out["look_strength"] = np.where(fantasy, _range(t.strength, p["look_strength"]), 0.0)
    _apply_looks(p, out, look)
    return out, look


def person_from_latent(latent: NDArray[Any]) -> Person:
    """The person of one standard normal latent (LATENT_SIZE,); the same latent, the same person."""
    columns, look = _columns(np.asarray(latent)[None])
    numbers = {name: round(float(columns[name][0]), 5) for name in NUMBERS}
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
    numbers = np.stack([columns[name] for name in NUMBERS], 1)
    one_hot = (look[:, None] == np.arange(1, len(LOOKS))) * columns["look_strength"][:, None]
    return np.concatenate([numbers, one_hot], 1).astype(np.float32)
