"""English captions of a painted person: what the picture shows, in varied words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clipface_cli.synth.person import Person

_LOOK_NAMES: dict[str, Sequence[str]] = {
    "zombie": (
        "zombie",
        "undead",
        "walking dead",
        "living dead",
        "rotting corpse",
        "undead zombie",
        "flesh-eating zombie",
        "decaying undead monster",
    ),
    "ghost": (
        "ghost",
        "pale spirit",
        "phantom",
        "spectre",
        "spooky ghost",
        "haunting apparition",
        "ghostly spirit",
        "wraith",
    ),
    "vampire": (
        "vampire",
        "Dracula",
        "Count Dracula",
        "bloodsucker",
        "pale vampire",
        "Nosferatu",
        "vampire with blood on the lips",
        "bloodthirsty vampire",
    ),
    "werewolf": (
        "werewolf",
        "wolfman",
        "wolf",
        "hairy beast",
        "lycanthrope",
        "furry werewolf",
        "man turned into a wolf",
        "hairy monster",
    ),
    "white walker": (
        "white walker",
        "Night King",
        "ice zombie",
        "frozen undead",
        "frost creature",
        "White Walker from Game of Thrones",
        "ice king",
        "frozen face",
    ),
    "statue": (
        "statue",
        "marble statue",
        "stone sculpture",
        "marble bust",
        "Greek statue",
        "statue made of stone",
        "Roman sculpture",
        "David by Michelangelo",
    ),
    "clown": (
        "clown",
        "circus clown",
        "clown with a red nose",
        "joker",
        "clown makeup",
        "funny clown",
        "Pennywise",
        "scary clown",
    ),
    "robot": (
        "robot",
        "android",
        "cyborg",
        "metal robot",
        "humanoid machine",
        "steel android",
        "terminator",
        "mechanical face",
    ),
    "alien": (
        "alien",
        "extraterrestrial",
        "green alien",
        "martian",
        "creature from outer space",
        "alien with big black eyes",
        "little green man",
        "alien monster",
    ),
    "barbie doll": (
        "Barbie doll",
        "Barbie",
        "plastic doll",
        "doll",
        "doll face",
        "pink Barbie",
        "blonde plastic doll",
        "toy doll",
    ),
    "mona lisa": (
        "Mona Lisa",
        "Gioconda",
        "Mona Lisa by Leonardo da Vinci",
        "Renaissance portrait",
        "old master painting",
        "Mona Lisa painting",
        "oil painting of the Renaissance",
        "Leonardo's Mona Lisa",
    ),
    "witcher": (
        "witcher",
        "Geralt of Rivia",
        "Geralt",
        "monster hunter with a scar",
        "white-haired witcher",
        "witcher with cat eyes",
        "scarred warrior with yellow eyes",
    ),
    "gothic makeup": (
        "gothic makeup",
        "goth",
        "goth girl",
        "dark gothic makeup",
        "black lipstick",
        "goth with black lips",
        "emo makeup",
        "gothic woman with smoky black eyes",
    ),
    "party makeup": (
        "party makeup",
        "glitter makeup",
        "festive makeup",
        "colourful carnival makeup",
        "glamorous party look",
        "sparkling makeup",
        "bright disco makeup",
        "festival glitter",
    ),
}

_EXPRESSIONS: dict[str, Sequence[str]] = {
    "neutral": ("calm", "neutral", "serious", "relaxed", "with a neutral expression"),
    "smiling": ("smiling", "happy", "cheerful", "joyful", "pleased", "with a smile"),
    "laughing": (
        "laughing",
        "grinning",
        "laughing out loud",
        "very happy",
        "with a big laugh",
        "with a broad grin",
        "delighted",
    ),
    "angry": (
        "angry",
        "furious",
        "mad",
        "enraged",
        "frowning",
        "with an angry look",
        "raging",
        "irate",
    ),
    "sad": (
        "sad",
        "unhappy",
        "sorrowful",
        "miserable",
        "depressed",
        "with a sad look",
        "gloomy",
        "downcast",
    ),
    "surprised": (
        "surprised",
        "astonished",
        "amazed",
        "shocked",
        "with the mouth open in surprise",
        "startled",
    ),
    "disgusted": ("disgusted", "revolted", "sneering", "with a look of disgust", "repelled"),
    "afraid": ("afraid", "scared", "frightened", "fearful", "terrified", "with fear"),
    "sleepy": ("sleepy", "tired", "drowsy", "exhausted", "with half-closed eyes"),
    "kissing": ("kissing", "puckering the lips", "blowing a kiss", "with pursed lips", "pouting"),
    "winking left": ("winking", "with a wink", "winking with the left eye", "with one eye closed"),
    "winking right": (
        "winking",
        "with a wink",
        "winking with the right eye",
        "with one eye closed",
    ),
}

_FRAMES = (
    "a photo of {}",
    "{}",
    "a portrait of {}",
    "a face of {}",
    "a picture of {}",
    "{}, portrait",
    "a close-up of {}",
    "the face of {}",
    "a photo of the face of {}",
    "a 3d render of {}",
)
_MASS_NOUNS = ("makeup", "lipstick", "dead", "undead", "lips", "glitter")
_PLAIN = (
    "a photo of a face",
    "a face",
    "a human face",
    "a portrait",
    "a photo of a person",
    "a normal face",
    "an ordinary person",
    "a photo of a human face",
    "a 3d render of a face",
)


def captions(person: Person, expression: str, generator: np.random.Generator) -> list[str]:
    """Captions of one person with a named expression, several, each true of the picture."""
    out = [_pick(_PLAIN, generator)] if person.look == "none" else []
    subject = _subject(person, generator)
    mood = _pick(_EXPRESSIONS[expression], generator)
    out.append(_frame(subject, generator))
    out.append(_frame(_with_mood(subject, mood), generator))
    if person.look != "none":
        names = _LOOK_NAMES[person.look]
        out += [_frame(_article(_pick(names, generator)), generator) for _ in range(2)]
        out.append(str(_pick(names, generator)))
        out.append(_frame(_with_mood(_article(_pick(names, generator)), mood), generator))
    if expression != "neutral":
        out.append(
            mood if generator.random() < 0.5 else _frame(_with_mood("a person", mood), generator)
        )
        out.append(_pick(_EXPRESSIONS[expression], generator))
    details = _details(person, generator)
    generator.shuffle(details)
    out += details[:3]
    for detail in details[:2]:
        out.append(_frame(f"{_who(person, generator)} with {detail}", generator))
    if len(details) > 2:
        both = f"{_who(person, generator)} with {details[0]} and {details[1]}"
        out.append(_frame(_with_mood(both, mood), generator))
    return list(dict.fromkeys(out))


def _pick(options: Sequence[str], generator: np.random.Generator) -> str:
    return options[int(generator.integers(len(options)))]


def _frame(subject: str, generator: np.random.Generator) -> str:
    return _pick(_FRAMES, generator).format(subject)


def _article(noun: str) -> str:
    if noun[0].isupper() or noun.rsplit(maxsplit=1)[-1] in (
        "makeup",
        "lipstick",
        "dead",
        "undead",
        "lips",
    ):
        return noun
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _with_mood(subject: str, mood: str) -> str:
    """`a woman` + `angry` -> `an angry woman`; phrases that start otherwise go behind."""
    words = subject.split()
    if mood.split(maxsplit=1)[0] in ("with", "blowing", "puckering") or words[0] not in ("a", "an"):
        return f"{subject}, {mood}"
    if len(mood.split()) > 1:
        return f"{subject}, {mood}"
    return _article(" ".join([mood, *words[1:]]))


def _who(person: Person, generator: np.random.Generator) -> str:
    if person.look not in ("none", "gothic makeup", "party makeup"):
        return _article(_pick(_LOOK_NAMES[person.look], generator))
    return _subject(person, generator)


_AGES: tuple[tuple[float, Sequence[str], Sequence[str]], ...] = (  # up to an age: men, women
    (0.12, ("a young man", "a boy", "a youth"), ("a young woman", "a girl")),
    (0.42, ("a man", "a guy", "a male face"), ("a woman", "a lady", "a female face")),
    (0.66, ("a middle-aged man", "a mature man"), ("a middle-aged woman", "a mature woman")),
    (
        9.0,
        ("an old man", "an elderly gentleman", "a grandfather", "an aged man", "an elderly man"),
        ("an old woman", "an elderly lady", "a grandmother", "an aged woman", "an old lady"),
    ),
)


def _subject(person: Person, generator: np.random.Generator) -> str:
    """Age and sex in words."""
    if person.look in ("statue", "robot", "alien", "ghost"):
        return _article(_pick(_LOOK_NAMES[person.look], generator))
    men, women = next((men, women) for limit, men, women in _AGES if person.age < limit)
    return _pick(men if person.sex > 0.5 else women, generator)


def _details(person: Person, generator: np.random.Generator) -> list[str]:
    """Noun phrases for what stands out."""
    if person.look in ("statue", "robot", "alien"):
        return []
    groups = [
        *_hair_details(person),
        *_skin_details(person),
        *_makeup_details(person),
        *_eye_details(person),
    ]
    return [_pick(group, generator) for group in groups]


def _hair_details(p: Person) -> list[Sequence[str]]:
    bald = p.bald > 0.6
    out = [("a bald head", "a bald scalp", "baldness") if bald else _hair_colour(p)]
    styles = {
        "long": ("long hair", "parted hair"),
        "buzz": ("very short hair", "a buzz cut", "a crew cut"),
        "curly": ("curly hair", "frizzy hair", "curls"),
        "fringe": ("a fringe", "hair falling on the forehead"),
        "back": ("slicked-back hair", "combed-back hair"),
    }
    if p.style in styles and not bald:
        out.append(styles[p.style])
    if p.brow_thickness > 1.25 and p.brow_density > 0.5:
        out.append(("thick eyebrows", "bushy brows"))
    elif p.brow_thickness < 0.75:
        out.append(("thin eyebrows", "fine brows"))
    return out + _beard_details(p)


def _hair_colour(p: Person) -> Sequence[str]:
    hair = p.colour("hair")
    light, chroma = float(hair.mean()), float(hair.max() - hair.min())
    if chroma < 0.10 and light > 0.5:
        return ("grey hair", "white hair", "silver hair")
    if light < 0.13:
        return ("black hair", "dark hair", "jet black hair")
    if hair[0] > 0.5 and hair[1] < 0.62 * hair[0] and chroma > 0.25:
        return ("red hair", "ginger hair", "copper hair")
    if light > 0.42:
        return ("blond hair", "fair hair", "blonde hair")
    return ("brown hair", "brunette hair")


def _beard_details(p: Person) -> list[Sequence[str]]:
    if p.beard > 0.5:
        return [("a beard", "a full beard", "a bushy beard", "a bearded face")]
    if p.moustache > 0.5:
        return [("a moustache", "a mustache")]
    if p.stubble > 0.6:
        return [("stubble", "a five o'clock shadow", "unshaven cheeks")]
    return []


def _skin_details(p: Person) -> list[Sequence[str]]:
    out: list[Sequence[str]] = []
    if p.look in ("zombie", "ghost", "white walker", "clown", "werewolf"):
        return out
    if p.melanin > 0.55:
        out.append(("dark skin", "black skin", "deep brown skin"))
    elif p.melanin > 0.27:
        out.append(("brown skin", "tanned skin", "olive skin"))
    elif p.melanin < 0.09:
        out.append(("pale skin", "fair skin", "white skin"))
    if p.freckles > 0.35:
        out.append(("freckles", "a freckled face", "many freckles"))
    if p.wrinkles > 0.5:
        out.append(("wrinkles", "a wrinkled face", "deep wrinkles", "age lines"))
    if p.moles > 0.5:
        out.append(("moles", "beauty spots"))
    if p.dark_circles > 0.75:
        out.append(("dark circles under the eyes", "tired eyes"))
    if p.flush > 0.34 and p.blush < 0.2:
        out.append(("rosy cheeks", "red cheeks", "a flushed face"))
    return out


_COLOURS = (
    ("red", (0.72, 0.08, 0.12)), ("dark red", (0.45, 0.07, 0.14)), ("pink", (0.86, 0.35, 0.52)),
    ("nude", (0.74, 0.42, 0.42)), ("black", (0.10, 0.05, 0.07)), ("purple", (0.45, 0.28, 0.48)),
    ("blue", (0.25, 0.35, 0.66)), ("green", (0.25, 0.52, 0.36)), ("brown", (0.42, 0.29, 0.23)),
)  # fmt: skip


def _colour_name(rgb: np.ndarray, among: Sequence[str]) -> str:
    distance = {n: float(np.abs(rgb - np.array(c)).sum()) for n, c in _COLOURS if n in among}
    return min(distance, key=lambda name: distance[name])


def _makeup_details(p: Person) -> list[Sequence[str]]:
    out: list[Sequence[str]] = []
    if p.lipstick > 0.5:
        name = _colour_name(p.colour("lipstick"), ("red", "dark red", "pink", "nude", "black"))
        out.append(
            (f"{name} lips", f"{name} lipstick", f"bright {name} lipstick", f"{name} painted lips")
        )
    elif p.lip_fullness > 1.15:
        out.append(("full lips", "plump lips"))
    elif p.lip_fullness < 0.75:
        out.append(("thin lips", "narrow lips"))
    if p.eyeshadow > 0.5:
        among = ("pink", "purple", "blue", "green", "brown", "black")
        name = _colour_name(p.colour("eyeshadow"), among)
        out.append((f"{name} eyeshadow", f"{name} eye makeup", "eye makeup", "strong makeup"))
    if p.blush > 0.4:
        out.append(("rouge on the cheeks", "pink blush", "blushed cheeks"))
    if p.liner > 0.75:
        out.append(("eyeliner", "winged eyeliner", "makeup"))
    return out


def _eye_details(p: Person) -> list[Sequence[str]]:
    red, green, blue = p.colour("iris")
    if p.look in ("ghost", "zombie"):
        return [("pale dead eyes", "white eyes", "sunken eyes")]
    if p.look == "vampire":
        return [("red eyes", "blood-red eyes")]
    if p.look == "white walker":
        return [("glowing blue eyes", "icy blue eyes")]
    if p.look in ("werewolf", "witcher"):
        return [("yellow eyes", "amber eyes")]
    if blue > red + 0.06:
        return [("blue eyes", "light blue eyes")]
    if green >= red and green > blue:
        return [("green eyes", "greenish eyes")]
    return [("brown eyes", "dark eyes")] if red < 0.45 else [("hazel eyes", "light brown eyes")]
