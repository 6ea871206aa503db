"""The CUDA backend: the four operations by nvdiffrast, which is imported when first needed."""

import sys
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from clipface_cli.errors import InputError
from clipface_cli.render.backends.protocol import Lookup

INSTALL = "pip install 'clipface-cli[cuda]'"


device, fused = "cuda", None
mend = f"on NVIDIA's, {INSTALL} mends it"


def available() -> bool:
    """Whether nvdiffrast is installed."""
    return find_spec("nvdiffrast") is not None


def require() -> None:
    """Raise InputError with the line that installs nvdiffrast where it is missing."""
    nvdiffrast()


@cache
def nvdiffrast() -> ModuleType:
    """nvdiffrast.torch. Raises InputError with the line that installs it."""
    try:
        import nvdiffrast.torch as library
    except ImportError as error:
        raise InputError(
            f"Rendering on a GPU needs nvdiffrast ({error}): run {INSTALL}, or render on the CPU."
        ) from error
    module: ModuleType = library
    return module


@cache
def _context(device: torch.device) -> Any:
    """A rasteriser on a GPU. Raises InputError where nvdiffrast cannot be compiled or started."""
    try:
        return _started(device)
    except (ImportError, OSError, RuntimeError) as error:
        raise InputError(
            f"nvdiffrast does not start on {device} ({str(error).strip().splitlines()[0]}). The "
            f"package of {INSTALL} compiles itself on first use: it needs nvcc of PyTorch's CUDA "
            "version. Or render on the CPU."
        ) from error


def _started(device: torch.device) -> Any:
    """A rasteriser; nvdiffrast 0.3.3 does not look where PyTorch 2.11 puts what it compiled."""
    try:
        return nvdiffrast().RasterizeCudaContext(device)
    except ModuleNotFoundError as error:
        name = str(error.name)
        if not name.startswith("nvdiffrast_plugin"):
            raise
        from torch.utils import cpp_extension

        sys.path.append(cpp_extension._get_build_directory(name, verbose=False))
        return nvdiffrast().RasterizeCudaContext(device)


def _compiled(device: torch.device) -> ModuleType:
    """nvdiffrast, able to run: any of its operations may be the first of a process."""
    _context(device)
    return nvdiffrast()


def rasterize(
    pos: Tensor, tri: Tensor, resolution: tuple[int, int], ranges: Tensor | None, grad_db: bool
) -> tuple[Tensor, Tensor]:
    """rast and rast_db (B, H, W, 4); ranges only where pos is (V, 4)."""
    _check_single("pos", pos)
    ranges = None if ranges is None or pos.ndim == 3 else ranges.int().contiguous()
    height, width = resolution
    result: tuple[Tensor, Tensor] = nvdiffrast().rasterize(
        _context(pos.device), pos.contiguous(), _indices(tri), (height, width), ranges, grad_db
    )
    return result


def rasterize_front(pos: Tensor, tri: Tensor, resolution: tuple[int, int]) -> Tensor:
    """rast (B, H, W, 4) of the triangles that turn counter-clockwise, and 0 elsewhere.

    The signs of the weights' derivatives on the screen tell which they are.
    """
    rast, rast_db = rasterize(pos, tri, resolution, None, False)
    ux, uy, vx, vy = rast_db.detach().unbind(-1)
    return torch.where((ux * vy > uy * vx)[..., None], rast, 0)


def interpolate(
    attr: Tensor, rast: Tensor, tri: Tensor, rast_db: Tensor | None, chosen: list[int]
) -> tuple[Tensor, Tensor]:
    """Attributes (B, H, W, A), and derivatives (B, H, W, 2N) of the N chosen ones."""
    _check_single("attr", attr)
    rast_db = None if rast_db is None else rast_db.contiguous()
    result: tuple[Tensor, Tensor] = _compiled(attr.device).interpolate(
        attr.contiguous(), rast.contiguous(), _indices(tri), rast_db, chosen or None
    )
    return result


def texture(lookup: Lookup) -> Tensor:
    """Colours (B, H, W, C)."""
    tex, *smaller = (level.contiguous() for level in lookup.levels)
    _check_single("tex", tex)
    uv_da, bias, mode = lookup.uv_da, lookup.mip_level_bias, lookup.filter_mode
    result: Tensor = _compiled(tex.device).texture(
        tex,
        lookup.uv.contiguous(),
        uv_da.contiguous() if smaller and uv_da is not None else None,
        bias.contiguous() if smaller and bias is not None else None,
        smaller or None,
        filter_mode=mode if smaller or mode == "nearest" else "linear",
        boundary_mode=lookup.boundary_mode,
    )
    return result


def topology_hash(tri: Tensor) -> Any:
    """nvdiffrast's own connectivity of triangles (F, 3)."""
    return _compiled(tri.device).antialias_construct_topology_hash(_indices(tri))


def antialias(
    color: Tensor, rast: Tensor, pos: Tensor, tri: Tensor, topology: Any, boost: float
) -> Tensor:
    """Colours (B, H, W, C) blended across silhouette edges."""
    _check_single("color", color)
    result: Tensor = _compiled(color.device).antialias(
        color.contiguous(), rast.contiguous(), pos.contiguous(), _indices(tri), topology, boost
    )
    return result


def _indices(tri: Tensor) -> Tensor:
    return tri.int().contiguous()


def _check_single(name: str, value: Tensor) -> None:
    if value.dtype != torch.float32:
        raise ValueError(f"{name} must be float32 on a GPU, not {value.dtype}")
