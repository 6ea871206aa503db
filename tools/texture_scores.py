"""Table of texture models: distances of their renders to a dataset's images.

    python tools/texture_scores.py DATASET CORPUS with=runs/patch without=runs/no-patch

Every model's textures are drawn on the dataset's own heads; a linear model with 50 components,
fitted to the corpus, is added for comparison. Distances are on the features of a text-image model.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.metrics import PcaTexture, frechet_distance, image_features, kernel_distance
from clipface_cli.texture import Generator, fast_autocast
from clipface_cli.train.gan.corpus import Corpus
from clipface_cli.train.gan.dataset import Dataset
from clipface_cli.train.gan.image_domain import RenderDomain

BATCH = 8
Textures = Callable[[int, int], Tensor]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("generators", nargs="+", metavar="NAME=RUN")
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--people", type=int, default=500, help="of the corpus, for the PCA")
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--tower", default="builtin")
    options = parser.parse_args()
    head, guidance = HeadModel.load(), load_guidance(options.tower)
    dataset = Dataset.load(options.dataset, options.resolution, head)
    count = min(options.images, len(dataset))
    real = image_features(guidance, real_images(dataset, count))
    domain = RenderDomain(dataset, head, options.resolution)
    corpus = Corpus.load(options.corpus, options.resolution)
    people = torch.linspace(0, len(corpus) - 1, min(options.people, len(corpus))).long()
    linear = PcaTexture.fit(corpus.batch(people))
    models: dict[str, Textures] = {"PCA, 50 components": linear.sample}
    for entry in options.generators:
        name, _, run = entry.partition("=")
        models[name] = sampler(Generator.load(run))
    print(f"{count} images, features of {guidance.name}\n")
    print("| textures | FID | KID x 1000 |\n|---|---|---|")
    for name, textures in models.items():
        fake = image_features(guidance, renders(domain, textures, count))
        frechet, kernel = frechet_distance(real, fake), kernel_distance(real, fake)
        print(f"| {name} | {frechet:.3f} | {1000 * kernel:.2f} |", flush=True)


def sampler(generator: Generator) -> Textures:
    """Textures (n, 3, R, R) of random people."""

    def textures(count: int, seed: int) -> Tensor:
        z = torch.randn(count, generator.z_dim, generator=torch.Generator().manual_seed(seed))
        with fast_autocast():
            return generator(z).float().clamp(-1, 1)

    return textures


def batches(count: int) -> Iterator[Tensor]:
    """Rows of the dataset."""
    yield from torch.arange(count).split(BATCH)


def real_images(dataset: Dataset, count: int) -> Iterator[Tensor]:
    """The dataset's images."""
    return (dataset.images.batch(rows) for rows in batches(count))


@torch.no_grad()
def renders(domain: RenderDomain, textures: Textures, count: int) -> Iterator[Tensor]:
    """Random textures on the dataset's heads."""
    for rows in batches(count):
        yield domain.render_fakes(textures(len(rows), int(rows[0])), rows)


if __name__ == "__main__":
    main()
