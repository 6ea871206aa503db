"""How good texture models are: the paper's Table 1, a row a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from clipface_cli.artifacts import (
    Pixels,
    contact_sheet,
    save_image,
    to_pixels,
    write_text,
)
from clipface_cli.errors import InputError
from clipface_cli.evaluation.claim import claim_settings
from clipface_cli.evaluation.feature_shards import (
    Shard,
    make_shards,
    read_shards,
    shards_of,
    wait_for,
)
from clipface_cli.evaluation.texture_models import TextureModel
from clipface_cli.head import HeadModel
from clipface_cli.metrics import (
    Features,
    Row,
    Table,
    Value,
    cached_features,
    frechet_distance_with_error,
    kernel_distance_with_error,
    paper_rows,
)
from clipface_cli.train.gan.data_loader import ImageFiles
from clipface_cli.train.gan.dataset import Dataset
from clipface_cli.train.gan.image_domain import RenderDomain

SETTINGS, SHEET = "evaluation.json", "samples.png"
BATCH = 8  # images at once
FEWEST = 20  # images on either side
SHOWN, CARD = 8, 192  # pictures a row of the sheet, and their pixels a side
SPACES = ("renders", "textures")
COLUMNS = ("FID", "KID", "FID of UV maps", "KID of UV maps")


@dataclass
class Evaluation:
    """Models against a dataset of photos, on the photos' own heads and cameras as in training.

    textures: UV maps of real people, None where there are none; count: images on either side.
    """

    folder: Path
    dataset: Dataset
    head: HeadModel
    models: Sequence[TextureModel]
    features: Features
    count: int
    resolution: int
    textures: ImageFiles | None = None
    seed: int = 0
    shards: dict[tuple[str, str], list[Shard]] = field(init=False)

    def __post_init__(self) -> None:
        """InputError for too few images, or two models of one name."""
        self.count = min(self.count, len(self.dataset))
        _check_enough(self.count, "images")
        if self.textures is not None:
            _check_enough(len(self.textures), "UV maps")
        names = [model.name for model in self.models]
        if len(set(names)) < len(names) or not names:
            raise InputError("Every model needs a name of its own: --generator NAME=RUN.")
        self.domain = RenderDomain(self.dataset, self.head, self.resolution)
        self.shards = {
            (model.name, space): self._planned(model, space)
            for model in self.models
            for space in SPACES
            if space == "renders" or self.textures is not None
        }

    def _planned(self, model: TextureModel, space: str) -> list[Shard]:
        count = self.count if space == "renders" else self._uv_count
        folder = self.folder / "features" / space / model.name.replace("/", "-")

        def compute(rows: Sequence[int]) -> Tensor:
            return self.features.of(self._images(model, space, rows))

        return shards_of(folder, count, compute)

    @property
    def _uv_count(self) -> int:
        return 0 if self.textures is None else min(self.count, len(self.textures))

    def _images(self, model: TextureModel, space: str, rows: Sequence[int]) -> Iterator[Tensor]:
        """Batches of fakes: image i follows from seed + i and the dataset's row i alone."""
        for first in range(0, len(rows), BATCH):
            some = list(rows[first : first + BATCH])
            textures = model([self.seed + row for row in some])
            if space == "renders":
                textures = self.domain.render_fakes(textures, torch.tensor(some, device="cpu"))
            yield textures

    def claim(self, force: bool) -> None:
        """Make the folder this evaluation's; models may be added to an earlier run's."""
        settings = {
            "features": self.features.name,
            "images": self.count,
            "resolution": self.resolution,
            "seed": self.seed,
        }
        models = {model.name: model.version for model in self.models}
        claim_settings(self.folder, SETTINGS, settings, models, force)
        if force:
            for shard in self._all:
                shard.path.unlink(missing_ok=True)

    @property
    def _all(self) -> list[Shard]:
        return [shard for some in self.shards.values() for shard in some]

    def images(self, processes: int = 1) -> int:
        """How many images the first of `processes` makes."""
        return sum(len(shard.rows) for shard in self._all[::processes])

    def make(self, rank: int, processes: int, report: Callable[[int], None]) -> None:
        """This process's share of the features; the first process then waits for the others."""
        make_shards(self._all, rank, processes, report)
        if rank == 0:
            wait_for(self._all)

    def table(self) -> Table:
        """Distances of every model; those of UV maps where there are real ones."""
        real = {"renders": self._real(self.dataset.images, self.count)}
        if self.textures is not None:
            real["textures"] = self._real(self.textures, self._uv_count)
        rows = [Row(model.name, self._distances(model, real)) for model in self.models]
        notes = [
            f"Features of {self.features.name}, {self.count} images on either side.",
            f"Renders of {self.resolution} pixels on the dataset's own heads and cameras.",
            "± is the standard error (jackknife). FID falls with the number of images.",
            "Slossberg et al. cannot be run here; the row has the figures that the paper prints.",
        ]
        if self.features.name != "inception":
            notes.append(
                "Figures of other features than Inception's cannot be set beside the paper's."
            )
        return Table("Textures", COLUMNS, [*rows, *paper_rows("textures")], notes)

    def _real(self, images: ImageFiles, count: int) -> Tensor:
        rows = torch.arange(count, device="cpu").split(BATCH)
        batches = (images.batch(some).to(self.head.template.device) for some in rows)
        return cached_features(self.features, images.paths[:count], images.resolution, batches)

    def _distances(self, model: TextureModel, real: dict[str, Tensor]) -> dict[str, Value | str]:
        values: dict[str, Value | str] = {}
        for space, suffix in zip(SPACES, ("", " of UV maps"), strict=True):
            if space in real:
                fake = read_shards(self.shards[model.name, space])
                kernel = kernel_distance_with_error(real[space], fake)
                values[f"FID{suffix}"] = Value(*frechet_distance_with_error(real[space], fake))
                values[f"KID{suffix}"] = Value(kernel.value, kernel.error, 4)
        return values

    def sheet(self) -> Pixels:
        """Sheet (H, W, 3), 8-bit sRGB: a row of photos, then a row of renders for each model."""
        rows = torch.linspace(0, self.count - 1, SHOWN).long()
        pictures = [_cards(self.dataset.images.batch(rows))]
        for model in self.models:
            textures = model([self.seed + int(row) for row in rows])
            pictures.append(_cards(self.domain.render_fakes(textures, rows)))
        return contact_sheet(pictures, captions=["photos", *(model.name for model in self.models)])

    def write(self) -> tuple[Table, list[Path]]:
        """The table as text, CSV and JSON, and the sheet of samples."""
        table = self.table()
        texts = {
            "table.md": table.markdown() + "\n",
            "table.csv": table.csv(),
            "table.json": json.dumps(table.as_dicts(), indent=2, ensure_ascii=False) + "\n",
        }
        for name, text in texts.items():
            write_text(self.folder / name, text)
        save_image(self.folder / SHEET, self.sheet())
        return table, [self.folder / name for name in (*texts, SHEET)]


def _check_enough(count: int, what: str) -> None:
    if count < FEWEST:
        raise InputError(f"{count} {what} are too few for a distance; give at least {FEWEST}.")


def _cards(images: Tensor) -> list[Pixels]:
    """Pictures of images (B, 3, R, R) in [-1, 1], of one size."""
    size = (CARD, CARD)
    small = torch.nn.functional.interpolate(images.cpu(), size, mode="bilinear", antialias=True)
    return [to_pixels(image) for image in small.split(1)]
