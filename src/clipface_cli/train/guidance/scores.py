"""Scores of a trained text-image model: held-out captions, changes and synonyms."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.guidance import SOURCE_PROMPT, EmbeddedGuidance, target_sentence
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.synth import LATENT_NAMES, LATENT_SIZE, Canvas
from clipface_cli.train.common.pixels import as_images
from clipface_cli.train.guidance.batch_sampler import BatchSampler
from clipface_cli.train.guidance.changes import CHANGES, EXPRESSION_CHANGES, Change
from clipface_cli.train.guidance.families import PAINTED, paint_families, painted_family
from clipface_cli.train.guidance.synonyms import SYNONYMS
from clipface_cli.train.guidance.training_renderer import RESOLUTION, TrainingRenderer

_CHOICES = 64  # captions from which the right one is chosen
_PEOPLE_SEED, _CHANGE_SEED = 1000, 2000  # added to the seed: people that training does not see
_CAPTION_SEED = 7
_LATENT_SPREAD, _SHAPE_SPREAD = 0.7, 0.5  # standard deviations: people near the average
_ORDINARY = -0.6  # value of the latent `kind` that gives a person without a look
_YAW = 20.0  # degrees to either side


@torch.no_grad()
def score(
    model: EmbeddedGuidance, head: HeadModel, seed: int, quick: bool = False, workers: int = 0
) -> dict[str, float]:
    """Accuracies in [0, 1] on people and words that training did not see.

    caption_top1, caption_top5: the right caption of four parts among 64, for renders of 1,024
    people;
    change_top1: the right request among all changes for the difference of two renders;
    change_cosine: mean cosine of that difference and the request's direction;
    synonym_top1, synonym_top5: phrases never seen in training against the mean image differences.
    """
    people = paint_families(_CHOICES if quick else 16 * _CHOICES, seed + _PEOPLE_SEED, 0, workers)
    sampler = BatchSampler(head, people, model.words, caption_parts=(4, 4))
    prototypes, moved, rows = _image_directions(model, head, seed, people=2 if quick else 8)
    asked = _text_directions(model, [change.phrases[0] for change in CHANGES])
    cosine = F.normalize(moved, dim=1) @ F.normalize(asked, dim=1).T
    return {
        **_caption_accuracy(model, sampler),
        "change_top1": float((cosine.argmax(1) == rows).float().mean()),
        "change_cosine": float(cosine.gather(1, rows[:, None]).mean()),
        **_synonym_accuracy(model, prototypes),
    }


def _caption_accuracy(model: EmbeddedGuidance, sampler: BatchSampler) -> dict[str, float]:
    images, texts = [], []
    renderer = TrainingRenderer(sampler.head, sampler.families)
    for first in range(0, len(sampler.families), _CHOICES):
        rng = np.random.default_rng((_CAPTION_SEED, first))
        people = sampler.families[first : first + _CHOICES]
        expressions, captions = zip(*(sampler.sample_portrait(p, rng) for p in people), strict=True)
        torch.manual_seed(first)
        textures = as_images(torch.stack([person.textures[0] for person in people]))
        renders = renderer.render(textures, torch.stack(expressions), group=1)
        images.append(F.normalize(model.encode_image(renders), dim=1))
        texts.append(F.normalize(model.encode_text(list(captions)), dim=1))
    similarity = torch.stack(images) @ torch.stack(texts).transpose(1, 2)
    own = similarity.diagonal(dim1=1, dim2=2)[..., None]
    rank = (similarity > own).sum(2)
    return {f"caption_top{k}": float((rank < k).float().mean()) for k in (1, 5)}


def _image_directions(
    model: EmbeddedGuidance, head: HeadModel, seed: int, people: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean direction (C, D) of every change; each direction (N, D) with its change (N)."""
    rng = np.random.default_rng(seed + _CHANGE_SEED)
    canvas, renderer = Canvas(head, PAINTED), Renderer(head, RESOLUTION)
    moved, rows = [], []
    for _ in range(people):
        latent = _LATENT_SPREAD * rng.standard_normal(LATENT_SIZE).astype(np.float32)
        latent[LATENT_NAMES.index("kind")] = _ORDINARY
        painted = [(), *((c,) for c in CHANGES if c not in EXPRESSION_CHANGES)]
        family = painted_family(latent, painted, canvas, rng)
        neutral = torch.zeros(head.expression_size)
        for row, change in enumerate(CHANGES):
            at = 0 if change in EXPRESSION_CHANGES else painted.index((change,))
            textures = as_images(family.textures[[0, at]])
            expression = torch.stack([neutral, _expression(head, change, rng)])
            shape = _SHAPE_SPREAD * torch.randn(1, head.shape_size).expand(2, -1)
            vertices = head(shape, expression, torch.zeros(2, 6))
            yaw = float(rng.uniform(-_YAW, _YAW))
            image, _ = renderer(vertices, textures, Camera.turned([yaw, yaw]))
            before, after = model.encode_image(image)
            moved.append(after - before)
            rows.append(row)
    directions, names = torch.stack(moved), torch.tensor(rows)
    unit = F.normalize(directions, dim=1)
    means = torch.stack([unit[names == row].mean(0) for row in range(len(CHANGES))])
    return means, directions, names


def _expression(head: HeadModel, change: Change, rng: np.random.Generator) -> Tensor:
    if change not in EXPRESSION_CHANGES:
        return torch.zeros(head.expression_size)
    return head.expression_from_units(change.draw_units(rng)[1])


def _text_directions(model: EmbeddedGuidance, phrases: list[str]) -> Tensor:
    texts = model.encode_text([SOURCE_PROMPT, *map(target_sentence, phrases)])
    return texts[1:] - texts[:1]


def _synonym_accuracy(model: EmbeddedGuidance, prototypes: Tensor) -> dict[str, float]:
    asked = _text_directions(model, list(SYNONYMS))
    cosine = F.normalize(asked, dim=1) @ F.normalize(prototypes, dim=1).T
    names = [change.name for change in CHANGES]
    ranked = [[names[i] for i in row] for row in cosine.argsort(1, descending=True)]
    wanted = list(SYNONYMS.values())
    return {
        f"synonym_top{k}": sum(
            not set(right).isdisjoint(row[:k]) for right, row in zip(wanted, ranked, strict=True)
        )
        / len(wanted)
        for k in (1, 5)
    }
