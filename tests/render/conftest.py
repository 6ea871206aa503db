"""Scenes to render."""

import math
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor


def _soup(vertices: int, faces: int, batch: int, w: tuple[float, float], seed: int) -> tuple:
    """Random triangles in clip space: crossing each other, the border and, at w < 0, the eye."""
    torch.manual_seed(seed)
    pos = torch.randn(batch, vertices, 4) * torch.tensor([0.8, 0.8, 0.4, 0])
    pos[..., 3] = torch.rand(batch, vertices) * (w[1] - w[0]) + w[0]
    return pos, torch.randint(0, vertices, (faces, 3))


def _grid(batch: int, seed: int, columns: int = 7, jitter: float = 0.08) -> tuple:
    """A jittered sheet of triangles that touch along every edge, some of them turned over."""
    torch.manual_seed(seed)
    line = torch.linspace(-1.1, 1.1, columns)
    y, x = torch.meshgrid(line, line, indexing="ij")
    pos = torch.stack([x, y, 0.3 * x * y, torch.ones_like(x)], -1).reshape(1, -1, 4)
    pos = pos.repeat(batch, 1, 1)
    pos[..., :2] += torch.randn(batch, pos.shape[1], 2) * jitter
    i = torch.arange(columns * (columns - 1)).reshape(columns - 1, columns)[:, :-1].flatten()
    lower = torch.stack([i, i + 1, i + columns], 1)
    upper = torch.stack([i + 1, i + columns, i + columns + 1], 1)
    return pos, torch.cat([lower, upper])


def _degenerate() -> tuple:
    """Triangles without area, with a corner twice, or too far away, among good ones."""
    pos, tri = _soup(12, 14, 1, (1, 1), 5)
    pos[0, 3] = pos[0, 2]
    pos[0, 4] = (pos[0, 5] + pos[0, 6]) / 2
    pos[0, 7, :2] *= 1e5
    extra = torch.tensor([[2, 3, 4], [4, 5, 6], [1, 1, 2], [0, 0, 0], [7, 8, 9]])
    return pos, torch.cat([tri, extra])


def _crossing() -> tuple:
    """Triangles larger than the image that cross its border on all sides."""
    pos, tri = _soup(18, 16, 2, (1, 1), 11)
    return pos * torch.tensor([2.5, 2.5, 1, 1]), tri


def _slivers() -> tuple:
    """Triangles thinner than a pixel, in both turns, before a sheet."""
    pos, tri = _grid(1, 13)
    ends = torch.rand(1, 24, 2, generator=torch.Generator().manual_seed(6)) * 2 - 1
    thin = torch.cat([ends, ends[:, :8] + 0.02], 1)
    thin = torch.cat([thin, torch.full_like(thin, 1) * torch.tensor([-0.5, 1])], -1)
    i = torch.arange(8) + pos.shape[1]
    some = torch.stack([i, i + 8, i + 24], 1)
    others = torch.stack([i + 16, i, i + 24], 1)
    return torch.cat([pos, thin], 1), torch.cat([tri, some, others])


SCENES: dict[str, Callable[[], tuple]] = {
    "orthographic": lambda: _soup(30, 40, 2, (1, 1), 0),
    "perspective": lambda: _soup(30, 40, 1, (0.3, 2), 1),
    "behind the camera": lambda: _soup(30, 40, 2, (-0.5, 1.5), 2),
    "touching edges": lambda: _grid(3, 3),
    "degenerate": _degenerate,
    "crossing the border": _crossing,
    "slivers": _slivers,
}


@pytest.fixture(params=list(SCENES))
def scene(request: pytest.FixtureRequest) -> tuple[Tensor, Tensor]:
    """Vertices (B, V, 4) in clip space and triangles (F, 3)."""
    return SCENES[request.param]()


@pytest.fixture
def grid() -> Callable[..., tuple[Tensor, Tensor]]:
    return _grid


@pytest.fixture
def soup() -> Callable[..., tuple[Tensor, Tensor]]:
    return _soup


@pytest.fixture
def sphere() -> Callable[..., SimpleNamespace]:
    """A head-like ball of 10 cm around the origin, its seam at the back."""

    def build(rows: int = 16, columns: int = 24) -> SimpleNamespace:
        down, around = torch.meshgrid(
            torch.linspace(0, math.pi, rows + 1),
            torch.linspace(-math.pi, math.pi, columns + 1),
            indexing="ij",
        )
        x, y, z = down.sin() * around.sin(), down.cos(), down.sin() * around.cos()
        template = 0.1 * torch.stack([x, y, z], -1)[:, :-1].reshape(-1, 3)
        uv = torch.stack([around / (2 * math.pi) + 0.5, 1 - down / math.pi], -1).reshape(-1, 2)
        i, j = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        i, j = i.flatten(), j.flatten()

        def quads(width: int, following: Tensor) -> Tensor:
            a, b = i * width + j, i * width + following
            c, d = a + width, b + width
            return torch.cat([torch.stack([a, c, d], 1), torch.stack([a, d, b], 1)])

        return SimpleNamespace(
            template=template,
            faces=quads(columns, (j + 1) % columns),
            uv=uv,
            uv_faces=quads(columns + 1, j + 1),
            masks={"top": (template[:, 1] > 0.05).float()},
        )

    return build
