"""From edited codes to textures; hand-painted changes and other regions are kept."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.avatar.regions import region_mask
from clipface_cli.avatar.subject import Subject
from clipface_cli.edit.presets import EditSettings
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator, fast_autocast

_ENOUGH = 0.75  # texels of a low-resolution texture for a pixel that the guidance sees
_ROUNDING = 2.2 / 255  # in -1..1: what saving as 8 bits may have changed


class TextureComposition:
    """Textures (B, 3, R, R) of B people, each within the regions where it may change.

    The objective sees textures at `size`: the generator's own resolution, or the level that is fine
    enough for its renders, in bfloat16 where the processor has it. `initial` (B, 3, size, size) are
    those before the edit.
    """

    def __init__(
        self,
        generator: Generator,
        head: HeadModel,
        people: Sequence[Subject],
        regions: Sequence[tuple[str, ...]],
        settings: EditSettings,
    ) -> None:
        """regions: for each person those that may change, () for the whole texture."""
        self.generator = generator
        self.w = torch.cat([person.w for person in people])
        self.texture = torch.cat([person.texture for person in people])
        with torch.no_grad():
            made = generator.synthesis(self.w)
        shown = made.clamp(-1, 1)
        apart = torch.minimum((self.texture - shown).abs(), (self.texture - made).abs())
        self.extra = torch.where(apart > _ROUNDING, self.texture - shown, 0.0)
        self.partial = [bool(names) for names in regions]
        self.mask = _masks(head, regions, self.texture)
        self.size = seen_size(generator, settings)
        self._seen_extra, self._seen_mask = self.extra, self.mask
        if self.size != generator.resolution:
            self._seen_extra, self._seen_mask = (
                F.interpolate(full, (self.size, self.size), mode="area")
                for full in (self.extra, self.mask)
            )
        with torch.no_grad():
            self.initial = self._made(self.w)

    def full(self, w: Tensor) -> Tensor:
        """Textures for codes (B, L, w_dim), to be kept."""
        painted = self.generator.synthesis(w) + self.extra
        return torch.lerp(self.texture, painted, self.mask) if any(self.partial) else painted

    def seen(self, w: Tensor) -> Tensor:
        """Textures (B, 3, size, size) for codes, differentiable, as the objective sees them."""
        made = self._made(w)
        return torch.lerp(self.initial, made, self._seen_mask) if any(self.partial) else made

    def _made(self, w: Tensor) -> Tensor:
        return synthesize(self.generator, w, self.size) + self._seen_extra

    def kept_codes(self, w: Tensor) -> Tensor:
        """The codes to go on from: an edit of some regions leaves the person's own."""
        partial = torch.tensor(self.partial, device=w.device)[:, None, None]
        return torch.where(partial, self.w, w)


def synthesize(generator: Generator, w: Tensor, size: int) -> Tensor:
    """Textures (B, 3, size, size) for codes (B, L, w_dim), in bfloat16 below full resolution."""
    if size == generator.resolution:
        return generator.synthesis(w)
    with fast_autocast(w.device):
        made: Tensor = generator.synthesis(w, resolution=size)
    return made.to(w.dtype)


def seen_size(generator: Generator, settings: EditSettings) -> int:
    """Texels a side of the textures that the objective sees."""
    size = generator.resolution
    while not settings.full_texture and size // 2 >= _ENOUGH * settings.resolution:
        size //= 2
    return size


def _masks(head: HeadModel, regions: Sequence[tuple[str, ...]], texture: Tensor) -> Tensor:
    """(B, 1, R, R), 1 where an edit may paint, for textures (B, 3, R, R)."""
    named = {names for names in regions if names}
    known = {names: region_mask(head, names, texture.shape[-1]).to(texture) for names in named}
    whole = torch.ones_like(texture[:1, :1])
    return torch.cat([known.get(names, whole) for names in regions])
