"""Heads of a training step: random ones, or given codes."""

from __future__ import annotations

import torch
from torch import Tensor

from clipface_cli.avatar import check_codes
from clipface_cli.avatar.shapes import shapes_painted
from clipface_cli.edit import EditModels
from clipface_cli.head import HeadParams
from clipface_cli.train.common.distributed import SingleProcess
from clipface_cli.train.common.sample_streams import SampleStreams, shuffled_rows
from clipface_cli.train.mapper.settings import MapperSettings


class HeadSampler:
    """Parameters and codes of the heads of a step; independent of the number of devices."""

    def __init__(
        self,
        models: EditModels,
        settings: MapperSettings,
        processes: SingleProcess,
        codes: Tensor | None,
    ) -> None:
        """codes (N, L, w_dim): those to train on; None for fresh random ones.

        Raises InputError for codes of another generator.
        """
        if codes is not None:
            check_codes(codes, models.generator)
        self.models, self.settings, self.processes = models, settings, processes
        self.codes = None if codes is None else codes.to(models.device)

    @property
    def global_batch(self) -> int:
        """Heads per step on all devices."""
        return self.settings.heads * self.processes.world_size

    def indices(self) -> range:
        """Indices in the global batch of this device's heads."""
        return range(self.processes.rank, self.global_batch, self.processes.world_size)

    @torch.no_grad()
    def draw(self, step: int) -> tuple[HeadParams, Tensor]:
        """Neutral heads (B, ...) and their codes (B, L, w_dim)."""
        head, generator, device = self.models.head, self.models.generator, self.models.device
        streams = SampleStreams.for_step(self.settings.seed, step, self.indices())
        params = HeadParams.neutral(len(streams), head.shape_size, head.expression_size)
        shapes, z = streams.normal(head.shape_size), streams.normal(generator.z_dim)
        if self.codes is None:
            w = generator.mapping(z.to(device))
            shapes = shapes_painted(head, generator, z, shapes)
        else:
            w = self.codes[self._rows(step, len(self.codes)).to(device)]
        if self.settings.sampled_shapes:
            params.shape = shapes
        return params.to(device), w

    def _rows(self, step: int, size: int) -> Tensor:
        """Rows (B,) of the given codes that this process takes in a step."""
        first = step * self.global_batch
        if self.settings.order == "files":
            rows = torch.arange(first, first + self.global_batch, device="cpu") % size
        else:
            rows = shuffled_rows(self.settings.seed, first, first + self.global_batch, size)
        return rows[self.processes.rank :: self.processes.world_size]
