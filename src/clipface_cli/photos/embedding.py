"""Positions of the 468 landmarks on a head model, from the landmark network on its renders.

Each landmark of each picture is projected back on the visible surface; over many people and views
these positions are averaged on the model's template, made symmetric, and put on its surface.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from clipface_cli.errors import ClipfaceError
from clipface_cli.geometry.surface import Surface
from clipface_cli.head import HeadModel
from clipface_cli.photos.landmarks import INNER_LIPS, POINTS, find_faces
from clipface_cli.render import rasterize

_SPREAD = 2.5  # positions further off than this many median distances are left out
_REACH = 0.03  # a landmark beside the skin counts up to this many outer-eye distances

Array = NDArray[np.float64]


@dataclass
class Sighting:
    """A picture of a head: image (H, W, 3); screen (V, 3): its vertices' continuous pixel x and y
    (down) and depth (greater is farther); mouth_open: whether the inner lips are apart."""

    image: NDArray[np.uint8]
    screen: NDArray[np.float32]
    mouth_open: bool


def embed_landmarks(head: HeadModel, sightings: Iterable[Sighting]) -> tuple[Tensor, Tensor]:
    """Vertex indices (468, 3) and their weights (468, 3) of the landmarks on a head.

    The head needs a mask `skin` (else its whole surface serves). Raises ClipfaceError when some
    landmark was never seen on it.
    """
    skin = Skin.of_head(head)
    pairs = [skin.places(sighting) for sighting in sightings]
    if not pairs:
        raise ClipfaceError("No landmarks can be embedded without pictures of the head.")
    places, weights = (np.stack(part) for part in zip(*pairs, strict=True))
    if not bool((weights.sum(0) > 0).all()):
        unseen = int((weights.sum(0) <= 0).sum())
        raise ClipfaceError(f"{unseen} landmarks were never seen on the head; show more views.")
    return skin.embed(_symmetric(robust_mean(places, weights)))


@dataclass
class Skin:
    """Surface for landmarks: template (V, 3) metres, faces (F, 3), allowed (F,)."""

    template: Array
    faces: NDArray[np.int64]
    allowed: NDArray[np.bool_]

    @classmethod
    def of_head(cls, head: HeadModel) -> Skin:
        """The triangles of the mask `skin`, all where there is none."""
        skin = head.masks.get("skin")
        allowed = torch.ones(len(head.template)) if skin is None else skin
        within = (allowed[head.faces] > 0.5).all(1).numpy()
        return cls(head.template.double().numpy(), head.faces.numpy(), within)

    def places(self, sighting: Sighting) -> tuple[Array, Array]:
        """Places (468, 3) on the template of one picture's landmarks; weights (468,), 0 unseen."""
        nowhere = np.zeros((POINTS, 3)), np.zeros(POINTS)
        faces = find_faces(sighting.image, limit=1)
        if not faces:
            return nowhere
        points = faces[0].points[:, :2].astype(np.float64)
        seen, off = self._nearest_skin(sighting, points)
        corners = self.faces[seen]
        screen = sighting.screen[corners].astype(np.float64)
        places = np.einsum(
            "nk,nkc->nc", _barycentric(points, screen[..., :2]), self.template[corners]
        )
        normal = np.cross(screen[:, 1] - screen[:, 0], screen[:, 2] - screen[:, 0])
        facing = np.abs(normal[:, 2]) / np.linalg.norm(normal, axis=1).clip(1e-12)
        weights = facing**2 * (off <= _REACH * faces[0].eye_distance)
        if not sighting.mouth_open:
            weights[list(INNER_LIPS)] = 0
        return places, weights

    def _nearest_skin(self, sighting: Sighting, points: Array) -> tuple[NDArray[np.int64], Array]:
        """The visible skin triangle nearest to each point, and how many pixels it is off."""
        height, width = sighting.image.shape[:2]
        low, high = sighting.screen[:, 2].min(), sighting.screen[:, 2].max()
        scale = np.array([width / 2, height / 2, (high - low) * 0.51])
        centred = (sighting.screen - (width / 2, height / 2, (low + high) / 2)) / scale
        clip = torch.ones(1, len(centred), 4)
        clip[0, :, :3] = torch.from_numpy(centred)
        rast, _ = rasterize(clip, torch.from_numpy(self.faces).int(), (height, width))
        ids = rast[0, ..., 3].numpy().astype(np.int64) - 1
        skin = (ids >= 0) & self.allowed[ids]
        distance, (rows, columns) = distance_transform_edt(~skin, return_indices=True)
        x = np.floor(points[:, 0]).astype(int).clip(0, width - 1)
        y = np.floor(points[:, 1]).astype(int).clip(0, height - 1)
        return ids[rows[y, x], columns[y, x]], distance[y, x]

    def embed(self, places: Array) -> tuple[Tensor, Tensor]:
        """The surface's nearest points to places (N, 3), as corners and weights (N, 3)."""
        faces = self.faces[self.allowed]
        near = Surface(self.template, faces).nearest(places)
        return torch.from_numpy(faces[near.triangle]).long(), torch.from_numpy(near.weights).float()


def _barycentric(points: Array, triangles: Array) -> Array:
    """Weights (N, 3), at least 0, of points (N, 2) in triangles (N, 3, 2)."""
    a, b = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    offset = points - triangles[:, 0]
    area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    area = np.where(np.abs(area) < 1e-12, 1e-12, area)
    second = (offset[:, 0] * b[:, 1] - offset[:, 1] * b[:, 0]) / area
    third = (a[:, 0] * offset[:, 1] - a[:, 1] * offset[:, 0]) / area
    weights = np.stack([1 - second - third, second, third], 1).clip(0)
    normalised: Array = weights / weights.sum(1, keepdims=True)
    return normalised


def robust_mean(places: Array, weights: Array) -> Array:
    """Means (N, 3) of places (S, N, 3) without those far from the rest."""
    mean = np.zeros(places.shape[1:])
    for _ in range(4):
        mean = np.einsum("sn,snc->nc", weights, places) / weights.sum(0)[:, None]
        off = np.linalg.norm(places - mean, axis=2)
        usual = np.nanmedian(np.where(weights > 0, off, np.nan), axis=0)
        kept = weights * (off <= _SPREAD * usual.clip(1e-6))
        weights = np.where(kept.sum(0) > 0, kept, weights)
    return mean


def mirror_pairs(places: Array) -> NDArray[np.int64]:
    """(N,) which of places (N, 3) each one is across the plane x = 0, one to one."""
    mirrored = places * (-1, 1, 1)
    cost = ((places[:, None] - mirrored[None]) ** 2).sum(2)
    cost = cost + cost.T
    return linear_sum_assignment(cost)[1]


def _symmetric(places: Array) -> Array:
    symmetric: Array = (places + places[mirror_pairs(places)] * (-1, 1, 1)) / 2
    return symmetric
