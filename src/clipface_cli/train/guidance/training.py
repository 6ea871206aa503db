"""Training of the embedded text-image model on painted people.

Two contrastive losses: renders against captions, and the difference of two renders of one head
against the direction of a request. An edit uses the second (eq. 5-7). Both directions also learn to
have the same length, so that the text determines the size of an edit. A caption describes little of
a render; the image encoder's features therefore also learn to predict all painted attributes,
through a linear layer that is dropped after training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface_cli.guidance import SOURCE_PROMPT, EmbeddedGuidance
from clipface_cli.guidance.embedded import rows_of
from clipface_cli.guidance.words import WordTable
from clipface_cli.head import HeadModel
from clipface_cli.synth import ATTRIBUTE_SIZE
from clipface_cli.texture import fast_autocast
from clipface_cli.train.common.checkpoints import RunFolder, TrainState
from clipface_cli.train.common.loop import (
    Budget,
    Progress,
    StepMetrics,
    prepare_cpu,
    run_loop,
    update_average,
)
from clipface_cli.train.guidance.families import load_families
from clipface_cli.train.guidance.requests import vocabulary
from clipface_cli.train.guidance.scores import score
from clipface_cli.train.guidance.specification_loader import SpecificationLoader
from clipface_cli.train.guidance.training_renderer import Batch, TrainingRenderer

_START_SHARPNESS, _MOST_SHARPNESS = 12.0, 60.0  # inverse temperatures of the contrastive losses
# Weights beside the two contrastive losses, which count 1 each.
_COSINE_WEIGHT = 0.5  # 1 - cosine of a change and its request
_LENGTH_WEIGHT = 0.2  # squared log ratio of their lengths
_ATTRIBUTE_WEIGHT = 4.0  # smooth L1 of standardised attributes, which is small beside the others
_LENGTH_OFFSET = 0.1  # added to lengths before the logarithm, so that short ones do not dominate
_WARM_UP = 50  # steps in which the learning rate rises
_BETAS = (0.9, 0.98)  # of AdamW, as for CLIP's vision transformers
_GRADIENT_CLIP = 1.0  # largest norm
_EMA_DECAY, _EMA_START = 0.99, 10  # a step; the decay rises from 1 / _EMA_START


@dataclass(frozen=True)
class GuidanceSettings:
    """Settings of guidance training; the budget is `minutes` when given, else `steps`."""

    steps: int = 1200
    minutes: float | None = None
    families: int = 700
    families_per_batch: int = 16  # four images each
    workers: int = 0  # processes that draw batches; 0: this one
    repeats: int = 1  # steps with the same people and texts, on other heads, with other cameras
    device: str = "cpu"
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05
    word_noise: float = 0.5  # most norm of the noise added to a word's unit vector
    every: int = 100  # steps between two checkpoints
    size: int = 128  # of embeddings
    seed: int = 0


class _Temperatures(nn.Module):
    """Logarithms of the two contrastive losses' inverse temperatures, learned."""

    def __init__(self) -> None:
        super().__init__()
        self.captions = nn.Parameter(torch.tensor(math.log(_START_SHARPNESS)))
        self.changes = nn.Parameter(torch.tensor(math.log(_START_SHARPNESS)))


class GuidanceTraining:
    """Model, its moving average, optimiser and the training step."""

    def __init__(
        self,
        model: EmbeddedGuidance,
        attributes: int,
        load: Callable[[int], Batch],
        settings: GuidanceSettings,
    ) -> None:
        self.model, self.load, self.settings = model, load, settings
        self.device = torch.device(settings.device)
        self.source = rows_of(model.words, SOURCE_PROMPT)
        model.to(self.device)
        self.average = deepcopy(model).requires_grad_(False)
        self.attributes = nn.Linear(model.image.project.in_features, attributes).to(self.device)
        self.temperatures = _Temperatures().to(self.device)
        self.optimizer = torch.optim.AdamW(
            [
                {
                    "params": [*model.parameters(), *self.attributes.parameters()],
                    "weight_decay": settings.weight_decay,
                },
                {"params": self.temperatures.parameters(), "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            betas=_BETAS,
        )
        modules = {
            "model": model,
            "average": self.average,
            "temperatures": self.temperatures,
            "attributes": self.attributes,
        }
        self.state = TrainState(modules, {"all": self.optimizer})

    def step(self, spent: float) -> StepMetrics:
        """One optimisation step, its scalar losses; the batch depends only on seed and step."""
        settings, step = self.settings, self.state.step
        rate = (
            settings.learning_rate
            * min(1, (step + 1) / _WARM_UP)
            * math.cos(spent * math.pi / 2) ** 2
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss, metrics = self._loss(self.load(step))
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), _GRADIENT_CLIP)
        self.optimizer.step()
        decay = min(_EMA_DECAY, (1 + step) / (_EMA_START + step))
        update_average(self.average, self.model, decay)
        return metrics

    def _loss(self, batch: Batch) -> tuple[Tensor, StepMetrics]:
        texts = self._text([*batch.captions, *batch.requests, self.source])
        with fast_autocast(self.device):
            features = self.model.image.features(batch.images)
            images, attributes = self.model.image.project(features), self.attributes(features)
        images = images.float()
        captions, requests, source = texts.split([len(images), len(batch.requests), 1])
        before, after = batch.pairs.to(self.device).unbind(1)
        moved, asked = images[after] - images[before], requests - source
        names = np.array(batch.names)
        same = torch.from_numpy(names[:, None] == names).to(self.device)
        own = torch.eye(len(images), device=self.device).bool()
        caption_loss = contrast(images, captions, self.temperatures.captions, own)
        change_loss = contrast(moved, asked, self.temperatures.changes, same)
        cosine = 1 - F.cosine_similarity(moved, asked, dim=1).mean()
        lengths = (moved.norm(dim=1) + _LENGTH_OFFSET).log() - (
            asked.norm(dim=1) + _LENGTH_OFFSET
        ).log()
        length = lengths.square().mean()
        attribute_loss = F.smooth_l1_loss(attributes.float(), batch.attributes)
        loss = caption_loss + change_loss + _COSINE_WEIGHT * cosine
        loss = loss + _LENGTH_WEIGHT * length + _ATTRIBUTE_WEIGHT * attribute_loss
        values = {
            "loss": loss,
            "captions": caption_loss,
            "changes": change_loss,
            "cosine": cosine,
            "length": length,
            "attributes": attribute_loss,
        }
        return loss, {name: value.detach() for name, value in values.items()}

    def _text(self, prompts: list[list[int]]) -> Tensor:
        """Text embeddings (N, D) with noise on the word vectors, so that similar words match."""
        vectors, present = self.model.vectors_of(prompts)
        noise = torch.randn_like(vectors) * self.settings.word_noise / vectors.shape[2] ** 0.5
        noise = noise * torch.rand(len(prompts), 1, 1, device="cpu").to(vectors)
        noisy = F.normalize(vectors + noise, dim=2)
        embedded: Tensor = self.model.text(noisy * present[..., None], present)
        return embedded


def contrast(a: Tensor, b: Tensor, temperature: Tensor, positive: Tensor) -> Tensor:
    """Symmetric InfoNCE loss, ().

    Args:
        a, b: (N, D), normalised here.
        temperature: (), logarithm of the inverse temperature.
        positive: (N, N) bool, pairs of rows that match.
    """
    logits = (
        F.normalize(a, dim=1)
        @ F.normalize(b, dim=1).T
        * temperature.exp().clamp(max=_MOST_SHARPNESS)
    )
    target = positive.float()
    rows = F.cross_entropy(logits, target / target.sum(1, keepdim=True))
    columns = F.cross_entropy(logits.T, target.T / target.T.sum(1, keepdim=True))
    return (rows + columns) / 2


def train_guidance(
    out: Path,
    settings: GuidanceSettings | None = None,
    progress: Progress = print,
    resume: bool = False,
    start: Path | None = None,
) -> Path:
    """Train on people painted for it; returns the path of guidance.safetensors in `out`.

    `start` is a guidance.safetensors to begin from. Raises KeyboardInterrupt after saving when
    Ctrl-C was pressed; `resume` continues from there.
    """
    settings = settings or GuidanceSettings()
    prepare_cpu()
    folder = RunFolder(out, asdict(settings) | {"start": start})
    head = HeadModel.load("builtin")
    path, seed = out / "families.safetensors", settings.seed
    families = load_families(path, settings.families, seed + 1, settings.workers)
    words = WordTable.load()
    torch.manual_seed(settings.seed)
    if start is None:
        model = EmbeddedGuidance(words, vocabulary(words), settings.size)
    else:
        model = EmbeddedGuidance.load(start, words).train().requires_grad_(True)
    renderer = TrainingRenderer(head, families, settings.device)
    loader = SpecificationLoader(
        path,
        settings.families,
        seed,
        settings.families_per_batch,
        settings.workers,
        settings.repeats,
    )
    attributes = ATTRIBUTE_SIZE + head.expression_size

    def load(step: int) -> Batch:
        return renderer.render_batch(loader.load(step))

    training = GuidanceTraining(model, attributes, load, settings)
    folder.begin(training.state, resume)

    def report(metrics: Mapping[str, float]) -> None:
        state = training.state
        folder.log({"step": state.step, "minutes": state.minutes, **metrics})
        text = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
        progress(f"step {state.step}, {state.minutes:.1f} min: {text}")

    budget = Budget(settings.steps, settings.minutes)
    try:
        run_loop(training.state, folder, budget, training.step, report, settings.every)
    finally:
        loader.close()
    scores = score(training.average.cpu(), head, settings.seed, workers=settings.workers)
    text = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
    progress(f"held out: {text}")
    path = out / "guidance.safetensors"
    state = training.state
    card = {**asdict(settings), "trained_steps": state.step, "trained_minutes": state.minutes}
    training.average.save(path, card | {"scores": scores})
    return path
