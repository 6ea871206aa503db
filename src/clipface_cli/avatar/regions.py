"""Masks of the texels of named regions of the face."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.render import uv_map

_SOFT = 0.004  # metres over which a part that has no mask of its own fades out
_SPREAD = 3  # texels by which parts reach over the edges of a chart, for filtering
_SUMS = {
    "eyes": ("eyes",),
    "lids": ("lids", "sockets"),
    "ears": ("ears",),
    "neck": ("neck",),
    "hair": ("scalp",),
    "teeth": ("teeth",),
    "face": ("face", "lids", "lips"),
}
_AROUND = {"lips": 0.002, "nose": 0.007}  # metres that the part reaches beyond its mask


def known_regions(head: HeadModel) -> list[str]:
    """Names that `region_mask` takes for this head."""
    simple = [name for name, parts in _SUMS.items() if all(p in head.masks for p in parts)]
    around = [name for name in _AROUND if name in head.masks]
    derived = {"brows", "beard", "skin"} if {"lips", "eyes", "face"} <= head.masks.keys() else set()
    return sorted({*simple, *around, *derived})


def region_mask(head: HeadModel, names: Collection[str], resolution: int) -> Tensor:
    """(1, 1, R, R) in [0, 1], on the CPU: 1 on the texels of these parts, fading at their edges.

    Raises InputError for a part that the head has no mask for.
    """
    known = known_regions(head)
    for name in names:
        if name not in known:
            raise InputError(f"There is no region {name!r}; choose from {', '.join(known)}.")
    weights = torch.stack([_vertex_weights(head, name) for name in names]).amax(0)
    return _baked(head, weights, resolution)


def _vertex_weights(head: HeadModel, name: str) -> Tensor:
    """(V,) in [0, 1]."""
    if name in _SUMS:
        return _sum(head, _SUMS[name])
    if name in _AROUND:
        part = head.template[head.masks[name] > 0.5]
        near = _within(torch.cdist(head.template, part).amin(1), _AROUND[name])
        return near * (1 - _inside(head))
    if name == "skin":
        other = _sum(head, [m for m in ("lips", "eyes", "scalp") if m in head.masks])
        return (1 - other) * (1 - _inside(head)) * (1 - _brows(head))
    return _brows(head) if name == "brows" else _beard(head)


def _sum(head: HeadModel, masks: Sequence[str]) -> Tensor:
    return torch.stack([head.masks[mask].float() for mask in masks]).amax(0)


def _inside(head: HeadModel) -> Tensor:
    """Mask of the inside of the mouth; of the eyes where the head has no mouth."""
    return _sum(head, [m for m in ("mouth_interior",) if m in head.masks] or ["eyes"])


def _brows(head: HeadModel) -> Tensor:
    """A band around the line of the brows; over the eyes where the head marks no brows."""
    template = head.template
    if "brows" in head.masks:
        line = template[head.masks["brows"] > 0.5]
    else:
        eyes = template[head.masks["eyes"] > 0.5]
        line = eyes + template.new_tensor([0.0, 0.022, 0.0])
    face = _sum(head, ("face",))
    return face * _within(torch.cdist(template, line).amin(1), 0.009)


def _beard(head: HeadModel) -> Tensor:
    """Cheeks below the mouth's height, chin, upper lip and the neck right below the jaw."""
    template, lips = head.template, head.template[head.masks["lips"] > 0.5]
    eyes = template[head.masks["eyes"] > 0.5]
    unit = eyes[:, 1].mean() - lips[:, 1].mean()  # about 65 mm
    low = _within(template[:, 1], float(lips[:, 1].max() + 0.35 * unit), 0.2 * float(unit))
    high = _within(-template[:, 1], float(1.5 * unit - lips[:, 1].mean()))
    front = _within(-template[:, 2], float(1.5 * unit - lips[:, 2].max()))
    hidden = [m for m in ("lips", "eyes", "mouth_interior", "ears") if m in head.masks]
    return low * high * front * (1 - _sum(head, hidden))


def _within(distance: Tensor, most: float, soft: float = _SOFT) -> Tensor:
    """1 up to `most`, 0 from `most + soft` on."""
    return (1 - (distance - most) / soft).clamp(0, 1)


def _baked(head: HeadModel, weights: Tensor, resolution: int) -> Tensor:
    """Weights (V,) of vertices as (1, 1, R, R) on the CPU, row 0 at the top."""
    image, covered = uv_map(head, weights[:, None], resolution)
    spread = F.max_pool2d(image, 2 * _SPREAD + 1, 1, _SPREAD)
    return torch.where(covered, image, spread)
