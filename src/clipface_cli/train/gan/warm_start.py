"""Warm start of the texture generator on painted people, whose UV maps are known.

Stage 1 learns attributes -> w -> texture by reconstruction at growing resolution. Stage 2 fits the
mapping network: z whose first numbers are a person's latent maps to the same w. The attribute
network is dropped after that.
"""

import shutil
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface_cli.artifacts import save_image
from clipface_cli.head import HeadModel
from clipface_cli.texture import EqualizedLinear, Generator, fast_autocast
from clipface_cli.train.common.checkpoints import RunFolder, TrainState
from clipface_cli.train.common.distributed import to_device
from clipface_cli.train.common.loop import (
    Budget,
    Progress,
    StepMetrics,
    prepare_cpu,
    run_loop,
    update_average,
)
from clipface_cli.train.gan.corpus import AttributeSampler, Corpus
from clipface_cli.train.gan.losses import reconstruction_loss, weighted_psnr
from clipface_cli.train.gan.weight_map import weight_map

_EMA_EVERY = 4  # steps between two updates of the EMA, to save time
_EMA_DECAY, _EMA_START = 0.998, 20  # a step; the decay n / (n + 20) rises to the first
_WARM_UP = 50  # steps in which the learning rates rise
_LAST_RATE = 0.05  # share of the learning rate at the end of stage 1
_BETAS = (0.9, 0.99)  # of Adam: no adversary, so with momentum
_GRADIENT_CLIP = 1.0  # largest norm
_SMALLEST = 16  # texels a side of the first training resolution at least
_NOISE_STRENGTH = 0.05  # initial strength of noise maps, the details that all heads share
_TO_RGB_SPREAD = 0.1  # initial deviation of ToRGB weights: near grey, which saves hundreds of steps
_LEAST_DEVIATION = 1e-3  # of an attribute, so that constant ones do not divide by zero
_SHOWN = 8  # held-out people in the contact sheet and in PSNR
# Equalised layers store weights a hundredfold and more: this is about 4e-3 of a plain layer.
_MAPPING_RATE = 8.0
_MAPPING_BIAS_RATE = _MAPPING_RATE / 20
_MAPPING_BATCH = 256
_MEAN_W_SAMPLES = 8192  # codes over which the mean w is taken


@dataclass(frozen=True)
class WarmStartSettings:
    """Settings of the warm start; the budget is `minutes` when given, else `steps`."""

    resolution: int = 256
    steps: int = 6000
    minutes: float | None = None
    batch: int = 4
    learning_rate: float = 8e-3
    mapping_steps: int = 4000
    grow: tuple[float, ...] = (0.12, 0.35)  # of the budget: ends of quarter and of half resolution
    held_out: int = 16  # people kept out of training
    every: int = 200  # steps between two checkpoints
    mapping_layers: int = 4
    channel_base: int = 8192
    channel_max: int = 256
    seed: int = 0
    device: str = "cpu"

    def resolution_at(self, spent: float) -> int:
        """Training resolution in texels a side, after this fraction of the budget."""
        halvings = sum(spent < share for share in self.grow)
        return max(self.resolution >> halvings, _SMALLEST)


class AttributeNetwork(nn.Module):
    """Attributes (B, A) -> w (B, w_dim)."""

    mean: Tensor
    scale: Tensor

    def __init__(self, attributes: Tensor, w_dim: int) -> None:
        """`attributes` (N, A) of many people set the normalisation."""
        super().__init__()
        self.register_buffer("mean", attributes.mean(0))
        self.register_buffer("scale", 1 / attributes.std(0).clamp_min(_LEAST_DEVIATION))
        self.layers = nn.Sequential(
            EqualizedLinear(attributes.shape[1], w_dim, activate=True),
            EqualizedLinear(w_dim, w_dim, activate=True),
            EqualizedLinear(w_dim, w_dim),
        )

    def forward(self, attributes: Tensor) -> Tensor:
        return self.layers((attributes - self.mean) * self.scale)


class AttributeGenerator(nn.Module):
    """Attribute network and synthesis: attributes (B, A) -> texture (B, 3, R, R) in [-1, 1]."""

    def __init__(self, generator: Generator, attributes: Tensor) -> None:
        super().__init__()
        self.attributes = AttributeNetwork(attributes, generator.w_dim)
        self.synthesis = generator.synthesis
        for name, parameter in self.synthesis.named_parameters():
            if name.endswith("noise_strength"):
                nn.init.constant_(parameter, _NOISE_STRENGTH)
            if name.endswith("torgb.weight"):
                nn.init.normal_(parameter, std=_TO_RGB_SPREAD)

    def forward(self, attributes: Tensor, resolution: int) -> Tensor:
        w = self.attributes(attributes)[:, None].expand(-1, self.synthesis.num_ws, -1)
        with fast_autocast(attributes.device):
            return self.synthesis(w, resolution=resolution)

    def trained(self) -> list[Tensor]:
        """All parameters, and the constant noise maps: details that every head shares."""
        noise = [b for n, b in self.synthesis.named_buffers() if n.endswith("noise_const")]
        return [*self.parameters(), *(b.requires_grad_(True) for b in noise)]


class _Reconstruction:
    """Stage 1."""

    def __init__(
        self, corpus: Corpus, head: HeadModel, folder: RunFolder, settings: WarmStartSettings
    ) -> None:
        torch.manual_seed(settings.seed)
        self.corpus, self.folder, self.settings = corpus, folder, settings
        self.generator = Generator.create(
            settings.resolution,
            settings.channel_base,
            settings.channel_max,
            mapping_layers=settings.mapping_layers,
        )
        self.device = torch.device(settings.device)
        self.attributes = corpus.attributes.to(self.device)
        self.model = AttributeGenerator(self.generator, corpus.attributes)
        to_device(self.model, self.device)
        self.average = deepcopy(self.model).requires_grad_(False)
        self.parameters = self.model.trained()
        self.optimizer = torch.optim.Adam(self.parameters, 0.0, _BETAS, fused=True)
        self.weight = weight_map(head, settings.resolution).to(self.device)
        order = torch.randperm(len(corpus), device="cpu")
        self.held_out, self.rows = order[: settings.held_out], order[settings.held_out :]
        modules = {"model": self.model, "average": self.average}
        self.state = TrainState(modules, {"adam": self.optimizer})

    def targets(self, rows: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
        """Textures and loss weights at the current resolution."""
        size = (resolution, resolution)
        area = F.adaptive_avg_pool2d(self.weight, size)
        return F.adaptive_avg_pool2d(self.corpus.batch(rows, self.device), size), area

    def learning_rate(self, spent: float) -> float:
        """Learning rate: short warm-up, constant, then linear decay over the last half."""
        decay = min(1.0, 2 * (1 - spent)) * (1 - _LAST_RATE) + _LAST_RATE
        return self.settings.learning_rate * decay * min(1.0, (self.state.step + 1) / _WARM_UP)

    def step(self, spent: float) -> StepMetrics:
        resolution = self.settings.resolution_at(spent)
        self.optimizer.param_groups[0]["lr"] = self.learning_rate(spent)
        rows = self.rows[torch.randint(len(self.rows), (self.settings.batch,), device="cpu")]
        target, weight = self.targets(rows, resolution)
        image = self.model(self.attributes[rows], resolution)
        loss = reconstruction_loss(image, target, weight)
        self.optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, _GRADIENT_CLIP)
        self.optimizer.step()
        if self.state.step % _EMA_EVERY == 0:
            decay = min(_EMA_DECAY, self.state.step / (self.state.step + _EMA_START))
            update_average(self.average, self.model, decay**_EMA_EVERY)
        return {"loss": loss.detach(), "gradient": norm.detach()}

    @torch.no_grad()
    def validate(self, resolution: int) -> tuple[float, Tensor]:
        """PSNR in dB on held-out people, and a sheet: targets above reconstructions."""
        rows = self.held_out[:_SHOWN]
        target, weight = self.targets(rows, resolution)
        image = self.average(self.attributes[rows], resolution)
        sheet = torch.cat([torch.cat(list(row), 2) for row in (target, image)], 1)
        return weighted_psnr(image, target, weight), sheet


def warm_start(
    corpus_folder: Path,
    out: Path,
    settings: WarmStartSettings,
    sample_attributes: AttributeSampler,
    progress: Progress = print,
    resume: bool = False,
) -> Path:
    """Train a generator on a painted corpus; returns the path of generator.safetensors in `out`.

    `sample_attributes(count, seed)` gives latents (count, K) and attributes (count, A) of new
    people. Raises InputError when the folder is no corpus, KeyboardInterrupt after saving when
    Ctrl-C was pressed.
    """
    prepare_cpu()
    head = HeadModel.load("builtin")
    corpus = Corpus.load(corpus_folder, settings.resolution)
    folder = RunFolder(out, asdict(settings) | {"corpus": corpus_folder})
    reconstruction = _Reconstruction(corpus, head, folder, settings)
    folder.begin(reconstruction.state, resume)
    if not resume:
        shutil.rmtree(out / "mapping", ignore_errors=True)

    budget = Budget(settings.steps, settings.minutes)

    def report(metrics: Mapping[str, float]) -> float:
        state = reconstruction.state
        resolution = settings.resolution_at(budget.spent(state))
        psnr, sheet = reconstruction.validate(resolution)
        folder.log({"step": state.step, "minutes": state.minutes, **metrics, "psnr": psnr})
        save_image(folder.sample(state.step), sheet)
        progress(
            f"step {state.step}, {state.minutes:.1f} min, {resolution}²: "
            f"loss {metrics['loss']:.4f}, held out {psnr:.2f} dB"
        )
        return -psnr if resolution == settings.resolution else float("inf")

    run_loop(reconstruction.state, folder, budget, reconstruction.step, report, settings.every)
    generator = reconstruction.generator.cpu()
    generator.synthesis.load_state_dict(reconstruction.average.synthesis.state_dict())
    network = reconstruction.average.attributes.cpu()
    fit_mapping(generator, network, out / "mapping", settings, sample_attributes, progress)
    path = out / "generator.safetensors"
    generator.latent = "attributes"
    generator.save(path, dtype=torch.float16, origin="warm start on painted people")
    return path


class _MappingFit:
    """Stage 2: z = [latent, unused noise] -> the w of the person with that latent."""

    def __init__(
        self,
        generator: Generator,
        network: AttributeNetwork,
        settings: WarmStartSettings,
        sample_attributes: AttributeSampler,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.mapping: nn.Module = generator.mapping
        self.network, self.settings = network, settings
        self.sampler, self.z_dim = sample_attributes, generator.z_dim
        self.used = torch.as_tensor(sample_attributes(1, 0)[0]).shape[1]
        self.first = generator.mapping.get_parameter("layers.0.weight")
        with torch.no_grad():
            self.first[:, self.used :] = 0
        layers = generator.mapping.requires_grad_(True).layers
        groups = [
            {"params": [layer.weight for layer in layers], "rate": _MAPPING_RATE},
            {"params": [layer.bias for layer in layers], "rate": _MAPPING_BIAS_RATE},
        ]
        self.optimizer = torch.optim.Adam(groups, 0.0, _BETAS, fused=True)
        self.state = TrainState({"mapping": self.mapping}, {"adam": self.optimizer})

    @torch.no_grad()
    def pairs(self, count: int, seed: int) -> tuple[Tensor, Tensor]:
        """z (count, z_dim) and w (count, w_dim) of new people."""
        latents, attributes = (torch.as_tensor(x).float() for x in self.sampler(count, seed))
        extra = torch.randn(count, self.z_dim - self.used)
        return torch.cat([latents, extra], 1), self.network(attributes)

    def step(self, spent: float) -> Mapping[str, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * min(
                1.0, (self.state.step + 1) / _WARM_UP, 2 * (1 - spent)
            )
        z, w = self.pairs(_MAPPING_BATCH, self.state.step + 1)
        loss = F.mse_loss(self.mapping(z)[:, 0], w)
        self.optimizer.zero_grad()
        loss.backward()
        if self.first.grad is not None:
            self.first.grad[:, self.used :] = 0  # these inputs are noise, which would blur
        self.optimizer.step()
        return {"unexplained": loss.item() / w.var(0).mean().item()}

    @torch.no_grad()
    def set_average(self) -> None:
        """Set w_avg, the mean w, which truncation interpolates to."""
        z, _ = self.pairs(_MEAN_W_SAMPLES, 0)
        average = self.mapping.get_buffer("w_avg")
        average.copy_(self.mapping(z)[:, 0].mean(0))


def fit_mapping(
    generator: Generator,
    network: AttributeNetwork,
    out: Path,
    settings: WarmStartSettings,
    sample_attributes: AttributeSampler,
    progress: Progress,
) -> None:
    """Fit `generator.mapping` in the run folder `out`; continues from a checkpoint there."""
    folder = RunFolder(out, asdict(settings))
    fit = _MappingFit(generator, network, settings, sample_attributes)
    folder.begin(fit.state, resume=bool(folder.checkpoints()))

    def report(metrics: Mapping[str, float]) -> None:
        folder.log({"step": fit.state.step, **metrics})
        share = metrics["unexplained"]
        progress(f"mapping step {fit.state.step}: unexplained variance of w {share:.3f}")

    budget, every = Budget(settings.mapping_steps), max(settings.mapping_steps // 10, 1)
    run_loop(fit.state, folder, budget, fit.step, report, every)
    fit.set_average()
