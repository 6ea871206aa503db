"""The photometric encoder: landmarks first, then analysis by synthesis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.adam import Adam
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.photos._illumination import Illumination
from clipface_cli.photos.encoder import (
    Encoded,
    image_points,
    joined,
    landmark_residual,
    landmark_vertices,
    project,
    unfold_crop,
)
from clipface_cli.photos.landmark_encoder import LandmarkEncoder
from clipface_cli.photos.landmarks import Face
from clipface_cli.photos.squares import Square, cut
from clipface_cli.render import Camera, Renderer
from clipface_cli.texture import Generator, LinearTexture, fast_autocast, generator_for

_BATCH = 8
_CLIP_SAMPLE = 24  # frames of a clip that the shape and the albedo are found from
_MARGIN = 1.4  # side of the compared square against the landmarks' box
_BACK = ("scalp", "neck", "ears")  # where a person's own hair is
_PEOPLE = 128  # whose textures span the albedo
_SEEN = 0.99  # coverage of a pixel that shows the head alone
# Steps of Adam, in each unknown's own unit.
_RATES = {"shape": 0.05, "expression": 0.1, "turn": 0.01, "jaw": 0.02, "camera": 0.003}
_COLOUR_RATES = {"albedo": 0.1, "light": 0.1}
_DAYLIGHT = 3.0  # initial value of the constant harmonic
_FINE = 0.7, 0.3  # from this share of the steps on, step sizes are multiplied by this

Unknowns = dict[str, Tensor]


@dataclass(frozen=True)
class RefineSettings:
    """noise: metres, spread of a landmark against the coefficients' unit spread. strangeness:
    colour distance, white from black being 2 a channel, at which a pixel is as likely something
    else (hair, a hand, glasses) as the head. worth: how many independent observations a face's
    pixels are. jaw: radians, spread of its angles. looking: of the `steps`, those that only find
    albedo and light. components: of the albedo."""

    noise: float = 0.0065
    strangeness: float = 0.2
    worth: float = 3000.0
    jaw: tuple[float, float, float] = (0.2, 0.02, 0.02)
    steps: int = 80
    looking: int = 10
    resolution: int = 128
    components: int = 60


class PhotometricEncoder:
    """Landmarks' fit, optimised so that its render has the photo's colours.

    Analysis by synthesis: Blanz and Vetter, "A morphable model for the synthesis of 3D faces",
    1999.

    The albedo is a linear model of what the generator paints, the light spherical harmonics. Pixels
    that the head does not explain, such as hair or a hand, have little weight.
    """

    name = "photometric"

    def __init__(self, head: HeadModel, settings: RefineSettings = RefineSettings()) -> None:
        self.head, self.settings = head, settings
        self._landmarks = LandmarkEncoder(head)

    def encode(self, images: NDArray[np.uint8], faces: Sequence[Face]) -> Encoded:
        """Square RGB images (B, R, R, 3) with one face each, in pixels of its image."""
        views = [self._view(image, face) for image, face in zip(images, faces, strict=True)]
        parts = []
        for start in range(0, len(views), _BATCH):
            some = _Views.of(views[start : start + _BATCH])
            unknowns = self._begin(self._landmarks.encode_points(some.points))
            self._refine(unknowns, some, {**_RATES, **_COLOUR_RATES})
            parts.append(self._encoded(unknowns, some))
        return joined(parts)

    def encode_clip(self, pictures: Iterable[tuple[NDArray[np.uint8], Face]]) -> Encoded:
        """Square pictures of one person, each with its face: all get the same shape."""
        views = [self._view(image, face) for image, face in pictures]
        start = self._landmarks.encode_clip_points(torch.stack([view.points for view in views]))
        known = self._begin(start)
        chosen = np.linspace(0, len(views) - 1, min(_CLIP_SAMPLE, len(views))).round().astype(int)
        person = {name: rows[chosen].clone() for name, rows in known.items()}
        person |= {name: person[name][:1] for name in ("shape", "albedo")}
        self._refine(person, _Views.of([views[k] for k in chosen]), {**_RATES, **_COLOUR_RATES})
        rates = {**_RATES, "light": _COLOUR_RATES["light"]}
        del rates["shape"]
        parts = []
        for first in range(0, len(views), _BATCH):
            some = _Views.of(views[first : first + _BATCH])
            rows = {name: rows[first : first + _BATCH] for name, rows in known.items()}
            rows |= {name: person[name] for name in ("shape", "albedo")}
            self._refine(rows, some, rates)
            parts.append(self._encoded(rows, some))
        return joined(parts)

    @cached_property
    def _albedo(self) -> LinearTexture:
        """Textures of random people, at the resolution of the renders."""
        generator = generator_for(self.head, Generator.load("builtin"))
        random = torch.Generator().manual_seed(0)
        textures = []
        with torch.no_grad(), fast_autocast(torch.device("cpu")):
            for _ in range(_PEOPLE // _BATCH):
                w = generator.mapping(torch.randn(_BATCH, generator.z_dim, generator=random))
                seen = generator.synthesis(w, resolution=self.settings.resolution)
                textures.append(seen.float().clamp(-1, 1))
        return LinearTexture.fit(torch.cat(textures), self.settings.components)

    @cached_property
    def _illumination(self) -> Illumination:
        return Illumination(self.head, self.settings.resolution)

    @cached_property
    def _renderer(self) -> Renderer:
        back = [name for name in _BACK if name in self.head.masks]
        return Renderer(self.head, self.settings.resolution, exclude=back)

    def _view(self, image: NDArray[np.uint8], face: Face) -> _View:
        """Crop, square and landmarks of a picture (R, R, 3) that renders are compared with."""
        size = self.settings.resolution
        square = Square.around(face.points, _MARGIN)
        corner = np.array([square.x - square.side / 2, square.y - square.side / 2, 0], np.float32)
        points = (face.points - corner) * (size / square.side)
        inside = Face(points.astype(np.float32), face.score, face.box)
        whole = image_points([face], image.shape[0])[0]
        return _View(
            cut(image, square, size), square, len(image), image_points([inside], size)[0], whole
        )

    def _begin(self, at: Encoded) -> Unknowns:
        """The landmarks' fit, mean albedo and even light."""
        count, params = len(at), at.params
        light = torch.zeros(count, 9, 3)
        light[:, 0] = _DAYLIGHT
        return {
            "shape": params.shape.clone(),
            "expression": params.expression.clone(),
            "turn": params.pose[:, :3].clone(),
            "jaw": params.pose[:, 3:].clone(),
            "camera": at.camera.clone(),
            "albedo": torch.zeros(count, self.settings.components),
            "light": light,
        }

    def _refine(self, unknowns: Unknowns, views: _Views, rates: dict[str, float]) -> None:
        """Minimise the loss over the unknowns that have a learning rate."""
        with torch.enable_grad():
            for name in rates:
                unknowns[name] = unknowns[name].detach().clone().requires_grad_(True)
            groups = [{"params": [unknowns[name]], "lr": rates[name]} for name in rates]
            optimizer = Adam(groups, betas=(0.9, 0.99))
            for step in range(self.settings.steps):
                share = _FINE[1] if step >= _FINE[0] * self.settings.steps else 1.0
                for group, name in zip(optimizer.param_groups, rates, strict=True):
                    waits = step < self.settings.looking and name not in _COLOUR_RATES
                    group["lr"] = 0.0 if waits else share * rates[name]
                optimizer.zero_grad()
                self._loss(unknowns, views).backward()
                optimizer.step()
        for name in rates:
            unknowns[name] = unknowns[name].detach()

    def _loss(self, unknowns: Unknowns, views: _Views) -> Tensor:
        """Negative logarithm of the posterior, summed over the views."""
        settings = self.settings
        vertices, camera = self.head.pose_head(_params(unknowns)), unknowns["camera"]
        points = project(landmark_vertices(self.head, vertices), camera)
        missed = (points - views.points)[..., :2] / camera[:, None, :1]
        albedo = self._albedo.mean + torch.einsum(
            "nk,kcxy->ncxy", unknowns["albedo"], self._albedo.basis
        )
        lit = self._illumination(albedo, vertices, unknowns["light"])
        image, coverage = self._renderer(vertices, lit, Camera(camera))
        shown = (coverage.detach() > _SEEN)[:, 0]
        apart = (image - views.images).square().sum(1)
        strange = apart / (apart + settings.strangeness**2)
        seen = (strange * shown).sum((1, 2)) / shown.sum((1, 2)).clamp_min(1)
        jaw = unknowns["jaw"] / torch.tensor(settings.jaw)
        priors = [unknowns[name] for name in ("shape", "expression", "albedo")]
        return (
            settings.worth * seen.sum()
            + (missed / settings.noise).square().sum() / 2
            + sum(prior.square().sum() for prior in (*priors, jaw)) / 2
        )

    def _encoded(self, unknowns: Unknowns, views: _Views) -> Encoded:
        """Parameters, and cameras over the whole pictures."""
        cameras = zip(unknowns["camera"], views.squares, views.sizes, strict=True)
        camera = torch.stack([unfold_crop(*each) for each in cameras])
        params = _params(unknowns)
        with torch.no_grad():
            points = landmark_vertices(self.head, self.head.pose_head(params))
        return Encoded(params, camera, landmark_residual(project(points, camera), views.whole))


@dataclass(frozen=True)
class _View:
    """A square cut out of a picture of `size` pixels; landmarks (N, 3) in both camera spaces."""

    image: NDArray[np.uint8]
    square: Square
    size: int
    points: Tensor
    whole: Tensor


@dataclass(frozen=True)
class _Views:
    """B of them stacked: images (B, 3, R, R) in -1..1."""

    images: Tensor
    squares: list[Square]
    sizes: list[int]
    points: Tensor
    whole: Tensor

    @classmethod
    def of(cls, views: Sequence[_View]) -> _Views:
        images = torch.from_numpy(np.stack([view.image for view in views]))
        return cls(
            images.permute(0, 3, 1, 2).float() / 127.5 - 1,
            [view.square for view in views],
            [view.size for view in views],
            torch.stack([view.points for view in views]),
            torch.stack([view.whole for view in views]),
        )


def _params(unknowns: Unknowns) -> HeadParams:
    count = len(unknowns["expression"])
    pose = torch.cat([unknowns["turn"], unknowns["jaw"]], 1)
    return HeadParams(unknowns["shape"].expand(count, -1), unknowns["expression"], pose)
