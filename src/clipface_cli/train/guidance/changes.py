"""Named changes of a painted person, with the phrases that ask for them.

Phrases describe appearance: no nationality or ethnic word stands for a skin colour, and no slur or
word for an illness or a drug for an age or an expression.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipface_cli.synth import LATENT_NAMES, Person, person_from_latent, random_units

Latent = NDArray[np.float32]
Fields = dict[str, "float | tuple[float, float]"]

_LEAST_STRENGTH = 0.7  # factor of ARKit activations: weaker ones are hardly visible
_LOOK_KIND = 1.5  # value of the latent `kind` that gives a person a look
_LOOK_RANGE, _LOOK_VALUES = 3.0, 241  # of the latent `look`: searched from -3 to 3 in steps of 1/40
_PALE, _BROWN, _DARK = -2.2, 0.95, 2.2  # of the latent `melanin`, in standard deviations
_COLOUR_SPREAD = 0.05  # of sRGB values in 0..1 about a named colour
_BROW_SHADE = 0.7  # factor of the hair's colour that gives the brows'


@dataclass(frozen=True)
class Change:
    """A change of a person or of the expression, and the phrases that ask for it.

    part: changes of different parts can be combined. latents: values of the person's latent.
    fields: values, or (low, high) ranges, of the person's attributes. recipes: expressions of synth
    to draw from. units: ARKit activations in 0..1.
    """

    name: str
    part: str
    phrases: tuple[str, ...]
    latents: dict[str, float] = field(default_factory=dict)
    fields: Fields = field(default_factory=dict)
    recipes: tuple[str, ...] = ()
    units: dict[str, float] = field(default_factory=dict)

    def draw_units(self, rng: np.random.Generator) -> tuple[str, dict[str, float]]:
        """An expression's name ("neutral" where synth has none) and activations."""
        if self.recipes:
            name = str(rng.choice(self.recipes))
            return name, random_units(name, rng)
        strength = rng.uniform(_LEAST_STRENGTH, 1.0)
        return "neutral", {unit: strength * amount for unit, amount in self.units.items()}


def apply_changes(latent: Latent, changes: tuple[Change, ...], rng: np.random.Generator) -> Person:
    """The person of a latent (LATENT_SIZE,) after the changes."""
    latent = latent.copy()
    for change in changes:
        for name, value in change.latents.items():
            latent[LATENT_NAMES.index(name)] = value
    person = person_from_latent(latent)
    for change in changes:
        drawn: dict[str, Any] = {
            n: v if isinstance(v, float) else rng.uniform(*v) for n, v in change.fields.items()
        }
        person = replace(person, **drawn)
    return person


def _look(name: str, phrases: str) -> Change:
    return Change(
        name, "look", _split(phrases), latents={"kind": _LOOK_KIND, "look": _look_latent(name)}
    )


def _look_latent(name: str) -> float:
    """Median of the values of the latent `look` that give this look."""
    latent = np.zeros(len(LATENT_NAMES), np.float32)
    latent[LATENT_NAMES.index("kind")] = _LOOK_KIND
    giving = []
    for value in np.linspace(-_LOOK_RANGE, _LOOK_RANGE, _LOOK_VALUES):
        latent[LATENT_NAMES.index("look")] = value
        if person_from_latent(latent).look == name:
            giving.append(value)
    return float(np.median(giving))


def _split(phrases: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in phrases.split("|"))


def _colour(of: str, red: int, green: int, blue: int) -> Fields:
    """Ranges round an sRGB colour of `hair`, `iris`, `lipstick`, `eyeshadow` or `brow`."""
    ranges: Fields = {}
    for name, value in (("red", red), ("green", green), ("blue", blue)):
        low, high = value / 255 - _COLOUR_SPREAD, value / 255 + _COLOUR_SPREAD
        ranges[f"{of}_{name}"] = max(0.0, low), min(1.0, high)
    return ranges


def _lipstick(name: str, phrases: str, rgb: tuple[int, int, int]) -> Change:
    fields: Fields = {"lipstick": (0.8, 1.0), **_colour("lipstick", *rgb)}
    return Change(name, "lips", _split(phrases), fields=fields)


def _hair(name: str, phrases: str, rgb: tuple[int, int, int]) -> Change:
    darker = tuple(int(_BROW_SHADE * c) for c in rgb)
    fields = _colour("hair", *rgb) | _colour("brow", *darker) | {"bald": 0.0}
    return Change(name, "hair", _split(phrases), fields=fields)


def _eyes(name: str, phrases: str, rgb: tuple[int, int, int]) -> Change:
    return Change(name, "eyes", _split(phrases), fields=_colour("iris", *rgb))


def _shadow(name: str, phrases: str, rgb: tuple[int, int, int]) -> Change:
    fields: Fields = {"eyeshadow": (0.8, 1.0), **_colour("eyeshadow", *rgb)}
    return Change(name, "lids", _split(phrases), fields=fields)


def _expression(name: str, phrases: str, *recipes: str) -> Change:
    return Change(name, "expression", _split(phrases), recipes=recipes or (name,))


def _units(name: str, phrases: str, **units: float) -> Change:
    """An expression that has no recipe; a unit that ends in "Both" means left and right."""
    sides: dict[str, float] = {}
    for unit, amount in units.items():
        stem = unit.removesuffix("Both")
        names = [unit] if stem == unit else [f"{stem}Left", f"{stem}Right"]
        sides |= dict.fromkeys(names, amount)
    return Change(name, "expression", _split(phrases), units=sides)


LOOK_CHANGES = (
    _look("zombie", "zombie|a zombie|the walking dead|rotting zombie|zombie face|undead zombie"),
    _look("ghost", "ghost|a ghost|ghostly|pale ghost|white ghost|haunted ghost face"),
    _look("vampire", "vampire|a vampire|dracula|count dracula|vampire with blood on the lips"),
    _look("werewolf", "werewolf|a werewolf|hairy beast|wolf man|furry werewolf face"),
    _look(
        "white walker", "white walker|the night king|ice zombie|frozen white walker|icy blue face"
    ),
    _look("statue", "statue|marble statue|stone statue|a statue of stone|carved from stone"),
    _look("clown", "clown|a clown|circus clown|clown makeup|clown with a red nose|the joker"),
    _look("robot", "robot|a robot|metal robot|metallic face|robot made of metal"),
    _look("alien", "alien|an alien|green alien|alien from space|alien creature"),
    _look("barbie doll", "barbie doll|barbie|a barbie|plastic doll|pink barbie"),
    _look(
        "mona lisa",
        "mona lisa|the mona lisa|leonardo's painting|old painting|oil painting",
    ),
    _look(
        "witcher", "witcher|the witcher|geralt|monster hunter with yellow eyes|white haired witcher"
    ),
    _look(
        "gothic makeup", "gothic makeup|gothic|gothic woman|dark gothic makeup|black gothic makeup"
    ),
    _look(
        "party makeup", "party makeup|colourful makeup|colorful party makeup|bright party makeup"
    ),
)

_MAKEUP: Fields = {"lipstick": (0.6, 0.9), "eyeshadow": (0.5, 0.8), "liner": (0.7, 1.0)}

FACE_CHANGES = (
    Change(
        "old",
        "age",
        _split("old|old face|old person|very old|wrinkled old face|aged 80"),
        {"age": 2.2},
    ),
    Change(
        "young",
        "age",
        _split("young|young face|young person|very young|smooth young skin"),
        {"age": -1.8},
    ),
    Change("old man", "age", _split("old man|an old man|very old man"), {"age": 2.2, "sex": 1.2}),
    Change(
        "old woman", "age", _split("old woman|an old woman|old lady"), {"age": 2.2, "sex": -1.2}
    ),
    Change("man", "sex", _split("man|a man|masculine|male face|manly"), {"sex": 1.2}),
    Change("woman", "sex", _split("woman|a woman|feminine|female face|womanly"), {"sex": -1.2}),
    Change(
        "pale skin",
        "skin",
        _split("pale skin|pale|pale face|very light skin|light skin|very pale"),
        {"melanin": _PALE},
    ),
    Change(
        "dark skin",
        "skin",
        _split("dark skin|dark skinned|very dark brown skin"),
        {"melanin": _DARK},
    ),
    Change(
        "brown skin",
        "skin",
        _split("brown skin|tanned skin|tan|tanned|brown skinned"),
        {"melanin": _BROWN},
    ),
    Change(
        "freckles",
        "spots",
        _split("freckles|freckled|freckles on the cheeks|face with freckles"),
        fields={"freckles": (0.8, 1.0), "melanin": (0.06, 0.12)},
    ),
    Change(
        "wrinkles",
        "lines",
        _split("wrinkles|wrinkled|deep wrinkles|lined face"),
        fields={"wrinkles": 1.0, "smile_lines": 1.0, "forehead_lines": 1.0, "frown_lines": 0.8},
    ),
    Change(
        "rosy cheeks",
        "cheeks",
        _split("rosy cheeks|red cheeks|flushed cheeks|pink cheeks|blush"),
        fields={"flush": 1.0, "blush": (0.7, 1.0)},
    ),
    Change(
        "dark circles",
        "bags",
        _split("dark circles|dark circles under the eyes|tired eyes|shadows under the eyes"),
        fields={"dark_circles": 1.0},
    ),
    Change(
        "bloodshot eyes",
        "whites",
        _split("bloodshot eyes|red eyes|bloodshot"),
        fields={"eye_redness": 1.0},
    ),
    Change(
        "makeup",
        "lips",
        _split("makeup|wearing makeup|with makeup|made up face|beauty makeup"),
        fields=_MAKEUP,
    ),
    Change(
        "eyeliner", "liner", _split("eyeliner|black eyeliner|dark eyeliner"), fields={"liner": 1.0}
    ),
    Change(
        "beard",
        "beard",
        _split("beard|a beard|bearded|full beard|long beard|bearded man"),
        fields={"beard": (0.8, 1.0), "moustache": (0.8, 1.0), "beard_cheeks": (0.5, 1.0)},
    ),
    Change(
        "stubble",
        "beard",
        _split("stubble|unshaven|short stubble|stubble on the chin"),
        fields={"stubble": 1.0, "beard": 0.0, "moustache": 0.0},
    ),
    Change(
        "moustache",
        "beard",
        _split("moustache|a moustache|man with a moustache"),
        fields={"beard": 0.0, "moustache": 1.0, "stubble": 0.1},
    ),
    Change(
        "clean shaven",
        "beard",
        _split("clean shaven|shaved|shaved face|without beard"),
        fields={"beard": 0.0, "moustache": 0.0, "stubble": 0.0},
    ),
    Change(
        "bald",
        "hair",
        _split("bald|bald head|bald man|no hair|without hair"),
        fields={"bald": 1.0, "recession": 1.0},
    ),
    Change(
        "thick eyebrows",
        "brows",
        _split("thick eyebrows|bushy eyebrows|thick brows|heavy brows"),
        fields={"brow_thickness": (1.6, 2.0), "brow_density": 1.0},
    ),
    Change(
        "thin eyebrows",
        "brows",
        _split("thin eyebrows|thin brows|plucked eyebrows"),
        fields={"brow_thickness": (0.35, 0.5)},
    ),
    Change(
        "full lips",
        "mouth",
        _split("full lips|big lips|plump lips|thick lips"),
        fields={"lip_fullness": (1.35, 1.5)},
    ),
    Change(
        "thin lips", "mouth", _split("thin lips|narrow lips"), fields={"lip_fullness": (0.55, 0.65)}
    ),
    _lipstick("red lips", "red lips|red lipstick|lips painted red|bright red lips", (200, 20, 30)),
    _lipstick("pink lips", "pink lips|pink lipstick|lips painted pink", (232, 92, 148)),
    _lipstick("black lips", "black lips|black lipstick|lips painted black", (24, 14, 20)),
    _lipstick("purple lips", "purple lips|purple lipstick|dark purple lips", (104, 30, 110)),
    _lipstick("blue lips", "blue lips|blue lipstick", (40, 70, 190)),
    _hair(
        "blond hair", "blond hair|blond|blonde|blonde hair|yellow hair|fair hair", (214, 178, 112)
    ),
    _hair("black hair", "black hair|dark hair|hair black as coal", (18, 15, 15)),
    _hair("brown hair", "brown hair|brunette", (92, 58, 36)),
    _hair("red hair", "red hair|ginger hair|ginger|redhead", (160, 68, 28)),
    _hair("grey hair", "grey hair|gray hair|silver hair|white hair", (178, 176, 174)),
    _eyes("blue eyes", "blue eyes|blue eyed|bright blue eyes", (64, 130, 210)),
    _eyes("green eyes", "green eyes|green eyed|bright green eyes", (70, 150, 80)),
    _eyes("brown eyes", "brown eyes|brown eyed|dark brown eyes|dark eyes", (70, 42, 24)),
    _eyes("yellow eyes", "yellow eyes|golden eyes|amber eyes", (232, 184, 40)),
    _eyes("grey eyes", "grey eyes|pale eyes|gray eyes|light eyes", (150, 158, 166)),
    _shadow("blue eyeshadow", "blue eyeshadow|blue eyelids", (50, 90, 200)),
    _shadow("purple eyeshadow", "purple eyeshadow|purple eyelids", (130, 60, 160)),
    _shadow("green eyeshadow", "green eyeshadow|green eyelids", (50, 140, 90)),
    _shadow("dark eyeshadow", "black eyeshadow|dark eyeshadow|smoky eyes|eyeshadow", (30, 26, 30)),
)

EXPRESSION_CHANGES = (
    _expression(
        "laughing",
        "laughing|laugh|laughing out loud|laughing with an open mouth|roaring with laughter",
    ),
    _expression(
        "smiling", "smiling|smile|a big smile|happy smile|happy|a happy face|grinning|grin|cheerful"
    ),
    _expression("sad", "sad|sad face|very sad|about to cry|crying|unhappy|sorrow"),
    _expression("angry", "angry|anger|angry face|very angry|frowning with anger|furious|mad|rage"),
    _expression(
        "surprised", "surprised|surprise|surprised face|mouth and eyes wide open|amazed|shocked"
    ),
    _expression("disgusted", "disgusted|disgust|disgusted face|feeling sick"),
    _expression("afraid", "afraid|fear|afraid face|in fear|full of fear|scared|frightened"),
    _expression("kissing", "kissing|kiss|kissing lips|blowing a kiss|puckered lips"),
    _expression("winking", "winking|wink|winking with one eye", "winking left", "winking right"),
    _expression("sleepy", "sleepy|half closed eyes|eyes half closed|sleepy eyes"),
    _units("eyes closed", "eyes closed|closed eyes|asleep|sleeping", eyeBlinkBoth=1.0),
    _units("open mouth", "open mouth|mouth open|mouth wide open|screaming|shouting", jawOpen=0.8),
    _units(
        "raised brows",
        "raised eyebrows|eyebrows raised|brows up",
        browInnerUp=0.9,
        browOuterUpBoth=0.9,
    ),
    _units("lowered brows", "lowered brows|eyebrows down|frowning brows|frown", browDownBoth=0.95),
    _units("worried brows", "worried brows|worried|inner brows raised", browInnerUp=1.0),
    _units("wide eyes", "wide eyes|eyes wide open|staring eyes|staring", eyeWideBoth=1.0),
    _units("squinting", "squinting|squint|narrowed eyes", eyeSquintBoth=1.0, cheekSquintBoth=0.6),
    _units("wrinkled nose", "wrinkled nose|nose wrinkled|sneering|sneer", noseSneerBoth=1.0),
    _units("puffed cheeks", "puffed cheeks|cheeks puffed out|chubby cheeks", cheekPuff=1.0),
    _units("closed smile", "faint smile|slight smile|smirk", mouthSmileBoth=0.6),
    _units("mouth corners down", "mouth corners down|sulking|grumpy mouth", mouthFrownBoth=1.0),
    _units("pouting", "pouting|pout|lower lip pushed out", mouthShrugLower=1.0),
    _units("pressed lips", "pressed lips|lips pressed together|tight lips", mouthPressBoth=1.0),
    _units(
        "rolled lips",
        "rolled lips|lips rolled in|sucking in the lips",
        mouthRollLower=1.0,
        mouthRollUpper=1.0,
    ),
    _units(
        "bared teeth",
        "bared teeth|showing the teeth|snarling|snarl",
        mouthUpperUpBoth=1.0,
        mouthLowerDownBoth=0.8,
    ),
    _units("stretched mouth", "stretched mouth|grimace|grimacing", mouthStretchBoth=1.0),
    _units("round mouth", "round mouth|saying oh|whistling", mouthFunnel=1.0),
    _units("jaw forward", "jaw forward|chin pushed forward", jawForward=1.0),
    _units("tongue out", "tongue out|sticking out the tongue", tongueOut=1.0, jawOpen=0.4),
)

CHANGES = LOOK_CHANGES + FACE_CHANGES + EXPRESSION_CHANGES
