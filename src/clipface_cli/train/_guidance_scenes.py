"""What the guidance is trained on: renders with captions, and pairs that differ by a request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.artifacts import read_tensors, write_tensors
from clipface_cli.guidance import SOURCE_PROMPT
from clipface_cli.guidance._words import WordTable
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.synth import (
    LATENT_SIZE,
    RECIPES,
    Canvas,
    Person,
    captions,
    paint,
    person_from_latent,
    process_pool,
    sample_attributes,
)
from clipface_cli.train._guidance_changes import (
    CHANGES,
    EXPRESSION_CHANGES,
    FACE_CHANGES,
    LOOK_CHANGES,
    Change,
    Latent,
    apply_changes,
)

RESOLUTION = 128
PAINTED, _KEPT = 256, 192  # texels a side when painted and when kept for rendering
VARIANTS = 6

Description = dict[str, Any]
_BY_NAME = {change.name: change for change in CHANGES}


@dataclass
class Batch:
    """images (N, 3, H, W) uint8 and their captions (N); pairs (P, 2) of images before and
    after a request (P); names (P): what was changed, equal where two requests mean the same.
    """

    images: Tensor
    captions: list[str]
    pairs: Tensor
    requests: list[str]
    names: list[str]


@dataclass
class Family:
    """A person and variants of it. textures (1 + K, 3, R, R) uint8; people and changes (1 + K)."""

    textures: Tensor
    people: list[Person]
    changes: list[tuple[Change, ...]]


def paint_families(
    count: int, seed: int, variants: int = VARIANTS, workers: int = 0
) -> list[Family]:
    """Paint `count` people, each with changed variants; about 0.08 s a texture and core.

    Each family depends on its number and the seed alone; `workers` processes share the work.
    """
    paint_one = partial(_paint_packed, seed=seed, variants=variants)
    if workers < 2:
        return [_unpack(*packed) for packed in map(paint_one, range(count))]
    with process_pool(workers) as pool:
        return [_unpack(*packed) for packed in pool.map(paint_one, range(count), chunksize=4)]


def _paint_packed(row: int, seed: int, variants: int) -> tuple[NDArray[np.uint8], Description]:
    """A family as processes and files pass it on."""
    family = _paint_family(np.random.default_rng((seed, row)), variants)
    return family.textures.numpy(), _describe(family)


def _paint_family(rng: np.random.Generator, variants: int) -> Family:
    latent = rng.standard_normal(LATENT_SIZE).astype(np.float32)
    changes: list[tuple[Change, ...]] = [()]
    while len(changes) < 1 + variants:
        chosen = _choose(rng)
        if all(_visible(latent, change, rng) for change in chosen):
            changes.append(chosen)
    return painted_family(latent, changes, _canvas(), rng)


@cache
def _canvas() -> Canvas:
    """This process's canvas of the embedded head."""
    return Canvas(HeadModel.load("builtin"), PAINTED)


def painted_family(
    latent: Latent, changes: list[tuple[Change, ...]], canvas: Canvas, rng: np.random.Generator
) -> Family:
    """The person of a latent after each of `changes`; the first should be ()."""
    people = [apply_changes(latent, chosen, rng) for chosen in changes]
    painted = np.stack([paint(person, canvas) for person in people])
    textures = torch.from_numpy(painted).permute(0, 3, 1, 2).float()
    textures = F.interpolate(textures, (_KEPT, _KEPT), mode="bilinear", antialias=True)
    return Family(textures.round().byte(), people, changes)


def _choose(rng: np.random.Generator) -> tuple[Change, ...]:
    """One to three changes of different parts."""
    chosen: dict[str, Change] = {}
    for _ in range(rng.choice([1, 2, 3], p=[0.65, 0.25, 0.10])):
        group = LOOK_CHANGES if rng.random() < 0.4 else FACE_CHANGES
        change = group[rng.integers(len(group))]
        chosen.setdefault(change.part, change)
    return tuple(chosen.values())


def load_families(path: Path, count: int, seed: int, workers: int = 0) -> list[Family]:
    """Painted families, kept in `path` between the pieces of a run and for its processes."""
    header = {"count": str(count), "seed": str(seed)}
    if path.is_file():
        tensors, found = read_tensors(path, "clipface-families")
        if header.items() <= found.items():
            described = json.loads(found["families"])
            return [_unpack(*packed) for packed in zip(tensors["textures"], described, strict=True)]
    families = paint_families(count, seed, workers=workers)
    described = [_describe(family) for family in families]
    header |= {"format": "clipface-families", "families": json.dumps(described)}
    write_tensors(path, {"textures": torch.stack([f.textures for f in families])}, header)
    return families


def _describe(family: Family) -> Description:
    return {
        "people": [person.to_dict() for person in family.people],
        "changes": [[change.name for change in chosen] for chosen in family.changes],
    }


def _unpack(textures: Tensor | NDArray[np.uint8], described: Description) -> Family:
    return Family(
        torch.as_tensor(textures),
        [Person.from_dict(values) for values in described["people"]],
        [tuple(_BY_NAME[name] for name in chosen) for chosen in described["changes"]],
    )


def vocabulary(words: WordTable) -> list[str]:
    """Entries of `words` that captions and requests use, sorted."""
    rng = np.random.default_rng(0)
    texts = [
        frame.format(phrase)
        for change in CHANGES
        for phrase in change.phrases
        for frame in (_FRAMES if phrase == change.phrases[0] else ("{}",))
    ]
    for latent in sample_attributes(800, 0)[0]:
        texts += captions(person_from_latent(latent), str(rng.choice(list(RECIPES))), rng)
    rows = {token.index for text in texts for token in words.tokenize(text)}
    return sorted(words.words[row] for row in rows if row is not None)


def _visible(latent: Latent, change: Change, rng: np.random.Generator) -> bool:
    """The change moves some attribute by more than 0.7 of its standard deviation."""
    before = person_from_latent(latent).vector()
    after = apply_changes(latent, (change,), rng).vector()
    return bool((np.abs(after - before) / _spread()).max() > 0.7)


@lru_cache
def _spread() -> Latent:
    """Standard deviation (A,) of every attribute."""
    return np.maximum(sample_attributes(2000, 0)[1].std(0), 0.02)


def request(changes: tuple[Change, ...], rng: np.random.Generator) -> str:
    """How a user might ask for the changes."""
    phrases = [str(rng.choice(change.phrases)) for change in changes]
    rng.shuffle(phrases)
    wanted = str(rng.choice(_JOINTS)).join(phrases)
    return str(rng.choice(_FRAMES)).format(wanted)


_JOINTS = (" with ", " and ", ", ", " ")
_FRAMES = (
    "{}",
    "{}",
    f"{SOURCE_PROMPT} that looks like {{}}",
    f"{SOURCE_PROMPT} that looks like {{}}",
    "a face with {}",
    "{} face",
    "a photo of {}",
    "a portrait of {}",
    "make it {}",
    "a person who looks {}",
)


class PaintedScenes:
    """Batches rendered from painted families: every family gives four images and three pairs.

    The images: the person; a variant; another variant, an expression or both; an expression. One
    head, camera and colour cast a family.
    """

    def __init__(
        self,
        head: HeadModel,
        families: list[Family],
        per_batch: int = 16,
        caption_parts: tuple[int, int] = (1, 4),
    ) -> None:
        self.head, self.families, self.per_batch = head, families, per_batch
        self.caption_parts = caption_parts
        self._renderers = (
            Renderer(head, RESOLUTION),
            Renderer(head, RESOLUTION, exclude=head.inside_mouth),
        )

    def batch(self, rng: np.random.Generator) -> Batch:
        """64 images of 16 families, 48 pairs."""
        drawn = [self._draw(rng) for _ in range(self.per_batch)]
        torch.manual_seed(int(rng.integers(2**31)))
        textures = torch.cat([shots.textures for shots in drawn])
        expression = torch.cat([shots.expression for shots in drawn])
        images = self._render(textures, expression, rng, group=4)
        first = 4 * torch.arange(self.per_batch)
        pairs = torch.stack([first[:, None].expand(-1, 3), first[:, None] + torch.arange(1, 4)], 2)
        return Batch(
            (images.clamp(-1, 1) * 127.5 + 127.5).round().byte(),
            [text for shots in drawn for text in shots.captions],
            pairs.flatten(0, 1),
            [request(changes, rng) for shots in drawn for changes in shots.changes],
            [name_of(changes) for shots in drawn for changes in shots.changes],
        )

    def portraits(self, rows: range, rng: np.random.Generator) -> tuple[Tensor, list[str]]:
        """One picture (N, 3, H, W) and caption (N) of each of these families' people."""
        textures, expressions, texts = [], [], []
        for family in self.families[rows.start : rows.stop]:
            mood: Change | None = EXPRESSION_CHANGES[rng.integers(len(EXPRESSION_CHANGES))]
            mood = mood if rng.random() < 0.5 else None
            name, units = ("neutral", {}) if mood is None else mood.draw_units(rng)
            textures.append(family.textures[0].float() / 127.5 - 1)
            expressions.append(self._expression(units, rng))
            texts.append(self._caption(family.people[0], name, mood, rng))
        torch.manual_seed(int(rng.integers(2**31)))
        images = self._render(torch.stack(textures), torch.stack(expressions), rng, group=1)
        return images, texts

    def _draw(self, rng: np.random.Generator) -> _Shots:
        family = self.families[rng.integers(len(self.families))]
        one, two = rng.choice(np.arange(1, len(family.people)), 2, replace=False)
        rows = [0, one, two, 0]
        moods: list[Change | None] = [None, None, *rng.choice(np.array(EXPRESSION_CHANGES), 2)]
        fate = rng.random()
        if fate < 0.4:
            rows[2] = 0
        elif fate < 0.7:
            moods[2] = None
        drawn = [("neutral", {}) if mood is None else mood.draw_units(rng) for mood in moods]
        noise = self._expression({}, rng)
        expression = [noise + self.head.expression_from_units(units) for _, units in drawn]
        texts = [
            self._caption(family.people[row], name, mood, rng)
            for row, mood, (name, _) in zip(rows, moods, drawn, strict=True)
        ]
        changes = [
            family.changes[row] + (() if mood is None else (mood,))
            for row, mood in zip(rows[1:], moods[1:], strict=True)
        ]
        textures = _partial(family.textures[rows].float() / 127.5 - 1, rng)
        return _Shots(textures, torch.stack(expression), texts, changes)

    def _expression(self, units: dict[str, float], rng: np.random.Generator) -> Tensor:
        """Coefficients (E) of ARKit units, a little off."""
        noise = torch.from_numpy(rng.standard_normal(self.head.expression_size)).float()
        return 0.15 * noise + self.head.expression_from_units(units)

    def _caption(
        self, person: Person, expression: str, mood: Change | None, rng: np.random.Generator
    ) -> str:
        """Some captions of a picture joined; a mood that captions have no name for is added."""
        choices = captions(person, expression, rng)
        low, high = self.caption_parts
        count = min(int(rng.integers(low, high + 1)), len(choices))
        parts = list(rng.choice(np.array(choices), count, replace=False))
        if mood is not None and expression == "neutral":
            parts.append(rng.choice(np.array(mood.phrases)))
        return ", ".join(parts)

    def _render(
        self, textures: Tensor, expression: Tensor, rng: np.random.Generator, group: int
    ) -> Tensor:
        """Pictures as a camera might give them; each `group` has one head, camera and cast."""
        groups = len(textures) // group
        shape = 0.8 * torch.randn(groups, self.head.shape_size)
        params = torch.stack(
            [
                torch.empty(groups).uniform_(5.8, 9.0),
                torch.empty(groups).uniform_(-0.012, 0.012),
                torch.empty(groups).uniform_(0.02, 0.045),
            ],
            1,
        )
        yaw = (0.25 * torch.randn(groups)).clamp(-0.6, 0.6)
        pitch = (0.08 * torch.randn(groups)).clamp(-0.2, 0.2)
        shape, params, yaw, pitch = (
            value.repeat_interleave(group, 0) for value in (shape, params, yaw, pitch)
        )
        vertices = self.head(shape, expression, torch.zeros(len(textures), 6))
        renderer = self._renderers[rng.integers(2)]
        with torch.no_grad():
            images, _ = renderer(vertices, textures, Camera(params, yaw, pitch))
        return augment(images, group)


@dataclass
class _Shots:
    textures: Tensor
    expression: Tensor
    captions: list[str]
    changes: list[tuple[Change, ...]]


def name_of(changes: tuple[Change, ...]) -> str:
    """One name for a set of changes."""
    return " + ".join(sorted(change.name for change in changes))


def _partial(textures: Tensor, rng: np.random.Generator) -> Tensor:
    """Textures as an unfinished edit or a soft generator has them: part of the way, or blurred."""
    if rng.random() < 0.3:
        textures = torch.lerp(textures[:1], textures, float(rng.uniform(0.5, 1)))
    if rng.random() < 0.4:
        side = int(rng.integers(72, 144))
        small = F.interpolate(textures, (side, side), mode="bilinear", antialias=True)
        textures = F.interpolate(small, textures.shape[2:], mode="bilinear")
    return textures


def augment(images: Tensor, group: int) -> Tensor:
    """Colour cast, gain and blur shared by each `group` of images; pixel noise for each alone."""
    groups = len(images) // group
    gain = 1 + 0.04 * torch.randn(groups, 3, 1, 1)
    cast = 0.02 * torch.randn(groups, 3, 1, 1)
    gain, cast = (value.repeat_interleave(group, 0) for value in (gain, cast))
    images = ((images - 1) * gain + 1 + cast).clamp(-1, 1)
    soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    amount = (torch.rand(groups, 1, 1, 1) - 0.4).clamp(0).repeat_interleave(group, 0)
    images = torch.lerp(images, soft, amount * 1.6)
    noise = torch.rand(len(images), 1, 1, 1).square() * 0.06
    return images + noise * torch.randn_like(images)
