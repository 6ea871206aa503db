"""Text2Mesh (Michel et al. 2022): a network that colours the vertices of a mesh (eq. 27-29)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from clipface_cli.baselines.augment import Augmentation
from clipface_cli.baselines.clip_loss import cosines, draw, embed_text, target
from clipface_cli.baselines.optimize import Clock, optimize
from clipface_cli.baselines.protocol import (
    BaselineResult,
    Budget,
    Callback,
    TexturedHead,
    settings_of,
)
from clipface_cli.baselines.style_field import StyleField, fourier_features, network_places
from clipface_cli.baselines.vertex_colours import FineMesh, VertexColours
from clipface_cli.geometry import batch_normals
from clipface_cli.guidance import Guidance
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.render import Camera, Light, Renderer

GREY = 0.0  # colour of the renders that show the geometry alone
NOTES = (
    "Its pre-training to the head's own colours comes on top of a budget in seconds.",
    "The mesh is subdivided in whole rounds, to as near 60,000 vertices as these come.",
    "Colours of vertices are baked into a UV texture, and renders show that texture.",
    "Renders are unlit without displacements; the authors always light them.",
)


@dataclass(frozen=True)
class Text2Mesh:
    """Its settings, from the published code and its settings for people unless said otherwise.

    displacement: its full form, which moves vertices too; the paper compares without (appendix 8).
    """

    steps: int = 1500
    rate: float = 5e-4  # of Adam
    decay: float = 0.9  # of the rate, every `decay_steps`
    decay_steps: int = 100
    vertices: int = 60_000  # about, of the subdivided mesh (appendix 8)
    features: int = 256  # n of eq. 27
    sigma: float = 12.0  # standard deviation of B of eq. 27, in places of unit deviation
    width: int = 256
    depth: int = 4
    branch_depth: int = 2
    views: int = 5  # renders a step, the first from the front
    yaw_deviation: float = 90.0  # degrees, of the others: 2π/4
    pitch_deviation: float = 45.0  # degrees, of the others: π/4
    crops: int = 4  # local augmentations a step, beside the global one
    crop_area: float = 0.4  # share of the picture that each shows
    resolution: int = 224  # pixels of a render
    pretraining_steps: int = 1000  # ours, to predict T_init, to about 5 of 255 on average
    pretraining_rate: float = 2e-3  # ours
    pretraining_batch: int = 4096  # vertices, ours
    displacement: bool = False
    reach: float = 0.1  # largest displacement, as a share of the mesh's radius
    geometry_area: float = 0.1  # share of the picture that crops of grey renders show

    def __call__(
        self,
        start: TexturedHead,
        prompt: str,
        guidance: Guidance,
        budget: Budget,
        seed: int = 0,
        callback: Callback | None = None,
    ) -> BaselineResult:
        """Colour the vertices, after the head's own colours, as the prompt says."""
        began, sentence = Clock(Budget()), target(prompt)
        run = Text2MeshRun(self, start, guidance, embed_text(guidance, [sentence]), seed)
        run.pretrain()
        optimizer = torch.optim.Adam(run.field.parameters(), lr=self.rate)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, self.decay_steps, self.decay)
        clock = Clock(budget)  # the method needs its pre-training whole
        losses = optimize(optimizer, run.loss, clock, self.steps, run.head, callback, schedule)
        facts = began.seconds, settings_of(self), (sentence,), NOTES
        return BaselineResult(run.head(), losses, *facts, clock.interrupted)


_PRETRAINED: dict[str, dict[str, Tensor]] = {}
_REMEMBERED = 8  # networks of 2 MB


def _key(wanted: Tensor, features: Tensor, field: StyleField) -> str:
    """Hash of a pre-training's inputs: colours, positions and initial weights."""
    digest = hashlib.sha256()
    for tensor in (wanted, features, *field.parameters()):
        digest.update(tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


class Text2MeshRun:
    """The mesh, the network and the views of one run."""

    def __init__(
        self,
        settings: Text2Mesh,
        start: TexturedHead,
        guidance: Guidance,
        text: Tensor,
        seed: int,
    ) -> None:
        """text (1, D): the target's embedding, of length one."""
        self.settings, self.start, self.guidance, self.text = settings, start, guidance, text
        self.seed, self.random = seed, torch.Generator().manual_seed(seed)
        self.mesh = FineMesh.of_head(start.head, start.vertices(), settings.vertices)
        self.colours = VertexColours(self.mesh, start.texture.shape[-1])
        self.renderer = Renderer(self.mesh, settings.resolution)
        self.normals = batch_normals(self.mesh.vertices, self.mesh.faces)[0]
        middle = self.mesh.vertices[0].mean(0)
        self.radius = (self.mesh.vertices[0] - middle).norm(dim=1).amax()
        drawn = torch.randn(settings.features, 3, generator=self.random, device="cpu")
        frequencies = (settings.sigma * drawn).to(start.device)
        self.features = fourier_features(network_places(self.mesh.vertices[0]), frequencies)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layers = settings.width, settings.depth, settings.branch_depth
            self.field = StyleField(2 * settings.features, *layers).to(start.device)
        self.whole = Augmentation()
        self.crop = Augmentation(settings.crop_area)
        self.geometry = Augmentation(settings.geometry_area)
        self.light = Light.studio(start.device) if settings.displacement else None

    def pretrain(self) -> None:
        """Teach the network the colours that the head has, once a head and seed in a process."""
        wanted, settings = self.colours.read(self.start.texture).clamp(-1, 1), self.settings
        key = _key(wanted, self.features, self.field)
        if key in _PRETRAINED:
            self.field.load_state_dict(_PRETRAINED[key])
            return
        optimizer = torch.optim.Adam(self.field.parameters(), lr=settings.pretraining_rate)

        random = torch.Generator().manual_seed(self.seed)  # its own: what follows is the same where
        size = (settings.pretraining_batch,)  # the network is known

        def loss() -> Tensor:
            rows = torch.randint(len(wanted), size, generator=random, device="cpu")
            rows = rows.to(wanted.device)
            return (self.field.colours(self.features[rows]) - wanted[rows]).square().mean()

        optimize(optimizer, loss, Clock(Budget()), settings.pretraining_steps)
        if len(_PRETRAINED) >= _REMEMBERED:
            _PRETRAINED.pop(next(iter(_PRETRAINED)))
        _PRETRAINED[key] = {name: value.clone() for name, value in self.field.state_dict().items()}

    def loss(self) -> Tensor:
        """L_CLIP of eq. 28, a scalar, over one step's augmented renders, and over those of the bare
        geometry where it changes."""
        settings, camera = self.settings, self.camera()
        texture, vertices = self.shown()
        images = draw(self.renderer, vertices, texture, camera, self.light)
        seen = [self.whole(images, self.random)]
        seen += [self.crop(images, self.random) for _ in range(settings.crops)]
        if settings.displacement:
            bare = torch.full_like(texture, GREY)
            images = draw(self.renderer, vertices, bare, camera, self.light)
            seen += [self.geometry(images, self.random) for _ in range(settings.crops)]
        embedded = self.guidance.encode_image(torch.cat(seen)).unflatten(0, (-1, settings.views))
        return clip_loss(embedded, self.text)

    def shown(self) -> tuple[Tensor, Tensor]:
        """The texture (1, 3, R, R) and the subdivided mesh's vertices (1, V, 3) as they are now."""
        if not self.settings.displacement:
            return self.colours.bake(self.field.colours(self.features)), self.mesh.vertices
        colours, moved = self.field(self.features)
        return self.colours.bake(colours), self.mesh.vertices + self.offsets(moved)

    def offsets(self, moved: Tensor) -> Tensor:
        """Displacements (V, 3) in metres along the normals, of the network's (V,)."""
        return self.settings.reach * self.radius * moved[:, None] * self.normals

    def camera(self) -> Camera:
        """c of eq. 29: the front, then views drawn around it."""
        count, place = self.settings.views - 1, self.start.device
        yaw, pitch = torch.randn(2, count, generator=self.random, device="cpu")
        front = torch.zeros(1, device="cpu")
        yaw = torch.cat([front, self.settings.yaw_deviation * yaw])
        pitch = torch.cat([front, self.settings.pitch_deviation * pitch])
        return Camera.turned(yaw, pitch, device=place)

    @torch.no_grad()
    def head(self) -> TexturedHead:
        """The head as it is now, in its own vertices."""
        texture, vertices = self.shown()
        start = replace(self.start, texture=texture)
        if not self.settings.displacement:
            return start
        moved = (vertices - self.mesh.vertices)[0, : len(start.head.template)]
        return replace(start, params=displaced(start.head, start.params, moved))


def clip_loss(embedded: Tensor, text: Tensor) -> Tensor:
    """L_CLIP of eq. 28: minus the cosine of text and mean view, summed over augmentations.

    embedded (A, N, D): A augmentations of N views; text (1, D), of length one.
    """
    return -cosines(embedded.mean(1), text).sum()


def displaced(head: HeadModel, params: HeadParams, offsets: Tensor) -> HeadParams:
    """The parameters whose posed vertices lie at `offsets` (V, 3) metres from those of `params`."""
    rest = params.displacement
    if rest is None:
        rest = torch.zeros_like(head.template)[None]
    posed = head.pose_head(params)
    axes = torch.eye(3, device=offsets.device)
    moved = [head.pose_head(replace(params, displacement=rest + axis)) - posed for axis in axes]
    turns = torch.stack([column[0] for column in moved], 2)  # (V, 3, 3): rest to posed
    found = torch.linalg.solve(turns, offsets[:, :, None])[None, :, :, 0]
    return replace(params, displacement=rest + found)
