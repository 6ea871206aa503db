"""Named expressions as ARKit unit recipes, with random intensity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Units = dict[str, float]


@dataclass(frozen=True)
class Recipe:
    """Units at full intensity, the intensity's range, and the share among random draws."""

    units: Units
    intensity: tuple[float, float]
    share: float


def _both(**units: float) -> Units:
    """The same activation left and right."""
    return {name + side: amount for name, amount in units.items() for side in ("Left", "Right")}


RECIPES: dict[str, Recipe] = {
    "neutral": Recipe({}, (0, 0), 0.30),
    "smiling": Recipe(
        _both(mouthSmile=1.05, cheekSquint=0.45, eyeSquint=0.2, mouthDimple=0.25), (0.55, 1), 0.12
    ),
    "laughing": Recipe(
        _both(mouthSmile=1.3, cheekSquint=1.0, eyeSquint=0.5, mouthUpperUp=0.6, mouthStretch=0.25)
        | {"jawOpen": 0.36, "browInnerUp": 0.15},
        (0.7, 1),
        0.11,
    ),
    "angry": Recipe(
        _both(browDown=1.5, eyeSquint=0.5, noseSneer=0.8, mouthPress=0.5, mouthFrown=0.7)
        | {"jawForward": 0.2, "mouthShrugLower": 0.25},
        (0.7, 1),
        0.11,
    ),
    "sad": Recipe(
        _both(mouthFrown=1.2, mouthLowerDown=0.1, eyeBlink=0.2, eyeLookDown=0.3)
        | {"browInnerUp": 1.3, "mouthShrugLower": 0.55},
        (0.7, 1),
        0.09,
    ),
    "surprised": Recipe(
        _both(eyeWide=0.95, browOuterUp=0.9)
        | {"browInnerUp": 0.95, "jawOpen": 0.6, "mouthFunnel": 0.3},
        (0.7, 1),
        0.08,
    ),
    "disgusted": Recipe(
        _both(noseSneer=1.0, mouthUpperUp=0.65, browDown=0.55, eyeSquint=0.45, mouthFrown=0.4),
        (0.7, 1),
        0.04,
    ),
    "afraid": Recipe(
        _both(eyeWide=0.9, mouthStretch=0.75, browOuterUp=0.2, mouthLowerDown=0.35)
        | {"browInnerUp": 1.0, "jawOpen": 0.22},
        (0.7, 1),
        0.04,
    ),
    "sleepy": Recipe(
        _both(eyeBlink=0.52, browOuterUp=0.1, eyeLookDown=0.25) | {"jawOpen": 0.08}, (0.7, 1), 0.04
    ),
    "kissing": Recipe(
        _both(cheekSquint=0.2, eyeSquint=0.2) | {"mouthPucker": 0.95, "mouthFunnel": 0.15},
        (0.7, 1),
        0.03,
    ),
    "winking left": Recipe(
        {
            "eyeBlinkLeft": 1.0,
            "cheekSquintLeft": 0.7,
            "mouthSmileLeft": 0.6,
            "mouthSmileRight": 0.2,
        },
        (0.85, 1),
        0.02,
    ),
    "winking right": Recipe(
        {
            "eyeBlinkRight": 1.0,
            "cheekSquintRight": 0.7,
            "mouthSmileRight": 0.6,
            "mouthSmileLeft": 0.2,
        },
        (0.85, 1),
        0.02,
    ),
}


def draw_expression(
    generator: np.random.Generator, smile_lines: float = 0.0, frown_lines: float = 0.0
) -> str:
    """A random expression's name; people with smile or frown lines use them more often."""
    shares = {name: recipe.share for name, recipe in RECIPES.items()}
    shares["smiling"] *= 1 + 1.5 * smile_lines
    shares["laughing"] *= 1 + 2.5 * smile_lines
    shares["angry"] *= 1 + 2.5 * frown_lines
    shares["sad"] *= 1 + 0.8 * frown_lines
    weights = np.array(list(shares.values()))
    return str(generator.choice(list(shares), p=weights / weights.sum()))


def random_units(name: str, generator: np.random.Generator) -> Units:
    """ARKit activations of an expression at random intensity, each unit varied; some exceed 1."""
    recipe = RECIPES[name]
    intensity = generator.uniform(*recipe.intensity)
    varied = generator.uniform(0.8, 1.15, len(recipe.units))
    amounts = (intensity * a * v for a, v in zip(recipe.units.values(), varied, strict=True))
    return {unit: float(a) for unit, a in zip(recipe.units, amounts, strict=True)}
