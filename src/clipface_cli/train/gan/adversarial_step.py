"""One step of adversarial training (sec. 3.1, appendix 7)."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from clipface_cli.train.common.checkpoints import TrainState
from clipface_cli.train.common.distributed import Distributed
from clipface_cli.train.common.loop import StepMetrics
from clipface_cli.train.common.sample_streams import SampleStreams, shared_stream, shuffled_rows
from clipface_cli.train.gan.data_loader import ImageLoader
from clipface_cli.train.gan.discriminators import AugmentedDiscriminator, make_discriminators
from clipface_cli.train.gan.generator_ema import GeneratorEMA
from clipface_cli.train.gan.image_domain import ImageDomain
from clipface_cli.train.gan.losses import discriminator_loss, generator_loss
from clipface_cli.train.gan.regularisers import PathLength
from clipface_cli.train.gan.settings import GanSettings

_ADAM_BETAS = (0.0, 0.99)  # appendix 7
_ADAM_EPSILON = 1e-8  # as in the published StyleGAN2


@dataclass
class MicroBatch:
    """A part of the batch whose losses are computed at once.

    rows (B,): of the domain's images; streams: one a sample; reals, fakes (B, 3, R, R) in [-1, 1].
    """

    rows: Tensor
    streams: SampleStreams
    reals: Tensor
    fakes: Tensor


class AdversarialTraining:
    """Generator and discriminators, their optimisers, and one step of each."""

    def __init__(
        self,
        generator: GeneratorEMA,
        domain: ImageDomain,
        settings: GanSettings,
        processes: Distributed,
    ) -> None:
        self.generator, self.domain = generator, domain
        self.settings, self.processes = settings, processes
        self.discriminators = make_discriminators(settings, processes.autocast)
        self.path_length = PathLength()
        modules: dict[str, nn.Module] = {"generator": generator, "path_length": self.path_length}
        modules |= {f"discriminator_{name}": d for name, d in self.discriminators.items()}
        for module in modules.values():
            processes.move(module)
        self.generator_optimizer = _adam(
            generator.generator.parameters(), settings.learning_rate, settings.path_every
        )
        parameters = [p for d in self.discriminators.values() for p in d.parameters()]
        self.discriminator_optimizer = _adam(
            parameters, settings.discriminator_rate, settings.r1_every
        )
        optimizers = {
            "generator": self.generator_optimizer,
            "discriminator": self.discriminator_optimizer,
        }
        self._rates = [(o, o.param_groups[0]["lr"]) for o in optimizers.values()]
        self.state = TrainState(modules, optimizers)
        self.loader = ImageLoader(domain.images, self.rows_at, settings.workers)

    @property
    def global_batch(self) -> int:
        """Images a step on all devices."""
        return self.settings.batch * self.processes.world_size

    def rows_at(self, step: int) -> Tensor:
        """Rows (B,) of the images that this process uses in a step."""
        first, size = step * self.global_batch, len(self.domain.images)
        rows = shuffled_rows(self.settings.seed, first, first + self.global_batch, size)
        return rows[self.processes.rank :: self.processes.world_size]

    def step(self, spent: float) -> StepMetrics:
        """Generator step, then discriminator step on the same fakes; returns their scalar losses.

        spent: fraction of the budget used, for the learning-rate decay.
        """
        settings, step = self.settings, self.state.step
        self._decay_learning_rates(spent)
        batches = self._micro_batches()
        trains_generator = step >= settings.discriminator_only_steps
        metrics = self._generator_step(batches) if trains_generator else self._only_fakes(batches)
        if trains_generator and settings.path_weight and step % settings.path_every == 0:
            metrics |= self._path_length_step(batches)
        metrics |= self._discriminator_step(batches)
        if settings.r1_weight and step % settings.r1_every == 0:
            metrics |= self._r1_step(batches)
        self.generator.update_ema(step * self.global_batch, self.global_batch)
        if (step + 1) % settings.augment_every == 0:
            metrics |= self._adjust_augmentation()
        return metrics

    def _decay_learning_rates(self, spent: float) -> None:
        """Linear decay of both learning rates to zero over the last `decay_share` of the budget."""
        decay = self.settings.decay_share
        factor = min(1.0, max(0.0, 1 - spent) / decay) if decay else 1.0
        for optimizer, rate in self._rates:
            optimizer.param_groups[0]["lr"] = factor * rate

    def _micro_batches(self) -> list[MicroBatch]:
        """This process's part of the batch, with one random stream a sample.

        Processes and micro-batches take every n-th sample, so that the discriminators' groups of
        four (minibatch deviation) are the same ones when each takes a multiple of four.
        """
        settings, processes, step = self.settings, self.processes, self.state.step
        indices = range(processes.rank, self.global_batch, processes.world_size)
        rows, reals = self.rows_at(step), self.loader.load(step)
        reals = reals.to(processes.device, processes.dtype, non_blocking=True)
        count = settings.micro_batches
        return [
            MicroBatch(
                rows[i::count],
                SampleStreams.for_step(settings.seed, step, indices[i::count], processes.device),
                reals[i::count],
                reals,
            )
            for i in range(count)
        ]

    def _patch_stream(self) -> SampleStreams:
        """Stream of the patch positions: the same for all images of a step, real or fake."""
        return shared_stream(self.settings.seed, self.state.step)

    def _logits(
        self, discriminator: AugmentedDiscriminator, images: Tensor, batch: MicroBatch
    ) -> Tensor:
        logits: Tensor = discriminator(
            discriminator.inputs(images, self._patch_stream()), batch.streams
        )
        return logits

    def _render_fakes(self, batch: MicroBatch) -> Tensor:
        """Render a micro-batch's fakes; returns the colour loss."""
        textures, colour = self.generator.fake_textures(batch.streams)
        batch.fakes = self.domain.render_fakes(textures, batch.rows)
        return colour

    def _generator_step(self, batches: list[MicroBatch]) -> dict[str, float | Tensor]:
        means = _Means(len(batches))
        for discriminator in self.discriminators.values():
            discriminator.requires_grad_(False)
        self.generator_optimizer.zero_grad(set_to_none=True)
        for batch in batches:
            colour = self._render_fakes(batch)
            loss = self.settings.colour_weight * colour
            for name, discriminator in self.discriminators.items():
                adversarial = generator_loss(self._logits(discriminator, batch.fakes, batch))
                loss = loss + adversarial
                means.add(f"generator_{name}", adversarial)
            if self.generator.colour_loss is not None:
                means.add("colour", colour)
            (loss / len(batches)).backward()
            batch.fakes = batch.fakes.detach()
        self._descend(self.generator_optimizer, self.settings.gradient_clip)
        for discriminator in self.discriminators.values():
            discriminator.requires_grad_(True)
        return means.values

    @torch.no_grad()
    def _only_fakes(self, batches: list[MicroBatch]) -> dict[str, float | Tensor]:
        """Fakes for the discriminators, without a generator step."""
        for batch in batches:
            self._render_fakes(batch)
        return {}

    def _path_length_step(self, batches: list[MicroBatch]) -> dict[str, float | Tensor]:
        """Path-length regularisation, on half of the batch (appendix 7)."""
        settings, means = self.settings, _Means(len(batches))
        weight = settings.path_weight * settings.path_every / len(batches)
        self.generator_optimizer.zero_grad(set_to_none=True)
        mean_lengths = []
        for batch in batches:
            half = batch.streams.first_half()
            w = self.generator.codes(half)
            w.requires_grad_()  # also where the mapping is frozen
            textures = self.generator.textures(w, half)
            noise = half.normal_on_device(*textures.shape[1:])
            lengths = self.path_length.lengths(textures, w, noise)
            penalty = self.path_length.penalty(lengths)
            (weight * penalty).backward()
            means.add("path", penalty)
            mean_lengths.append(lengths.detach().mean())
        self.path_length.update_mean(self.processes.mean(torch.stack(mean_lengths).mean()))
        self._descend(self.generator_optimizer, settings.gradient_clip)
        return means.values | {"path_length": self.path_length.mean.clone()}

    def _discriminator_step(self, batches: list[MicroBatch]) -> dict[str, float | Tensor]:
        means = _Means(len(batches))
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        for batch in batches:
            for name, discriminator in self.discriminators.items():
                real = self._logits(discriminator, batch.reals, batch)
                fake = self._logits(discriminator, batch.fakes, batch)
                loss = discriminator_loss(real, fake)
                (loss / len(batches)).backward()
                discriminator.observe(real)
                means.add(f"discriminator_{name}", loss)
        self._descend(self.discriminator_optimizer)
        return means.values

    def _r1_step(self, batches: list[MicroBatch]) -> dict[str, float | Tensor]:
        """R1 regularisation, at real images before their augmentation."""
        means = _Means(len(batches))
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        for batch in batches:
            for name, discriminator in self.discriminators.items():
                inputs = discriminator.inputs(batch.reals, self._patch_stream())
                penalty = discriminator.r1(inputs, batch.streams)
                weight = discriminator.r1_weight * self.settings.r1_every / len(batches)
                (weight * penalty).backward()
                means.add(f"r1_{name}", penalty)
        self._descend(self.discriminator_optimizer)
        return means.values

    def _descend(self, optimizer: torch.optim.Optimizer, clip: float | None = None) -> None:
        """One optimiser step with gradients averaged over the processes.

        Gradients that are not finite count as zero; `clip` bounds the norm of all.
        """
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.processes.average_gradients(parameters)
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad.nan_to_num_(0.0, 0.0, 0.0)
        if clip is not None:
            nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()

    def _adjust_augmentation(self) -> dict[str, float | Tensor]:
        """Adjust every discriminator's augmentation probability to its r_t."""
        metrics: dict[str, float | Tensor] = {}
        images = self.global_batch * self.settings.augment_every
        for name, discriminator in self.discriminators.items():
            augmentation = discriminator.augmentation
            if augmentation is not None:
                augmentation.signs = self.processes.mean(augmentation.signs)
                metrics[f"sign_{name}"] = augmentation.adjust(images)
                metrics[f"augment_{name}"] = augmentation.current_probability()
        return metrics


class _Means:
    """Means of losses over the micro-batches."""

    def __init__(self, micro_batches: int) -> None:
        self.micro_batches = micro_batches
        self.values: dict[str, float | Tensor] = {}

    def add(self, name: str, loss: Tensor) -> None:
        self.values[name] = self.values.get(name, 0.0) + loss.detach() / self.micro_batches


def _adam(parameters: Iterable[nn.Parameter], rate: float, every: int) -> torch.optim.Optimizer:
    """Adam, corrected for the extra step that a lazy regulariser makes every `every` steps."""
    lazy = every / (every + 1)
    trained = [p for p in parameters if p.requires_grad]
    betas = (_ADAM_BETAS[0], _ADAM_BETAS[1] ** lazy)
    return torch.optim.Adam(trained, rate * lazy, betas, eps=_ADAM_EPSILON, fused=True)
