"""The default encoder: fits the head to the 468 landmarks by regularised Gauss-Newton."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.errors import ClipfaceError
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.photos._points import Placement, PointModel, place
from clipface_cli.photos.encoder import Encoded, image_points, joined, landmark_residual
from clipface_cli.photos.landmarks import Face

_BATCH = 32
_CLIP_SAMPLE = 24  # frames of a clip that the shape is found from
_CLIP_WORTH = 4.0  # independent photos that these count as: errors repeat within a clip


@dataclass(frozen=True)
class FitSettings:
    """noise: metres, spread of a landmark against the coefficients' unit spread; neighbouring
    landmarks err together, so it is larger than what one misses. clip_noise: the same between the
    frames of a clip, whose common error is in its shape. depth: weight of z against x and y.
    jaw: radians, spread of the jaw's angles; of the first, where expressions cannot open the mouth.
    outlier: metres, misses beyond it count less."""

    noise: float = 0.008
    clip_noise: float = 0.004
    depth: float = 0.02
    jaw: tuple[float, float, float] = (0.2, 0.02, 0.02)
    outlier: float = 0.006
    iterations: int = 4


class LandmarkEncoder:
    """Shape, expression, pose and camera from landmarks alone."""

    name = "landmarks"

    def __init__(self, head: HeadModel, settings: FitSettings | None = None) -> None:
        if "mediapipe" not in head.landmarks:
            raise ClipfaceError(
                f"The head {head.head_id} has no embedding of the 468 landmarks; "
                "use the embedded head, or --encoder deca with FLAME."
            )
        self.head = head
        self.settings = settings or FitSettings()
        self.model = PointModel(head)
        # Motion that expressions reproduce is left to them: a photo does not distinguish the two.
        opens, *turns = self.settings.jaw
        self._jaw = opens * self.model.jaw_alone(self.settings.noise) ** 0.5, *turns

    def encode(self, images: NDArray[np.uint8], faces: Sequence[Face]) -> Encoded:
        """Square RGB images (B, R, R, 3) with one face each, in pixels of its image."""
        return self.encode_points(image_points(faces, images.shape[1]))

    def encode_points(self, wanted: Tensor) -> Encoded:
        """Landmarks (B, 468, 3) in camera space (`image_points`)."""
        with torch.no_grad():
            at = self._fit(self.model, wanted, self.settings.noise)
            shape, expression = at.coefficients.split(
                [self.head.shape_size, self.head.expression_size], 1
            )
            return _encoded(self.model, at, wanted, shape, expression)

    def encode_clip(self, pictures: Iterable[tuple[NDArray[np.uint8], Face]]) -> Encoded:
        """Square pictures of one person, each with its face: all get the same shape."""
        points = [image_points([face], len(image)) for image, face in pictures]
        return self.encode_clip_points(torch.cat(points))

    def encode_clip_points(self, wanted: Tensor) -> Encoded:
        """Landmarks (T, 468, 3) in camera space (`image_points`) of one person."""
        with torch.no_grad():
            shape = self._clip_shape(wanted)
            person = self.model.of_shape(shape)
            parts = []
            for some in wanted.split(_BATCH):
                at = self._fit(person, some, self.settings.clip_noise)
                shapes = shape.expand(len(some), -1)
                parts.append(_encoded(person, at, some, shapes, at.coefficients))
        return joined(parts)

    def _clip_shape(self, wanted: Tensor) -> Tensor:
        """(S,): the shape that fits frames (T, 468, 3) of one person best, each with its own rest.

        The frames' normal equations, reduced to the shape (Schur complement), are summed.
        """
        chosen = torch.linspace(0, len(wanted) - 1, min(_CLIP_SAMPLE, len(wanted))).round().long()
        wanted = wanted[chosen]
        size, worth = self.head.shape_size, min(1.0, _CLIP_WORTH / len(wanted))
        at = place(self.model, wanted)
        for _ in range(self.settings.iterations):
            normal, pull = self._system(self.model, at, wanted, self.settings.noise)
            # Each frame's system holds the prior of the shape once; it must count once in all.
            prior = torch.eye(size)
            normal[:, :size, :size] -= prior
            pull[:, :size] += at.coefficients[:, :size]
            factor = torch.linalg.cholesky(normal[:, size:, size:])
            across = normal[:, size:, :size]
            adapted = torch.cholesky_solve(across, factor)
            own = torch.cholesky_solve(pull[:, size:, None], factor)[..., 0]
            whole = normal[:, :size, :size] - across.transpose(1, 2) @ adapted
            aim = pull[:, :size] - (across.transpose(1, 2) @ own[..., None])[..., 0]
            shape = at.coefficients[0, :size]
            step = torch.linalg.solve(worth * whole.sum(0) + prior, worth * aim.sum(0) - shape)
            others = own - adapted @ step
            at = at.moved(torch.cat([step.expand(len(wanted), -1), others], 1))
        return at.coefficients[0, :size]

    def _fit(self, model: PointModel, wanted: Tensor, noise: float) -> Placement:
        """The placement whose landmarks lie nearest to wanted (B, 468, 3)."""
        at = place(model, wanted)
        for _ in range(self.settings.iterations):
            normal, pull = self._system(model, at, wanted, noise)
            factor = torch.linalg.cholesky(normal)
            at = at.moved(torch.cholesky_solve(pull[..., None], factor)[..., 0])
        return at

    def _system(
        self, model: PointModel, at: Placement, wanted: Tensor, noise: float
    ) -> tuple[Tensor, Tensor]:
        """Normal matrices (B, K + 10, K + 10) and right sides (B, K + 10) of the next step."""
        missed = (wanted - model.points(at)) / at.scale[:, None, None]  # metres
        weights = self._weights(missed) / noise
        rows = (model.slopes(at) * weights[..., None]).flatten(1, 2)
        aim = (missed * weights).flatten(1)
        prior = torch.cat(
            [torch.ones(model.size), torch.tensor(self._jaw) ** -2, torch.full((7,), 1e-6)]
        )
        from_prior = torch.cat([at.coefficients, at.jaw, torch.zeros(len(aim), 7)], 1)
        normal = rows.transpose(1, 2) @ rows + torch.diag(prior)
        return normal, (rows.transpose(1, 2) @ aim[..., None])[..., 0] - prior * from_prior

    def _weights(self, missed: Tensor) -> Tensor:
        """(B, N, 3): square roots of what misses (B, N, 3) in metres count."""
        distance = missed[..., :2].norm(dim=-1, keepdim=True)
        robust = (self.settings.outlier / distance.clamp(min=self.settings.outlier)).sqrt()
        axes = torch.tensor([1.0, 1.0, self.settings.depth**0.5])
        return robust * axes


def _encoded(
    model: PointModel, at: Placement, wanted: Tensor, shape: Tensor, expression: Tensor
) -> Encoded:
    """Parameters and cameras of a placement."""
    pose = torch.cat([axis_angles(at.turn), at.jaw], 1)
    root = model.root(at.coefficients)
    turned_about_root = root - (at.turn @ root[..., None])[..., 0]
    shift = at.shift / at.scale[:, None] - turned_about_root
    camera = torch.cat([at.scale[:, None], shift[:, :2]], 1)
    residual = landmark_residual(model.points(at), wanted)
    return Encoded(HeadParams(shape, expression, pose), camera, residual)


def axis_angles(turns: Tensor) -> Tensor:
    """Rotation matrices (B, 3, 3) as axis-angle (B, 3) radians."""
    from scipy.spatial.transform import Rotation

    vectors = Rotation.from_matrix(turns.double().numpy()).as_rotvec()
    return torch.from_numpy(vectors).to(turns)
