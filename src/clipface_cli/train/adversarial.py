"""Adversarial training of the texture generator through the renderer (paper section 3.1)."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from clipface_cli.artifacts import save_image
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.texture import Discriminator, Generator, Noise, fast_autocast
from clipface_cli.train.corpus import Corpus
from clipface_cli.train.dataset import Dataset
from clipface_cli.train.loop import Budget, Progress, prepare_cpu, run_loop, update_average
from clipface_cli.train.losses import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    reconstruction_loss,
)
from clipface_cli.train.state import RunFolder, TrainState
from clipface_cli.train.weight_map import weight_map

HIDDEN = ("mouth_interior", "teeth", "tongue")  # removed from the real images too


@dataclass(frozen=True)
class GanSettings:
    """How to train; the budget is `minutes` when given, else `steps`."""

    resolution: int = 256
    steps: int = 300_000
    minutes: float | None = None
    batch: int = 8
    learning_rate: float = 2e-3
    penalty: float = 10.0  # R1
    penalty_every: int = 16
    average_images: float = 10_000  # half-life of the moving average of G, shorter at first
    critic_first: int = 0  # steps in which only the discriminator learns
    anchor: float = 1.0  # weight of reconstruction where a corpus is given
    style_mixing: float = 0.9
    channel_base: int = 8192
    channel_max: int = 256
    every: int = 200
    seed: int = 0


class _Anchor:
    """Painted people that the generator must keep reconstructing while the game sharpens it."""

    def __init__(self, corpus: Corpus, head: HeadModel, resolution: int) -> None:
        self.corpus, self.weight = corpus, weight_map(head, resolution)

    def draw(self, count: int, z_dim: int) -> tuple[Tensor, Tensor]:
        """z (B, z_dim) of random people of the corpus, and their textures."""
        rows = torch.randint(len(self.corpus), (count,))
        latents = self.corpus.latents[rows]
        extra = torch.randn(count, z_dim - latents.shape[1])
        return torch.cat([latents, extra], 1), self.corpus.batch(rows)

    def loss(self, textures: Tensor, targets: Tensor) -> Tensor:
        return reconstruction_loss(textures, targets, self.weight)


class _Game:
    """Generator, discriminator, their optimisers, and one step of each.

    With `noise` "const" the details that a warm start laid into the noise maps stay in place. With
    an anchor every second step draws people of its corpus.
    """

    def __init__(
        self,
        dataset: Dataset,
        head: HeadModel,
        generator: Generator,
        settings: GanSettings,
        noise: Noise,
        anchor: _Anchor | None,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.dataset, self.head, self.settings = dataset, head, settings
        self.noise, self.anchor = noise, anchor
        self.generator = generator.train().requires_grad_(True)
        self.average = deepcopy(generator).eval().requires_grad_(False)
        self.discriminator = Discriminator.create(
            settings.resolution, settings.channel_base, settings.channel_max
        )
        self.renderer = Renderer(head, settings.resolution, exclude=HIDDEN)
        rate, lazy = settings.learning_rate, settings.penalty_every / (settings.penalty_every + 1)
        self.forger = torch.optim.Adam(
            self.generator.parameters(), rate, (0.0, 0.99), eps=1e-8, fused=True
        )
        self.critic = torch.optim.Adam(
            self.discriminator.parameters(), rate * lazy, (0.0, 0.99**lazy), fused=True
        )
        modules: dict[str, nn.Module] = {"generator": self.generator, "average": self.average}
        modules["discriminator"] = self.discriminator
        self.state = TrainState(modules, {"forger": self.forger, "critic": self.critic})

    def step(self, spent: float) -> Mapping[str, float]:
        """One step of the generator, then one of the discriminator on the same fakes."""
        rows = self._rows()
        forging = self.state.step >= self.settings.critic_first
        with torch.set_grad_enabled(forging):
            fakes, kept = self._fakes(rows)
        cheating = self._train_generator(fakes, kept) if forging else 0.0
        judging = self._train_discriminator(self.dataset.real(rows), fakes.detach())
        self._update_average()
        return {"generator": cheating, "discriminator": judging, "kept": float(kept.detach())}

    def _train_generator(self, fakes: Tensor, kept: Tensor) -> float:
        self.discriminator.requires_grad_(False)
        loss = generator_loss(self._judge(fakes))
        _descend(self.forger, self.generator, loss + self.settings.anchor * kept)
        self.discriminator.requires_grad_(True)
        return loss.item()

    def _train_discriminator(self, reals: Tensor, fakes: Tensor) -> float:
        settings = self.settings
        loss = discriminator_loss(self._judge(reals), self._judge(fakes))
        _descend(self.critic, self.discriminator, loss)
        if self.state.step % settings.penalty_every == 0:
            penalty = gradient_penalty(self.discriminator, reals)
            weight = settings.penalty * settings.penalty_every
            _descend(self.critic, self.discriminator, weight * penalty)
        return loss.item()

    def _update_average(self) -> None:
        images = self.state.step * self.settings.batch
        half_life = min(self.settings.average_images, 0.1 * images + self.settings.batch)
        decay = 0.5 ** (self.settings.batch / half_life)
        update_average(self.average, self.generator, decay)

    def _rows(self) -> Tensor:
        return torch.randint(len(self.dataset), (self.settings.batch,))

    def _fakes(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Textures on the heads of these photos (B, 3, R, R), and the anchor's loss."""
        generator, count = self.generator, len(rows)
        if self.anchor is not None and self.state.step % 2:
            z, targets = self.anchor.draw(count, generator.z_dim)
            texture = self._texture(generator.mapping(z))
            kept = self.anchor.loss(texture, targets)
        else:
            w = generator.mapping(torch.randn(count, generator.z_dim))
            generator.mapping.w_avg.lerp_(w[:, 0].detach().mean(0), 0.005)
            texture, kept = self._texture(self._mix(w)), w.new_zeros(())
        vertices, camera = self.dataset.heads(rows, self.head)
        image, _ = self.renderer(vertices, texture, camera)
        return image, kept

    def _mix(self, w: Tensor) -> Tensor:
        """Style mixing: levels behind a random one come from the neighbour in the batch."""
        if torch.rand(()) >= self.settings.style_mixing:
            return w
        level = int(torch.randint(1, self.generator.num_ws, ()))
        return torch.cat([w[:, :level], w.roll(1, 0)[:, level:]], 1)

    def _texture(self, w: Tensor) -> Tensor:
        with fast_autocast():
            texture: Tensor = self.generator.synthesis(w, noise=self.noise)
        return texture.float()

    def _judge(self, images: Tensor) -> Tensor:
        with fast_autocast():
            logits: Tensor = self.discriminator(images)
        return logits.float()

    @torch.no_grad()
    def sheet(self) -> Tensor:
        """Renders of the averaged generator: (1, 3, 2 R, 6 R), two people a column."""
        z = torch.randn(6, self.average.z_dim, generator=torch.Generator().manual_seed(1))
        textures = self.average(z)
        vertices = self.head.template.expand(6, -1, -1)
        front, _ = self.renderer(vertices, textures, Camera.front(6))
        side, _ = self.renderer(vertices, textures, Camera.turned([35.0] * 6))
        return torch.cat([torch.cat(list(view), 2) for view in (front, side)], 1)[None]


def _descend(optimizer: torch.optim.Optimizer, module: nn.Module, loss: Tensor) -> None:
    """One optimiser step; gradients that are not finite count as zero, their norm is capped."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    for parameter in module.parameters():
        if parameter.grad is not None:
            parameter.grad.nan_to_num_(0.0, 0.0, 0.0)
    nn.utils.clip_grad_norm_(module.parameters(), 10.0)
    optimizer.step()


def train_gan(
    dataset_folder: Path,
    out: Path,
    settings: GanSettings,
    start: Path | str | None = None,
    corpus_folder: Path | None = None,
    progress: Progress = print,
    resume: bool = False,
) -> Path:
    """Train on a dataset folder; returns the path of generator.safetensors (averaged) in `out`.

    `start` is a generator to go on from, as `warm_start` writes it, and `corpus_folder` the people
    it was warmed on: it then keeps reconstructing them. Raises InputError when a folder is not what
    it should be, KeyboardInterrupt after saving when Ctrl-C was pressed.
    """
    prepare_cpu()
    head = HeadModel.load("builtin")
    dataset = Dataset.load(dataset_folder, settings.resolution, head)
    torch.manual_seed(settings.seed)
    generator = (
        Generator.create(settings.resolution, settings.channel_base, settings.channel_max)
        if start is None
        else Generator.load(start)
    )
    anchor = None
    if corpus_folder is not None:
        anchor = _Anchor(Corpus.load(corpus_folder, settings.resolution), head, settings.resolution)
    sources = {"dataset": dataset_folder, "start": start, "corpus": corpus_folder}
    folder = RunFolder(out, asdict(settings) | sources)
    game = _Game(dataset, head, generator, settings, "random" if start is None else "const", anchor)
    if resume:
        folder.resume(game.state)

    def report(metrics: Mapping[str, float]) -> None:
        folder.log({"step": game.state.step, "minutes": game.state.minutes, **metrics})
        save_image(folder.sample(game.state.step), game.sheet())
        losses = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
        progress(f"step {game.state.step}, {game.state.minutes:.1f} min: {losses}")

    budget = Budget(settings.steps, settings.minutes)
    run_loop(game.state, folder, budget, game.step, report, settings.every)
    path = out / "generator.safetensors"
    game.average.save(path, dtype=torch.float16, origin="adversarial training through the renderer")
    return path
