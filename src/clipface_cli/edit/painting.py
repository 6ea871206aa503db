"""From edited codes to textures: what the generator did not make stays, and so do other regions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.edit.regions import region_mask
from clipface_cli.edit.subject import Subject
from clipface_cli.edit.target import Target
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator, fast_autocast

_ENOUGH = 0.75  # texels of a sketch for a pixel that the guidance sees
_ROUNDING = 2.2 / 255  # in -1..1: what saving as 8 bits may have changed


class Easel:
    """Textures (B, 3, R, R) of B people, where each may be painted, and sketches of them.

    A sketch is the texture at the level of the generator that is fine enough for what the guidance
    sees, in bfloat16 where the processor has it: a step of an edit costs a half or less.
    """

    def __init__(
        self,
        generator: Generator,
        head: HeadModel,
        people: list[Subject],
        targets: list[Target],
        seen: int,
    ) -> None:
        """seen: resolution of the renders that the sketches are for."""
        self.generator = generator
        self.w = torch.cat([person.w for person in people])
        self.texture = torch.cat([person.texture for person in people])
        with torch.no_grad():
            made = generator.synthesis(self.w)
        shown = made.clamp(-1, 1)
        apart = torch.minimum((self.texture - shown).abs(), (self.texture - made).abs())
        self.extra = torch.where(apart > _ROUNDING, self.texture - shown, 0.0)
        self.partial = [bool(t.regions) for t in targets]
        self.mask = _masks(head, targets, generator.resolution)
        self.size = sketch_size(generator.resolution, seen)
        self.coarse_extra, self.coarse_mask = (
            F.interpolate(full, (self.size, self.size), mode="area")
            for full in (self.extra, self.mask)
        )
        self.coarse = self.w.new_zeros(())
        with torch.no_grad():
            self.coarse = self._sketch_all(self.w)

    def paint(self, w: Tensor) -> Tensor:
        """Textures for codes (B, L, w_dim)."""
        painted = self.generator.synthesis(w) + self.extra
        if any(self.partial):
            painted = self.texture + self.mask * (painted - self.texture)
        return painted

    def sketch(self, w: Tensor) -> Tensor:
        """Textures for codes, differentiable, to be compared with `coarse`, those at the start."""
        painted = self._sketch_all(w)
        if any(self.partial):
            painted = self.coarse + self.coarse_mask * (painted - self.coarse)
        return painted

    def _sketch_all(self, w: Tensor) -> Tensor:
        with fast_autocast(w.device):
            made = self.generator.synthesis(w, resolution=self.size)
        return made.float() + self.coarse_extra

    def kept_codes(self, w: Tensor) -> Tensor:
        """The codes to go on from: an edit of some regions leaves the person's own."""
        partial = torch.tensor(self.partial)[:, None, None]
        return torch.where(partial, self.w, w)


def sketch_size(resolution: int, seen: int) -> int:
    """The coarsest level of a generator that is fine enough for renders of this resolution."""
    while resolution // 2 >= _ENOUGH * seen:
        resolution //= 2
    return resolution


def _masks(head: HeadModel, targets: list[Target], resolution: int) -> Tensor:
    """(B, 1, R, R): 1 where an edit may paint."""
    regions = {t.regions for t in targets if t.regions}
    known = {names: region_mask(head, names, resolution) for names in regions}
    whole = torch.ones(1, 1, resolution, resolution)
    return torch.cat([known.get(t.regions, whole) for t in targets])
