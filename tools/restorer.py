"""A network that restores fine detail in a blurred UV texture of the embedded head.

Painted strokes lie at fixed texels, of which the restorer has maps; it learns which strokes a
texture shows. It is trained on painted people, blurred and tinted like the generator's textures,
first with a reconstruction loss, then adversarially with a patch discriminator, which also sees
restored textures of the generator.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from clipface_cli.head import HeadModel
from clipface_cli.synth import Canvas, Person, paint, person_from_latent, sample_attributes
from clipface_cli.synth.painting.beard import Beard
from clipface_cli.synth.painting.hair import Style
from clipface_cli.train.common.pixels import as_images
from clipface_cli.train.gan.whitening import split_octave

SHARP, SOFT = 512, 256  # texels of a side, restored and before
PEOPLE, SEED = 400, 777  # number of painted people, and their seed
CROP, CROPS = 52, 6  # texels of the soft pictures that a step sees, and how many
BORDER = 8  # texels at the edge of a restored crop, left out of the losses
ADVERSARIAL_SHARE = 0.5  # of the time is adversarial training
ADVERSARIAL_WEIGHT, FEATURE_WEIGHT = 0.15, 1.0  # loss weights; features: the discriminator's

Place = tuple[int, int]
"""Row and column of a crop's corner in the soft picture."""


class Training:
    """Adam for some minutes, with learning rates that decay to zero; averages the weights."""

    def __init__(
        self,
        groups: Sequence[tuple[Sequence[Tensor], float]],
        rate: float,
        minutes: float,
        momentum: float = 0.9,
    ) -> None:
        """groups: weights, and their learning rate as a share of `rate`."""
        self.optimizer = torch.optim.Adam(
            [{"params": weights, "share": share} for weights, share in groups],
            betas=(momentum, 0.99),
        )
        self.clipped = groups[0][0]
        self.weights = [weight for weights, _ in groups for weight in weights]
        self.mean = [weight.detach().clone() for weight in self.weights]
        self.rate, self.seconds, self.step = rate, 60 * minutes, 0

    def steps(self) -> Iterator[None]:
        """Yields once a step until the time is over; then sets the weights to their average."""
        start = time.perf_counter()
        while (spent := (time.perf_counter() - start) / self.seconds) < 1:
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate * group["share"] * min(1.0, (1 - spent) / 0.4)
            yield
        with torch.no_grad():
            for mean, weight in zip(self.mean, self.weights, strict=True):
                weight.copy_(mean)

    def descend(self, loss: Tensor) -> None:
        """One gradient step; the norm of the first group's gradient is clipped to 1."""
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.clipped, 1.0)
        self.optimizer.step()
        self.step += 1
        keep = min(0.99, self.step / (self.step + 9))
        with torch.no_grad():
            for mean, weight in zip(self.mean, self.weights, strict=True):
                mean.lerp_(weight, 1 - keep)
        if self.step % 50 == 0:
            print(f"step {self.step}: loss {float(loss.detach()):.4f}", flush=True)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.leaky_relu(self.first(F.leaky_relu(x, 0.2)), 0.2)
        return x + self.second(inner)


class Restorer(nn.Module):
    """Soft UV textures (B, 3, h, w), or crops of them, to sharp ones (B, 3, 2h, 2w).

    `coarse` and `fine` are learned maps of the texture's texels.
    """

    def __init__(
        self, channels: int = 32, depth: int = 5, coarse: int = 16, fine: int = 14
    ) -> None:
        super().__init__()
        self.coarse = nn.Parameter(0.3 * torch.randn(coarse, SOFT, SOFT))
        self.fine = nn.Parameter(0.3 * torch.randn(fine, SHARP, SHARP))
        self.head = nn.Conv2d(3 + coarse, channels, 3, padding=1)
        self.body = nn.Sequential(*(_Residual(channels) for _ in range(depth)))
        self.up = nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.tail = nn.Conv2d(channels // 2 + fine, 24, 3, padding=1)
        self.out = nn.Conv2d(24, 3, 3, padding=1)
        nn.init.zeros_(self.out.weight)

    def forward(self, soft: Tensor, places: list[Place]) -> Tensor:
        x = self.body(self.head(_joined(soft, self.coarse, places)))
        x = F.leaky_relu(F.pixel_shuffle(self.up(F.leaky_relu(x, 0.2)), 2), 0.2)
        twice = [(2 * row, 2 * column) for row, column in places]
        x = F.leaky_relu(self.tail(_joined(x, self.fine, twice)), 0.2)
        sharp: Tensor = _enlarged(soft) + self.out(x)
        return sharp


def _joined(x: Tensor, maps: Tensor, places: list[Place]) -> Tensor:
    """Crops (B, C, h, w), with the same crops of maps (M, R, R) as further channels."""
    height, width = x.shape[2:]
    crops = [maps[:, row : row + height, column : column + width] for row, column in places]
    return torch.cat([x, torch.stack(crops)], 1).contiguous(memory_format=torch.channels_last)


def _enlarged(pictures: Tensor) -> Tensor:
    return F.interpolate(pictures, scale_factor=2, mode="bicubic", align_corners=False)


class _Discriminator(nn.Module):
    """Patch discriminator: images (B, 3, H, W) to logits (B, 1, h, w) and its layers' features."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        sizes = [(3, 1), (width, 2), (2 * width, 2), (3 * width, 1)]
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(size, width * (k + 1), 2 + stride, stride, 1))
            for k, (size, stride) in enumerate(sizes)
        )
        self.logits = spectral_norm(nn.Conv2d(4 * width, 1, 3, padding=1))

    def forward(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        x, features = pictures + 2 * split_octave(pictures)[0], []
        x = x.contiguous(memory_format=torch.channels_last)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            features.append(x)
        return self.logits(x), features


def train_restorer(textures: Tensor, minutes: float) -> Restorer:
    """Train on painted people, then on generated textures (N, 3, 256, 256) uint8 as well."""
    canvas, random = Canvas(HeadModel.load("builtin"), SHARP), np.random.default_rng(0)
    people, restorer = painted(canvas, random), Restorer()
    strokes = stroke_maps(canvas)
    with torch.no_grad():
        restorer.fine[: len(strokes)] = strokes
    _train_supervised(restorer, people, (1 - ADVERSARIAL_SHARE) * minutes, random)
    _train_adversarially(restorer, people, textures, ADVERSARIAL_SHARE * minutes, random)
    return restorer.requires_grad_(False)


def painted(canvas: Canvas, random: np.random.Generator) -> Tensor:
    """Textures (N, 3, 512, 512) uint8 of people with long or buzzed hair, men often with beards.

    Other styles are left out because their strokes lie across those of long hair.
    """
    textures = []
    for latent in sample_attributes(PEOPLE, SEED)[0]:
        person = person_from_latent(latent)
        long = person.style != "buzz" and random.random() < 0.8
        styles = dict.fromkeys(("back", "side", "fringe", "curly"), 0.0)
        styles |= {"long": float(long), "buzz": float(not long)}
        person = replace(person, **{f"style_{name}": value for name, value in styles.items()})
        textures.append(torch.from_numpy(paint(_bearded(person, random), canvas)))
    return torch.stack(textures).permute(0, 3, 1, 2).contiguous()


def _bearded(person: Person, random: np.random.Generator) -> Person:
    if person.sex <= 0.5:
        return person
    if random.random() < 0.5:
        beard, cheeks, moustache = random.uniform((0.4, 0.2, 0.3), 1)
        return replace(person, beard=beard, beard_cheeks=cheeks, moustache=moustache)
    return replace(person, stubble=random.uniform(0.3, 1)) if random.random() < 0.5 else person


def stroke_maps(canvas: Canvas) -> Tensor:
    """Maps (12, R, R) of strokes at fixed texels: beards and long hair, stubble, freckles.

    Of each of three layers of strokes their cover, tone and rank; of stubble cover and rank.
    """
    beard, hair = canvas.once(Beard), canvas.once(Style, "long")
    maps = []
    for grown, long in zip(beard.layers, hair.layers, strict=True):
        pairs = [
            (layer.cover, layer.tones(-1, 1), layer.rank[np.maximum(layer.stroke, 0)])
            for layer in (grown, long)
        ]
        cover, tone, rank = (
            np.where(beard.soft > 0.02, *pair) for pair in zip(*pairs, strict=True)
        )
        maps += [cover, cover * tone, cover * (1 - rank)]
    dots, rank = beard.stubble, beard.stubble.rank[np.maximum(beard.stubble.stroke, 0)]
    distance, order = canvas.freckle_cells[..., 0], canvas.freckle_cells[..., 2]
    freckles = np.exp(-((distance / 0.25) ** 2)) * (1 - order) * canvas.skin
    maps += [dots.cover, dots.cover * (1 - rank), freckles]
    return torch.from_numpy(np.stack(maps).astype(np.float32))


def _train_supervised(
    restorer: Restorer, people: Tensor, minutes: float, random: np.random.Generator
) -> None:
    training = Training(_groups(restorer), 1.5e-3, minutes)
    for _ in training.steps():
        places = _places(random)
        sharp = _crops(people, places, random, 2)
        training.descend(difference(_inner(restorer(soften(sharp, random), places) - sharp)))


def _train_adversarially(
    restorer: Restorer,
    people: Tensor,
    textures: Tensor,
    minutes: float,
    random: np.random.Generator,
) -> None:
    """Adversarial training; people stay close to their originals, textures to their colours."""
    discriminator = _Discriminator()
    training = Training(_groups(restorer), 7e-4, minutes, momentum=0.5)
    discriminator_training = Training(
        [(list(discriminator.parameters()), 1.0)], 1e-3, minutes, momentum=0.5
    )
    discriminator_steps = discriminator_training.steps()
    for _ in training.steps():
        next(discriminator_steps, None)
        places = _places(random)
        sharp = _crops(people, places, random, 2)
        restored = restorer(soften(sharp, random), places)
        other_places = _places(random)
        other_people = _crops(people, other_places, random, 2)
        soft = _crops(textures, other_places, random, 1)
        sharpened = restorer(soft, other_places)
        error, colour_change = _inner(restored - sharp), _inner(sharpened - _enlarged(soft))
        discriminator.requires_grad_(False)
        restored_logits, features = discriminator(_inner(restored))
        sharpened_logits, _ = discriminator(_inner(sharpened))
        with torch.no_grad():
            _, sharp_features = discriminator(_inner(sharp))
        discriminator.requires_grad_(True)
        feature_errors = [
            (a - b).abs().mean() for a, b in zip(features, sharp_features, strict=True)
        ]
        training.descend(
            0.6 * error.abs().mean()
            + 4 * F.avg_pool2d(error, 4).abs().mean()
            + 4 * F.avg_pool2d(colour_change, 8).abs().mean()
            + FEATURE_WEIGHT * torch.stack(feature_errors).sum()
            - ADVERSARIAL_WEIGHT * (restored_logits.mean() + sharpened_logits.mean())
        )
        real, _ = discriminator(_inner(torch.cat([sharp, other_people])))
        fake, _ = discriminator(_inner(torch.cat([restored, sharpened]).detach()))
        discriminator_training.descend(F.relu(1 - real).mean() + F.relu(1 + fake).mean())


def _groups(restorer: Restorer) -> list[tuple[list[Tensor], float]]:
    maps = [restorer.coarse, restorer.fine]
    rest = [p for name, p in restorer.named_parameters() if name not in ("coarse", "fine")]
    return [(rest, 1.0), (maps, 3.0)]


def _inner(crops: Tensor) -> Tensor:
    return crops[..., BORDER:-BORDER, BORDER:-BORDER]


def _crops(
    textures: Tensor, places: list[Place], random: np.random.Generator, scale: int
) -> Tensor:
    """A crop of a random texture for each place, at `scale` times the soft pictures' size."""
    size, rows = scale * CROP, random.integers(len(textures), size=len(places))
    corners = [(scale * row, scale * column) for row, column in places]
    crops = [
        textures[k, :, y : y + size, x : x + size] for k, (y, x) in zip(rows, corners, strict=True)
    ]
    return as_images(torch.stack(crops))


def _places(random: np.random.Generator) -> list[Place]:
    """Random crops: 60 % in the face, 15 % at the eyes' patches, 25 % anywhere."""
    rows = [(15, 190 - CROP), (195, 257 - CROP), (0, 257 - CROP)]
    columns = [(25, 232 - CROP), (0, 100), (0, 257 - CROP)]
    kinds = random.choice(3, CROPS, p=(0.6, 0.15, 0.25))
    return [(int(random.integers(*rows[k])), int(random.integers(*columns[k]))) for k in kinds]


def soften(sharp: Tensor, random: np.random.Generator) -> Tensor:
    """Sharp crops (B, 3, 2h, 2w) as the generator would paint them at half the size.

    Blur varies over the texture; detail is replaced by grain and tints.
    """
    made = []
    for picture in F.avg_pool2d(sharp, 2).split(1):
        clear, soft = (blurred(picture, random.uniform(*s)) for s in ((0.2, 1.2), (0.8, 3.6)))
        cells = 3 * torch.randn(1, 1, 5, 5) + float(random.normal())
        share = torch.sigmoid(F.interpolate(cells, picture.shape[2:], mode="bicubic"))
        detail = _grey(picture - blurred(picture, 2.0)).abs()
        grain = blurred(torch.randn_like(picture), random.uniform(0.3, 1.2))
        grain = grain / grain.std()
        grey = _grey(grain)
        grain = 2 * random.uniform(0, 1.2) * grey + random.uniform() * (grain - grey)
        shift = 0.01 * float(random.normal())
        made.append(torch.lerp(soft, clear, share) + blurred(detail, 4.0) * grain + shift)
    return torch.cat(made)


def _grey(pictures: Tensor) -> Tensor:
    return (pictures * pictures.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, True)


def blurred(pictures: Tensor, sigma: float) -> Tensor:
    """Pictures (B, C, H, W) convolved with a Gaussian of `sigma` pixels."""
    radius = max(1, math.ceil(2.5 * sigma))
    soft = gaussian_filter(pictures.numpy(), sigma, mode="mirror", radius=radius, axes=(2, 3))
    return torch.from_numpy(soft)


def difference(apart: Tensor) -> Tensor:
    """Mean size of differences (B, 3, H, W), of their finest octave and of their coarse part."""
    parts = apart, split_octave(apart)[0], F.avg_pool2d(apart, 4)
    return torch.stack([2 * part.abs().mean() for part in parts]).sum()
