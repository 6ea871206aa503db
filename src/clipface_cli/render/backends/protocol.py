"""The interface of a render backend: the four operations of `clipface_cli.render`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from torch import Tensor

TopologyHash: TypeAlias = Any  # a Tensor, or a backend's own


@dataclass(frozen=True)
class Mesh:
    """A head's triangles, prepared once on the device where they are drawn."""

    faces: Tensor  # (F, 3) int32 drawn
    every_face: Tensor  # (F1, 3) int32 with those left out, for normals
    uv: Tensor  # (Vt, 2) coordinates in the texture image
    uv_faces: Tensor  # (F, 3) int32
    corner_uv: Tensor  # (F, 3, 2) coordinates of each triangle's corners
    topology: TopologyHash  # of faces


@dataclass(frozen=True)
class Lookup:
    """The arguments of `clipface_cli.render.texture`, checked."""

    levels: Sequence[Tensor]  # (B or 1, TH, TW, C) the texture itself first, each then half as wide
    uv: Tensor  # (B, H, W, 2)
    uv_da: Tensor | None = None  # (B, H, W, 4)
    mip_level_bias: Tensor | None = None  # (B, H, W)
    filter_mode: str = "linear"  # never "auto"
    boundary_mode: str = "clamp"


class Fused(Protocol):
    """Unlit float32 heads in one step."""

    def __call__(
        self, pos: Tensor, texture: Tensor, mesh: Mesh, resolution: int, background: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Images (B, 3, H, W) and coverage (B, 1, H, W), antialiased, row 0 at the top.

        pos (B, V, 4) in clip space; texture (1 or B, 3, R, R) with row 0 at the top; background
        (1 or B, 3, 1 or H, 1 or W). Gradients reach pos and texture.
        """


class Backend(Protocol):
    """The operations on one kind of device; a module of such functions is one.

    Arguments arrive checked, in float32, and have the shapes that the operations of the same names
    document; results are differentiable as theirs are.

    Attributes:
        device: type of the tensors it draws, as `torch.device.type` names it.
        mend: what makes it available where it is not; empty where nothing does.
        fused: draws unlit heads in one step; None leaves them to the four operations.
    """

    @property
    def device(self) -> str: ...
    @property
    def mend(self) -> str: ...
    @property
    def fused(self) -> Fused | None: ...

    def available(self) -> bool:
        """Whether it can be expected to draw here; must be quick."""

    def require(self) -> None:
        """Raise InputError, with the mend, where it cannot draw."""

    def rasterize(
        self,
        pos: Tensor,
        tri: Tensor,
        resolution: tuple[int, int],
        ranges: Tensor | None,
        grad_db: bool,
    ) -> tuple[Tensor, Tensor]:
        """rast and rast_db (B, H, W, 4); ranges only where pos is (V, 4)."""

    def rasterize_front(self, pos: Tensor, tri: Tensor, resolution: tuple[int, int]) -> Tensor:
        """rast (B, H, W, 4) of the triangles of (B, V, 4) that turn counter-clockwise."""

    def interpolate(
        self, attr: Tensor, rast: Tensor, tri: Tensor, rast_db: Tensor | None, chosen: list[int]
    ) -> tuple[Tensor, Tensor]:
        """Attributes (B, H, W, A), and derivatives (B, H, W, 2N) of the N chosen ones."""

    def texture(self, lookup: Lookup) -> Tensor:
        """Colours (B, H, W, C)."""

    def topology_hash(self, tri: Tensor) -> TopologyHash:
        """The connectivity of triangles (F, 3) as this backend's `antialias` takes it."""

    def antialias(
        self,
        color: Tensor,
        rast: Tensor,
        pos: Tensor,
        tri: Tensor,
        topology: TopologyHash | None,
        boost: float,
    ) -> Tensor:
        """Colours (B, H, W, C) blended across silhouette edges."""
