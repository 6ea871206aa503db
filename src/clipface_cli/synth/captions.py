"""English captions of a painted person in varied words, which stand in `tables/words.toml`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipface_cli.synth.people.person import Person
from clipface_cli.synth.tables import table

# From these amounts on an attribute is worth a word.
BALD, BEARDED, UNSHAVEN = 0.6, 0.5, 0.6
THICK_BROWS, THIN_BROWS, SEEN_BROWS = 1.25, 0.75, 0.5
FULL_LIPS, THIN_LIPS, MADE_UP, ROUGED, LINED = 1.15, 0.75, 0.5, 0.4, 0.75
DARK_SKIN, MEDIUM_SKIN, LIGHT_SKIN = 0.55, 0.27, 0.09  # melanin
FRECKLED, WRINKLED, MOLES, DARK_CIRCLES, FLUSHED, UNROUGED = 0.35, 0.5, 0.5, 0.75, 0.34, 0.2
MADE_UP_LOOKS = ("gothic makeup", "party makeup")
LIP_COLOURS = ("red", "dark red", "pink", "nude", "black")
LID_COLOURS = ("pink", "purple", "blue", "green", "brown", "black")

Words = Sequence[str]


def captions(person: Person, expression: str, generator: np.random.Generator) -> list[str]:
    """Captions of one person with a named expression, several, each true of the picture.

    expression: a name of `RECIPES`; KeyError for others. The same state of the generator gives the
    same captions.
    """
    words = table("words")
    out = [_pick(words.plain, generator)] if person.look == "none" else []
    subject = _subject(person, generator)
    faces = words.expressions.entries[expression]
    phrase = _pick(faces, generator)
    out.append(_frame(subject, generator))
    out.append(_frame(_with_expression(subject, phrase), generator))
    if person.look != "none":
        names = _names(person.look)
        out += [_frame(_article(_pick(names, generator)), generator) for _ in range(2)]
        out.append(str(_pick(names, generator)))
        out.append(_frame(_with_expression(_article(_pick(names, generator)), phrase), generator))
    if expression != "neutral":
        bare = generator.random() < 0.5
        out.append(phrase if bare else _frame(_with_expression("a person", phrase), generator))
        out.append(_pick(faces, generator))
    details = _details(person, generator)
    generator.shuffle(details)
    out += details[:3]
    for detail in details[:2]:
        out.append(_frame(f"{_who(person, generator)} with {detail}", generator))
    if len(details) > 2:
        both = f"{_who(person, generator)} with {details[0]} and {details[1]}"
        out.append(_frame(_with_expression(both, phrase), generator))
    return list(dict.fromkeys(out))


def _pick(options: Sequence[str], generator: np.random.Generator) -> str:
    return options[int(generator.integers(len(options)))]


def _frame(subject: str, generator: np.random.Generator) -> str:
    return _pick(table("words").frames, generator).format(subject)


def _article(noun: str) -> str:
    if noun[0].isupper() or noun.rsplit(maxsplit=1)[-1] in table("words").uncounted:
        return noun
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _with_expression(subject: str, phrase: str) -> str:
    """`a woman` + `angry` -> `an angry woman`; phrases that start otherwise go behind."""
    words = subject.split()
    behind = phrase.split(maxsplit=1)[0] in ("with", "blowing", "puckering")
    if behind or len(phrase.split()) > 1 or words[0] not in ("a", "an"):
        return f"{subject}, {phrase}"
    return _article(" ".join([phrase, *words[1:]]))


def _who(person: Person, generator: np.random.Generator) -> str:
    if person.look not in ("none", *MADE_UP_LOOKS):
        return _article(_pick(_names(person.look), generator))
    return _subject(person, generator)


def _names(look: str) -> Words:
    """Nouns for a look."""
    names: Words = table("words").looks.entries[look]
    return names


def _subject(person: Person, generator: np.random.Generator) -> str:
    """Age and sex in words."""
    if person.look in ("statue", "robot", "alien", "ghost"):
        return _article(_pick(_names(person.look), generator))
    ages = table("words").ages
    subjects = ages.men if person.sex > 0.5 else ages.women
    return _pick(subjects[bisect_right(ages.limits, person.age)], generator)


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


def _hair_details(p: Person) -> list[Words]:
    words = table("words")
    bald = p.bald > BALD
    out: list[Words] = [words.hair.bald if bald else _hair_colour(p)]
    if p.style in words.styles.entries and not bald:
        out.append(words.styles.entries[p.style])
    if p.brow_thickness > THICK_BROWS and p.brow_density > SEEN_BROWS:
        out.append(words.brows.thick)
    elif p.brow_thickness < THIN_BROWS:
        out.append(words.brows.thin)
    return out + _beard_details(p)


def _hair_colour(p: Person) -> Words:
    words, hair = table("words").hair.entries, p.colour("hair")
    light, chroma = float(hair.mean()), float(hair.max() - hair.min())
    if chroma < 0.10 and light > 0.5:
        name = "grey"
    elif light < 0.13:
        name = "black"
    elif hair[0] > 0.5 and hair[1] < 0.62 * hair[0] and chroma > 0.25:
        name = "red"
    else:
        name = "blond" if light > 0.42 else "brown"
    named: Words = words[name]
    return named


def _beard_details(p: Person) -> list[Words]:
    words = table("words").beard
    if p.beard > BEARDED:
        return [words.full]
    if p.moustache > BEARDED:
        return [words.moustache]
    return [words.stubble] if p.stubble > UNSHAVEN else []


def _skin_details(p: Person) -> list[Words]:
    words = table("words").skin
    out: list[Words] = []
    if p.look in ("zombie", "ghost", "white walker", "clown", "werewolf"):
        return out
    if p.melanin > DARK_SKIN:
        out.append(words.dark)
    elif p.melanin > MEDIUM_SKIN:
        out.append(words.medium)
    elif p.melanin < LIGHT_SKIN:
        out.append(words.light)
    if p.freckles > FRECKLED:
        out.append(words.freckles)
    if p.wrinkles > WRINKLED:
        out.append(words.wrinkles)
    if p.moles > MOLES:
        out.append(words.moles)
    if p.dark_circles > DARK_CIRCLES:
        out.append(words.dark_circles)
    if p.flush > FLUSHED and p.blush < UNROUGED:
        out.append(words.flush)
    return out


def _colour_name(rgb: NDArray[np.float32], among: Words) -> str:
    """The name among these of the colour nearest to rgb (3,) in 0..1."""
    colours = table("words").colours.entries.items()
    distance = {n: float(np.abs(rgb - np.array(c)).sum()) for n, c in colours if n in among}
    return min(distance, key=lambda name: distance[name])


def _makeup_details(p: Person) -> list[Words]:
    words = table("words").makeup
    out: list[Words] = []
    if p.lipstick > MADE_UP:
        name = _colour_name(p.colour("lipstick"), LIP_COLOURS)
        out.append([word.format(name) for word in words.lipstick])
    elif p.lip_fullness > FULL_LIPS:
        out.append(words.full_lips)
    elif p.lip_fullness < THIN_LIPS:
        out.append(words.thin_lips)
    if p.eyeshadow > MADE_UP:
        name = _colour_name(p.colour("eyeshadow"), LID_COLOURS)
        out.append([word.format(name) for word in words.eyeshadow])
    if p.blush > ROUGED:
        out.append(words.blush)
    if p.liner > LINED:
        out.append(words.liner)
    return out


def _eye_details(p: Person) -> list[Words]:
    words = table("words").eyes.entries
    by_look = {"ghost": "pale", "zombie": "pale", "vampire": "red", "white walker": "ice"}
    by_look |= {"werewolf": "yellow", "witcher": "yellow"}
    return [words[by_look.get(p.look) or _iris_name(p)]]


def _iris_name(p: Person) -> str:
    red, green, blue = p.colour("iris")
    if blue > red + 0.06:
        return "blue"
    if green >= red and green > blue:
        return "green"
    return "brown" if red < 0.45 else "hazel"
