"""One training step of the adversarial game (paper section 3.1, appendix 7)."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from clipface_cli.train.chance import Chance, shared_chance, shuffled
from clipface_cli.train.critics import Critic, make_critics
from clipface_cli.train.forger import Forger
from clipface_cli.train.loop import Measured
from clipface_cli.train.losses import discriminator_loss, generator_loss
from clipface_cli.train.pictures import Feed
from clipface_cli.train.ranks import Ranks
from clipface_cli.train.regularisers import PathLength
from clipface_cli.train.settings import GanSettings
from clipface_cli.train.stage import Stage
from clipface_cli.train.state import TrainState


@dataclass
class Piece:
    """A part of the batch that is computed at once: rows of the stage's pictures, those, and fakes
    beside them."""

    rows: Tensor
    chance: Chance
    reals: Tensor
    fakes: Tensor


class Game:
    """Generator against discriminators, their optimisers, and one step of each."""

    def __init__(self, forger: Forger, stage: Stage, settings: GanSettings, ranks: Ranks) -> None:
        self.forger, self.stage, self.settings, self.ranks = forger, stage, settings, ranks
        self.critics = make_critics(settings, ranks.autocast)
        self.path = PathLength()
        modules: dict[str, nn.Module] = {"forger": forger, "path": self.path}
        modules |= {f"critic_{name}": critic for name, critic in self.critics.items()}
        for module in modules.values():
            ranks.place(module)
        self.forging = _adam(
            forger.generator.parameters(), settings.learning_rate, settings.path_every
        )
        judging = [p for critic in self.critics.values() for p in critic.parameters()]
        self.judging = _adam(judging, settings.critic_rate, settings.penalty_every)
        self._rates = [(o, o.param_groups[0]["lr"]) for o in (self.forging, self.judging)]
        self.state = TrainState(modules, {"forger": self.forging, "critic": self.judging})
        self.feed = Feed(stage.pictures, self.rows_at, settings.workers)

    @property
    def whole(self) -> int:
        """Images a step on all devices."""
        return self.settings.batch * self.ranks.world

    def rows_at(self, step: int) -> Tensor:
        """Rows of the pictures that this device sees in a step."""
        first, size = step * self.whole, len(self.stage.pictures)
        rows = shuffled(self.settings.seed, first, first + self.whole, size)
        return rows[self.ranks.rank :: self.ranks.world]

    def step(self, spent: float) -> Measured:
        """The generator's turn, then the discriminators' on the same fakes."""
        settings, step = self.settings, self.state.step
        self._cool(spent)
        pieces = self._pieces()
        forging = step >= settings.critic_first
        measured = self._forge(pieces) if forging else self._show(pieces)
        if forging and settings.path_weight and step % settings.path_every == 0:
            measured |= self._straighten(pieces)
        measured |= self._judge(pieces)
        if settings.penalty and step % settings.penalty_every == 0:
            measured |= self._penalise(pieces)
        self.forger.follow(step * self.whole, self.whole)
        if (step + 1) % settings.augment_every == 0:
            measured |= self._adapt()
        return measured

    def _cool(self, spent: float) -> None:
        """Let the learning rates fall at the end: what still swings comes to rest."""
        cooling = self.settings.cooling
        share = min(1.0, max(0.0, 1 - spent) / cooling) if cooling else 1.0
        for optimizer, rate in self._rates:
            optimizer.param_groups[0]["lr"] = share * rate

    def _pieces(self) -> list[Piece]:
        """This device's part of the batch, every image with its own stream of chance.

        Devices and pieces take every n-th image, so that the discriminators' groups of four stay
        the same ones when each takes a multiple of four.
        """
        settings, ranks, step = self.settings, self.ranks, self.state.step
        places = range(ranks.rank, self.whole, ranks.world)
        rows, reals = self.rows_at(step), self.feed.take(step).to(ranks.device, ranks.dtype)
        return [
            Piece(
                rows[i :: settings.pieces],
                Chance.at(settings.seed, step, places[i :: settings.pieces], ranks.device),
                reals[i :: settings.pieces],
                reals,
            )
            for i in range(settings.pieces)
        ]

    def _places(self) -> Chance:
        """Where patches lie: the same for all images of a step, real or not."""
        return shared_chance(self.settings.seed, self.state.step)

    def _ask(self, critic: Critic, images: Tensor, piece: Piece) -> Tensor:
        logits: Tensor = critic(critic.look(images, self._places()), piece.chance)
        return logits

    def _make(self, piece: Piece) -> Tensor:
        """Fill in a piece's fakes; returns the anchor's loss."""
        textures, kept = self.forger.forge(piece.chance)
        piece.fakes = self.stage.show(textures, piece.rows)
        return kept

    def _forge(self, pieces: list[Piece]) -> dict[str, float | Tensor]:
        sums = _Sums(len(pieces))
        for critic in self.critics.values():
            critic.requires_grad_(False)
        self.forging.zero_grad(set_to_none=True)
        for piece in pieces:
            kept = self._make(piece)
            loss = self.settings.anchor * kept
            for name, critic in self.critics.items():
                fooled = generator_loss(self._ask(critic, piece.fakes, piece))
                loss = loss + fooled
                sums.add(f"generator_{name}", fooled)
            if self.forger.anchor is not None:
                sums.add("kept", kept)
            (loss / len(pieces)).backward()
            piece.fakes = piece.fakes.detach()
        self._descend(self.forging, self.settings.clip)
        for critic in self.critics.values():
            critic.requires_grad_(True)
        return sums.means

    @torch.no_grad()
    def _show(self, pieces: list[Piece]) -> dict[str, float | Tensor]:
        for piece in pieces:
            self._make(piece)
        return {}

    def _straighten(self, pieces: list[Piece]) -> dict[str, float | Tensor]:
        """Path-length regularisation, on half of the batch."""
        settings, sums = self.settings, _Sums(len(pieces))
        weight = settings.path_weight * settings.path_every / len(pieces)
        self.forging.zero_grad(set_to_none=True)
        found = []
        for piece in pieces:
            half = piece.chance.first_half()
            w = self.forger.codes(half)
            w.requires_grad_()  # also where the mapping is frozen
            textures = self.forger.textures(w, half)
            lengths = self.path.lengths(textures, w, half.field(*textures.shape[1:]))
            penalty = self.path.penalty(lengths)
            (weight * penalty).backward()
            sums.add("path", penalty)
            found.append(lengths.detach().mean())
        self.path.follow(self.ranks.mean(torch.stack(found).mean()))
        self._descend(self.forging, settings.clip)
        return sums.means | {"path_length": self.path.mean.clone()}

    def _judge(self, pieces: list[Piece]) -> dict[str, float | Tensor]:
        sums = _Sums(len(pieces))
        self.judging.zero_grad(set_to_none=True)
        for piece in pieces:
            for name, critic in self.critics.items():
                real = self._ask(critic, piece.reals, piece)
                fake = self._ask(critic, piece.fakes, piece)
                loss = discriminator_loss(real, fake)
                (loss / len(pieces)).backward()
                critic.observe(real)
                sums.add(f"critic_{name}", loss)
        self._descend(self.judging)
        return sums.means

    def _penalise(self, pieces: list[Piece]) -> dict[str, float | Tensor]:
        """R1, at real images before their augmentation."""
        sums = _Sums(len(pieces))
        self.judging.zero_grad(set_to_none=True)
        for piece in pieces:
            for name, critic in self.critics.items():
                seen = critic.look(piece.reals, self._places())
                penalty = critic.penalty(seen, piece.chance)
                weight = critic.penalty_weight * self.settings.penalty_every / len(pieces)
                (weight * penalty).backward()
                sums.add(f"r1_{name}", penalty)
        self._descend(self.judging)
        return sums.means

    def _descend(self, optimizer: torch.optim.Optimizer, clip: float | None = None) -> None:
        """One optimiser step; gradients that are not finite count as zero, their norm is capped."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.ranks.average_gradients(parameters)
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad.nan_to_num_(0.0, 0.0, 0.0)
        if clip is not None:
            nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()

    def _adapt(self) -> dict[str, float | Tensor]:
        """Let every discriminator's augmentation follow its certainty."""
        measured: dict[str, float | Tensor] = {}
        images = self.whole * self.settings.augment_every
        for name, critic in self.critics.items():
            augmentation = critic.augmentation
            if augmentation is not None:
                augmentation.signs = self.ranks.mean(augmentation.signs)
                measured[f"sign_{name}"] = augmentation.adjust(images)
                measured[f"augment_{name}"] = float(augmentation.probability)
        return measured


class _Sums:
    """Means of losses over the pieces of a batch."""

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces
        self.means: dict[str, float | Tensor] = {}

    def add(self, name: str, loss: Tensor) -> None:
        self.means[name] = self.means.get(name, 0.0) + loss.detach() / self.pieces


def _adam(parameters: Iterable[nn.Parameter], rate: float, every: int) -> torch.optim.Optimizer:
    """Adam (0, 0.99), corrected for the steps that a regulariser adds every `every` ones."""
    lazy = every / (every + 1)
    trained = [p for p in parameters if p.requires_grad]
    return torch.optim.Adam(trained, rate * lazy, (0.0, 0.99**lazy), eps=1e-8, fused=True)
