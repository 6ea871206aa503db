"""The generator of the package at 512², with the fine detail of painted people.

    python tools/build_detail.py --minutes 45

Takes the generator at 256² that `build_generator.py` made. A restorer (restorer.py) learns to turn
its textures into sharp ones; then the generator grows, and its blocks from 128² on, with their
noise maps, are trained to reproduce the restored textures. Mapping and coarser blocks do not
change.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from restorer import (
    SHARP,
    SOFT,
    Restorer,
    Training,
    blurred,
    difference,
    train_restorer,
)
from safetensors.torch import load_file, save_file
from torch import Tensor

from clipface_cli.assets import builtin
from clipface_cli.texture import Generator
from clipface_cli.texture.generator import SynthesisNetwork
from clipface_cli.train.common.pixels import as_images
from clipface_cli.train.gan.whitening import split_octave

WIDTH = 32  # channels of the new level
KEPT = 64  # texels a side of the last level that does not change
CODES = 400  # people whose textures are restored
BLUR = 0.6  # texels of a Gaussian that removes grain from them first
GRAIN = 16  # noise maps are rounded to this part of their unit, so that they compress


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=45, help="of each of the two trainings")
    parser.add_argument("--restorer", type=Path, default=Path("runs/bundle/restorer.safetensors"))
    options = parser.parse_args()
    torch.manual_seed(0)
    generator = Generator.load("builtin")
    if generator.resolution != SOFT:
        raise SystemExit(f"The generator paints at {generator.resolution}² already.")
    codes = random_codes(generator)
    if options.restorer.exists():  # of an interrupted run
        restorer = Restorer().requires_grad_(False)
        restorer.load_state_dict(load_file(options.restorer))
    else:
        with torch.no_grad():
            textures = [as_pixels(generator.synthesis(w)) for w in codes.split(1)]
        restorer = train_restorer(torch.cat(textures), options.minutes)
        options.restorer.parent.mkdir(parents=True, exist_ok=True)
        save_file(restorer.state_dict(), options.restorer)
    finer = grown(generator)
    train_fine_blocks(finer, codes, restorer, options.minutes)
    origin = "warm start, adversarial training on UV maps, fine levels taught by a restorer"
    finer.save(builtin("generator.safetensors"), torch.int8, origin=origin)


@torch.no_grad()
def random_codes(generator: Generator) -> Tensor:
    """(CODES, L, w_dim) of people, of average people, and of people as edits change them."""
    random = torch.Generator().manual_seed(0)
    people = generator.mapping(torch.randn(3 * CODES, generator.z_dim, generator=random))
    own, first, second = people.split(CODES)
    average, edited = slice(0, CODES, 4), slice(1, CODES, 4)
    by_level = 0.4 + 0.8 * torch.rand(CODES, generator.num_ws, 1, generator=random)
    own[average] = generator.mapping.w_avg.lerp(own[average], 0.8)
    own[edited] += (by_level * (first - second))[edited]
    return own


@torch.no_grad()
def grown(generator: Generator) -> Generator:
    """The generator at 512², whose new level ignores the code: edits need no finer levels."""
    finer = generator.grown(SHARP, WIDTH).requires_grad_(False)
    block = _network(finer).blocks[-1]
    for name, weight in block.named_parameters():
        if name.endswith("affine.weight"):
            weight.zero_()
        if name.endswith("noise_strength"):
            weight.fill_(0.1)
    block.get_parameter("torgb.weight").normal_(std=0.05)
    return finer


def train_fine_blocks(
    generator: Generator, codes: Tensor, restorer: Restorer, minutes: float
) -> None:
    """Train blocks and noise maps above KEPT in place."""
    more = codes[:, -1:].expand(-1, generator.num_ws - codes.shape[1], -1)
    codes = torch.cat([codes, more], 1)
    kept = sum(4 < size <= KEPT for size in _network(generator).channels)
    data = training_data(generator, codes, restorer, kept)
    *older, newest = _network(generator).blocks[kept:]
    maps = [value.requires_grad_(True) for value in _noise_maps(generator, kept)]
    new = [p for name, p in newest.named_parameters() if not name.endswith("affine.weight")]
    old = [p for block in older for p in block.parameters()]
    for weight in (*new, *old):
        weight.requires_grad_(True)
    training = Training([(new, 1.0), (old, 0.4), (maps, 8.0)], 2e-3, minutes)
    random = np.random.default_rng(1)
    for _ in training.steps():
        row = int(random.integers(len(codes)))
        w, target = codes[row, None], as_images(data.sharp[row, None])
        x, image = data.features[row, None].float(), data.images[row, None]
        loss = target.new_zeros(())
        for i in range(kept, len(_network(generator).blocks)):
            if i > kept:  # resolutions at which the first steps of edits run
                small = F.avg_pool2d(target, SHARP // image.shape[-1])
                loss = loss + 0.5 * (image - small).abs().mean()
            x, image = _block(generator, i, x, image, w)
        training.descend(loss + difference(image - target) + lost_detail(image, target))
    with torch.no_grad():
        for values in maps:
            values.copy_((GRAIN * values).round() / GRAIN)


def lost_detail(pictures: Tensor, targets: Tensor) -> Tensor:
    """Difference of local detail of pictures and targets (B, 3, R, R), in two octaves; a scalar.

    Where strokes cannot be predicted, a mean difference alone gives a blurred result.
    """
    lost = pictures.new_zeros(())
    for _ in range(2):
        (detail, pictures), (target_detail, targets) = split_octave(pictures), split_octave(targets)
        lost = lost + 2 * F.avg_pool2d(detail.abs() - target_detail.abs(), 8).abs().mean()
    return lost


@dataclass
class TrainingData:
    """Output of the kept blocks for the codes: features (N, C, 64, 64) in half precision and images
    (N, 3, 64, 64), and the restored textures (N, 3, 512, 512) in uint8."""

    features: Tensor
    images: Tensor
    sharp: Tensor


@torch.no_grad()
def training_data(
    generator: Generator, codes: Tensor, restorer: Restorer, kept: int
) -> TrainingData:
    """Restored textures of the generator at 256², and the kept blocks' output for the codes."""
    features, images, sharp = [], [], []
    for w in codes.split(1):
        x, image = _network(generator).first_block(w[:, :2], "const")
        for i in range(kept):
            x, image = _block(generator, i, x, image, w)
        features.append(x.half())
        images.append(image)
        soft = blurred(generator.synthesis(w, resolution=SOFT), BLUR)
        sharp.append(as_pixels(restorer(soft, [(0, 0)])))
    return TrainingData(torch.cat(features), torch.cat(images), torch.cat(sharp))


def as_pixels(textures: Tensor) -> Tensor:
    """Textures (B, 3, R, R) in -1..1 as uint8."""
    return (127.5 * (textures.clamp(-1, 1) + 1)).round().byte()


def _network(generator: Generator) -> SynthesisNetwork:
    assert isinstance(generator.synthesis, SynthesisNetwork)
    return generator.synthesis


def _block(
    generator: Generator, i: int, x: Tensor, image: Tensor, w: Tensor
) -> tuple[Tensor, Tensor]:
    made: tuple[Tensor, Tensor] = _network(generator).blocks[i](
        x, image, w[:, 2 * i + 1 : 2 * i + 4], "const"
    )
    return made


def _noise_maps(generator: Generator, kept: int) -> list[Tensor]:
    """Noise maps of both layers of every block that is trained."""
    blocks = _network(generator).blocks[kept:]
    return [layer.noise_const for block in blocks for layer in (block.conv0, block.conv1)]


if __name__ == "__main__":
    main()
