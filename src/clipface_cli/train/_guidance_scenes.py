"""What the guidance is trained on: renders with captions, and pairs that differ by a request.

A `Casting` decides what is to be seen and writes the texts; a `Studio` takes the pictures.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.guidance import SOURCE_PROMPT
from clipface_cli.guidance._words import WordTable
from clipface_cli.guidance.embedded import rows_of
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer, usable_backend
from clipface_cli.synth import (
    RECIPES,
    Person,
    captions,
    person_from_latent,
    sample_attributes,
)
from clipface_cli.train._guidance_changes import CHANGES, EXPRESSION_CHANGES, Change
from clipface_cli.train._guidance_families import Family, standardised
from clipface_cli.train.pictures import as_images

RESOLUTION = 128
SHOTS = 4  # of a family


@dataclass
class Draft:
    """What a batch of F families shows: four shots of each, three changes between them.

    family (F); row (F, 4): whose texture; expression (F, 4, E); blend (F): how far the changes of
    the texture have gone; side (F): texels a side when softened, 0 when not; captions (4 F) and
    requests (3 F) as rows of the word table; names (3 F): what was changed, equal where two
    requests mean the same; seed: of heads, cameras and light.
    """

    family: NDArray[np.int64]
    row: NDArray[np.int64]
    expression: NDArray[np.float32]
    blend: NDArray[np.float32]
    side: NDArray[np.int64]
    captions: list[list[int]]
    requests: list[list[int]]
    names: list[str]
    seed: int


@dataclass
class Batch:
    """images (N, 3, H, W) in [-1, 1], texts as rows of the word table.

    captions (N) of the images; pairs (P, 2) of images before and after a request (P); names (P):
    what was changed, equal where two requests mean the same; facts (N, A + E) that the images show:
    standardised attributes and expression.
    """

    images: Tensor
    captions: list[list[int]]
    pairs: Tensor
    requests: list[list[int]]
    names: list[str]
    facts: Tensor


class Casting:
    """Draws drafts. A family's shots: the person; a variant; another variant, an expression or
    both; an expression.
    """

    def __init__(
        self,
        head: HeadModel,
        families: list[Family],
        words: WordTable,
        caption_parts: tuple[int, int] = (2, 5),
    ) -> None:
        self.head, self.families, self.words = head, families, words
        self.caption_parts = caption_parts

    def draft(self, rng: np.random.Generator, count: int) -> Draft:
        """A batch of `count` families; the same generator state gives the same."""
        chosen = [int(rng.integers(len(self.families))) for _ in range(count)]
        drawn = [self._draw(self.families[index], rng) for index in chosen]
        rows, expressions, texts, changes = zip(*drawn, strict=True)
        asked = [change for group in changes for change in group]
        softened = rng.random(count) < 0.4
        return Draft(
            np.array(chosen),
            np.array(rows),
            np.stack(expressions),
            np.where(rng.random(count) < 0.3, rng.uniform(0.5, 1, count), 1).astype(np.float32),
            np.where(softened, rng.integers(72, 144, count), 0),
            [rows_of(self.words, text) for group in texts for text in group],
            [rows_of(self.words, request(change, rng)) for change in asked],
            [name_of(change) for change in asked],
            int(rng.integers(2**31)),
        )

    def portrait(self, family: Family, rng: np.random.Generator) -> tuple[Tensor, str]:
        """Expression (E) and caption of a picture of a family's person."""
        mood: Change | None = EXPRESSION_CHANGES[rng.integers(len(EXPRESSION_CHANGES))]
        mood = mood if rng.random() < 0.5 else None
        name, units = ("neutral", {}) if mood is None else mood.draw_units(rng)
        expression = self._noise(rng) + self.head.expression_from_units(units)
        return expression, self._caption(family.people[0], name, mood, rng)

    def _draw(
        self, family: Family, rng: np.random.Generator
    ) -> tuple[list[int], NDArray[np.float32], list[str], list[tuple[Change, ...]]]:
        """Rows (4), expressions (4, E), captions (4) and changes (3) of a family."""
        one, two = rng.choice(np.arange(1, len(family.people)), 2, replace=False)
        rows = [0, int(one), int(two), 0]
        moods: list[Change | None] = [None, None, *rng.choice(np.array(EXPRESSION_CHANGES), 2)]
        fate = rng.random()
        if fate < 0.4:
            rows[2] = 0
        elif fate < 0.7:
            moods[2] = None
        drawn = [("neutral", {}) if mood is None else mood.draw_units(rng) for mood in moods]
        noise = self._noise(rng)
        expression = [noise + self.head.expression_from_units(units) for _, units in drawn]
        texts = [
            self._caption(family.people[row], name, mood, rng)
            for row, mood, (name, _) in zip(rows, moods, drawn, strict=True)
        ]
        changes = [
            family.changes[row] + (() if mood is None else (mood,))
            for row, mood in zip(rows[1:], moods[1:], strict=True)
        ]
        return rows, torch.stack(expression).numpy(), texts, changes

    def _noise(self, rng: np.random.Generator) -> Tensor:
        """What an expression (E) is off."""
        return 0.15 * torch.from_numpy(rng.standard_normal(self.head.expression_size)).float()

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


class Studio:
    """Takes the pictures of drafts, on a device; without nvdiffrast the CPU draws them."""

    def __init__(
        self, head: HeadModel, families: list[Family], device: torch.device | str = "cpu"
    ) -> None:
        self.device = torch.device(device)
        backend = usable_backend()
        self._renderers = (
            Renderer(head, RESOLUTION, backend),
            Renderer(head, RESOLUTION, backend, exclude=head.inside_mouth),
        )
        self.head = deepcopy(head).to(self.device)
        self.textures = torch.stack([family.textures for family in families]).to(self.device)
        attributes = np.stack([[standardised(p) for p in family.people] for family in families])
        self.attributes = torch.from_numpy(attributes).to(self.device)

    def shoot(self, draft: Draft) -> Batch:
        """The batch of a draft."""
        torch.manual_seed(draft.seed)
        count = len(draft.family)
        textures = self._textures(draft)
        expression = torch.from_numpy(draft.expression).flatten(0, 1).to(self.device)
        attributes = _part_way(self._shots(self.attributes, draft), draft).flatten(0, 1)
        first = SHOTS * torch.arange(count)
        pairs = torch.stack([first[:, None].expand(-1, 3), first[:, None] + torch.arange(1, 4)], 2)
        return Batch(
            self.pictures(textures, expression, group=SHOTS),
            draft.captions,
            pairs.flatten(0, 1),
            draft.requests,
            draft.names,
            torch.cat([attributes, expression], 1),
        )

    def pictures(self, textures: Tensor, expression: Tensor, group: int) -> Tensor:
        """Images (N, 3, H, W) as a camera might give them of textures (N, 3, R, R) in [-1, 1].

        Each `group` has one head, camera and cast.
        """
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
            value.repeat_interleave(group, 0).to(self.device)
            for value in (shape, params, yaw, pitch)
        )
        pose = shape.new_zeros(len(shape), 6)
        with torch.no_grad():
            vertices = self.head(shape, expression.to(self.device), pose)
            renderer = self._renderers[int(torch.randint(2, ()))]
            images, _ = renderer(vertices, textures, Camera(params, yaw, pitch))
        return augment(images, group).clamp(-1, 1)

    def _textures(self, draft: Draft) -> Tensor:
        """Textures (4 F, 3, R, R), some as an unfinished edit or a soft generator has them."""
        textures = _part_way(as_images(self._shots(self.textures, draft)), draft)
        for place, side in enumerate(draft.side.tolist()):
            if side:
                textures[place] = _softened(textures[place], side)
        return textures.flatten(0, 1)

    def _shots(self, versions: Tensor, draft: Draft) -> Tensor:
        """What the shots (F, 4, ...) show of the versions (families, 1 + K, ...)."""
        family, row = (torch.from_numpy(p).to(self.device) for p in (draft.family, draft.row))
        return versions[family[:, None], row]


def _part_way(shots: Tensor, draft: Draft) -> Tensor:
    """Shots (F, 4, ...), changed from the first as far as the draft says."""
    blend = torch.from_numpy(draft.blend).to(shots.device)
    return torch.lerp(shots[:, :1], shots, blend.view(-1, *[1] * (shots.ndim - 1)))


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


def name_of(changes: tuple[Change, ...]) -> str:
    """One name for a set of changes."""
    return " + ".join(sorted(change.name for change in changes))


def _softened(textures: Tensor, side: int) -> Tensor:
    small = F.interpolate(textures, (side, side), mode="bilinear", antialias=True)
    return F.interpolate(small, textures.shape[2:], mode="bilinear")


def augment(images: Tensor, group: int) -> Tensor:
    """Colour cast, gain and blur shared by each `group` of images; pixel noise for each alone."""
    groups = len(images) // group
    gain = 1 + 0.04 * torch.randn(groups, 3, 1, 1)
    cast = 0.02 * torch.randn(groups, 3, 1, 1)
    gain, cast = (value.repeat_interleave(group, 0).to(images) for value in (gain, cast))
    images = ((images - 1) * gain + 1 + cast).clamp(-1, 1)
    soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    amount = (torch.rand(groups, 1, 1, 1) - 0.4).clamp(0).repeat_interleave(group, 0)
    images = torch.lerp(images, soft, 1.6 * amount.to(images))
    noise = 0.06 * torch.rand(len(images), 1, 1, 1).square().to(images)
    return images + noise * torch.randn_like(images)
