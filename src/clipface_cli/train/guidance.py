"""Training of the embedded text-image model on painted people.

Two contrastive losses: renders against captions, and the change between two renders of one head
against the change that a request asks for. The second is what an edit uses (paper eq. 5-7). Both
sides of a change also learn to be equally long, so that the text says how far an edit has to go.
A caption tells little of a picture; the image tower's features therefore also learn to say what was
painted, all of it, through a layer that is thrown away at the end.
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
from clipface_cli.guidance._words import WordTable
from clipface_cli.guidance.embedded import rows_of
from clipface_cli.head import HeadModel
from clipface_cli.synth import ATTRIBUTE_SIZE
from clipface_cli.texture import fast_autocast
from clipface_cli.train._guidance_families import load_families
from clipface_cli.train._guidance_feed import Feed
from clipface_cli.train._guidance_scenes import Batch, Studio, vocabulary
from clipface_cli.train._guidance_scores import score
from clipface_cli.train.loop import (
    Budget,
    Measured,
    Progress,
    prepare_cpu,
    run_loop,
    update_average,
)
from clipface_cli.train.state import RunFolder, TrainState


@dataclass(frozen=True)
class GuidanceSettings:
    """How to train the guidance; the budget is `minutes` when given, else `steps`."""

    steps: int = 1200
    minutes: float | None = None
    families: int = 700
    families_per_batch: int = 16  # four images each
    workers: int = 0  # processes that draw batches; 0: this one
    takes: int = 1  # steps that show the same people and texts, with other heads and cameras
    device: str = "cpu"
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05
    word_noise: float = 0.5
    every: int = 100
    size: int = 128
    seed: int = 0


class _Temperatures(nn.Module):
    """Learned sharpness of the two contrastive losses."""

    def __init__(self) -> None:
        super().__init__()
        self.captions = nn.Parameter(torch.tensor(math.log(12.0)))
        self.changes = nn.Parameter(torch.tensor(math.log(12.0)))


class _Learner:
    """Model, its moving average, optimiser and the training step."""

    def __init__(
        self,
        model: EmbeddedGuidance,
        facts: int,
        take: Callable[[int], Batch],
        settings: GuidanceSettings,
    ) -> None:
        self.model, self.take, self.settings = model, take, settings
        self.device = torch.device(settings.device)
        self.source = rows_of(model.words, SOURCE_PROMPT)
        model.to(self.device)
        self.average = deepcopy(model).requires_grad_(False)
        self.facts = nn.Linear(model.image.project.in_features, facts).to(self.device)
        self.temperatures = _Temperatures().to(self.device)
        self.optimizer = torch.optim.AdamW(
            [
                {
                    "params": [*model.parameters(), *self.facts.parameters()],
                    "weight_decay": settings.weight_decay,
                },
                {"params": self.temperatures.parameters(), "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            betas=(0.9, 0.98),
        )
        modules = {
            "model": model,
            "average": self.average,
            "temperatures": self.temperatures,
            "facts": self.facts,
        }
        self.state = TrainState(modules, {"all": self.optimizer})

    def step(self, spent: float) -> Measured:
        """One optimisation step; the batch depends on the seed and the step alone."""
        settings, step = self.settings, self.state.step
        rate = settings.learning_rate * min(1, (step + 1) / 50) * math.cos(spent * math.pi / 2) ** 2
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss, metrics = self._loss(self.take(step))
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        update_average(self.average, self.model, min(0.99, (1 + step) / (10 + step)))
        return metrics

    def _loss(self, batch: Batch) -> tuple[Tensor, Measured]:
        texts = self._text([*batch.captions, *batch.requests, self.source])
        with fast_autocast(self.device):
            features = self.model.image.features(batch.images)
            images, facts = self.model.image.project(features), self.facts(features)
        images = images.float()
        captions, requests, source = texts.split([len(images), len(batch.requests), 1])
        before, after = batch.pairs.to(self.device).unbind(1)
        moved, asked = images[after] - images[before], requests - source
        names = np.array(batch.names)
        same = torch.from_numpy(names[:, None] == names).to(self.device)
        own = torch.eye(len(images), device=self.device).bool()
        caption_loss = contrast(images, captions, self.temperatures.captions, own)
        change_loss = contrast(moved, asked, self.temperatures.changes, same)
        along = 1 - F.cosine_similarity(moved, asked, dim=1).mean()
        lengths = (moved.norm(dim=1) + 0.1).log() - (asked.norm(dim=1) + 0.1).log()
        length = lengths.square().mean()
        facts_loss = F.smooth_l1_loss(facts.float(), batch.facts)
        loss = caption_loss + change_loss + 0.5 * along + 0.2 * length + 4 * facts_loss
        values = {
            "loss": loss,
            "captions": caption_loss,
            "changes": change_loss,
            "along": along,
            "length": length,
            "facts": facts_loss,
        }
        return loss, {name: value.detach() for name, value in values.items()}

    def _text(self, prompts: list[list[int]]) -> Tensor:
        """Text embeddings with noise on the word vectors, so that neighbours mean the same."""
        vectors, present = self.model.vectors_of(prompts)
        noise = torch.randn_like(vectors) * self.settings.word_noise / vectors.shape[2] ** 0.5
        noise = noise * torch.rand(len(prompts), 1, 1).to(vectors)
        noisy = F.normalize(vectors + noise, dim=2)
        embedded: Tensor = self.model.text(noisy * present[..., None], present)
        return embedded


def contrast(a: Tensor, b: Tensor, temperature: Tensor, positive: Tensor) -> Tensor:
    """Symmetric InfoNCE of rows a, b (N, D); positive (N, N) bool marks rows that may match."""
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T * temperature.exp().clamp(max=60)
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
    Ctrl-C was pressed; `resume` goes on from there.
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
    studio = Studio(head, families, settings.device)
    feed = Feed(
        path,
        settings.families,
        seed,
        settings.families_per_batch,
        settings.workers,
        settings.takes,
    )
    facts = ATTRIBUTE_SIZE + head.expression_size
    learner = _Learner(model, facts, lambda step: studio.shoot(feed.take(step)), settings)
    folder.begin(learner.state, resume)

    def report(metrics: Mapping[str, float]) -> None:
        state = learner.state
        folder.log({"step": state.step, "minutes": state.minutes, **metrics})
        shown = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
        progress(f"step {state.step}, {state.minutes:.1f} min: {shown}")

    budget = Budget(settings.steps, settings.minutes)
    try:
        run_loop(learner.state, folder, budget, learner.step, report, settings.every)
    finally:
        feed.close()
    scores = score(learner.average.cpu(), head, settings.seed, workers=settings.workers)
    shown = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
    progress(f"held out: {shown}")
    path = out / "guidance.safetensors"
    state = learner.state
    card = {**asdict(settings), "trained_steps": state.step, "trained_minutes": state.minutes}
    learner.average.save(path, card | {"scores": scores})
    return path
