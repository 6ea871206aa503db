"""The GPU backend, on a machine without one: what it hands to nvdiffrast, and what it says."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from clipface_cli.errors import InputError
from clipface_cli.render import (
    Camera,
    Renderer,
    antialias,
    antialias_construct_topology_hash,
    interpolate,
    rasterize,
    texture,
)
from clipface_cli.render.backends import Lookup, cuda

SIZE = (24, 20)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[Any, ...]]]:
    """A stand-in for nvdiffrast.torch that draws on the CPU, as strict as it; records calls."""
    calls: list[tuple[str, tuple[Any, ...]]] = []

    def checked(name: str, *arguments: Any) -> None:
        calls.append((name, arguments))
        for value in arguments:
            if isinstance(value, Tensor):
                assert value.is_contiguous()
                assert value.dtype in (torch.float32, torch.int32)

    def fake_rasterize(context, pos, tri, resolution, ranges=None, grad_db=True):
        checked("rasterize", pos, tri, ranges)
        assert context == "context"
        assert isinstance(resolution, tuple)
        return rasterize(pos, tri, resolution, ranges, grad_db)

    def fake_interpolate(attr, rast, tri, rast_db=None, diff_attrs=None):
        checked("interpolate", attr, rast, tri, rast_db)
        return interpolate(attr, rast, tri, rast_db, diff_attrs)

    def fake_texture(
        tex,
        uv,
        uv_da=None,
        mip_level_bias=None,
        mip=None,
        filter_mode="auto",
        boundary_mode="wrap",
        max_mip_level=None,
    ):
        checked("texture", tex, uv, uv_da, mip_level_bias, *(mip or ()))
        return texture(
            tex, uv, uv_da, mip_level_bias, mip, filter_mode, boundary_mode, max_mip_level
        )

    def fake_antialias(color, rast, pos, tri, topology_hash=None, pos_gradient_boost=1.0):
        checked("antialias", color, rast, pos, tri)
        return antialias(color, rast, pos, tri, topology_hash, pos_gradient_boost)

    module = SimpleNamespace(
        RasterizeCudaContext=lambda device: "context",
        rasterize=fake_rasterize,
        interpolate=fake_interpolate,
        texture=fake_texture,
        antialias=fake_antialias,
        antialias_construct_topology_hash=antialias_construct_topology_hash,
    )
    monkeypatch.setattr(cuda, "nvdiffrast", lambda: module)
    return calls


def test_every_operation_reaches_the_library(library, soup) -> None:
    """Through the backend the same numbers come back, from tensors of any layout."""
    pos, tri = soup(20, 14, 2, (0.4, 2), 3)
    loose = pos.transpose(0, 1).contiguous().transpose(0, 1)
    rast, rast_db = cuda.rasterize(loose, tri, SIZE, None, True)
    assert torch.equal(rast, rasterize(pos, tri, SIZE)[0])
    attr = torch.rand(20, 2, 2).transpose(0, 1)
    uv, uv_da = cuda.interpolate(attr, rast, tri, rast_db, [1, 0])
    expected = interpolate(attr, rast, tri, rast_db, [1, 0])
    assert torch.equal(uv, expected[0])
    assert torch.equal(uv_da, expected[1])
    tex = torch.rand(1, 3, 8, 8).permute(0, 2, 3, 1)
    for levels, mode in (([tex], "linear"), ([tex], "nearest"), ([tex], "linear-mipmap-linear")):
        color = cuda.texture(Lookup(levels, uv, uv_da, None, mode, "clamp"))
        plain = "nearest" if mode == "nearest" else "linear"
        assert torch.equal(color, texture(tex, uv, filter_mode=plain, boundary_mode="clamp"))
    mip = [torch.rand(1, 4, 4, 3), torch.rand(1, 2, 2, 3)]
    bias = torch.rand(2, *SIZE)
    mode = "linear-mipmap-linear"
    color = cuda.texture(Lookup([tex, *mip], uv, uv_da, bias, mode, "wrap"))
    assert torch.equal(color, texture(tex, uv, uv_da, bias, mip))
    topology = cuda.topology_hash(tri)
    blended = cuda.antialias(color, rast, pos, tri, topology, 2.0)
    assert torch.equal(blended, antialias(color, rast, pos, tri))
    assert [name for name, _ in library] == [
        *("rasterize", "interpolate"), *4 * ("texture",), "antialias"
    ]  # fmt: skip


def test_ranges_reach_the_library(library, soup) -> None:
    pos, tri = soup(20, 14, 1, (0.4, 2), 3)
    ranges = torch.tensor([[0, 5], [5, 9]])
    rast, _ = cuda.rasterize(pos[0], tri, SIZE, ranges, False)
    assert torch.equal(rast, rasterize(pos[0], tri, SIZE, ranges)[0])


def test_doubles_are_refused(library, soup) -> None:
    pos, tri = soup(6, 4, 1, (1, 1), 0)
    with pytest.raises(ValueError, match="pos must be float32"):
        cuda.rasterize(pos.double(), tri, SIZE, None, True)


def test_a_missing_library_is_named_with_its_install_line(monkeypatch, sphere) -> None:
    monkeypatch.setitem(sys.modules, "nvdiffrast", None)
    monkeypatch.setitem(sys.modules, "nvdiffrast.torch", None)
    cuda.nvdiffrast.cache_clear()
    with pytest.raises(InputError, match=r"pip install 'clipface-cli\[cuda\]'"):
        Renderer(sphere(), backend="cuda")


def test_a_library_that_does_not_compile_says_what_it_needs(monkeypatch) -> None:
    def broken(device: torch.device) -> None:
        raise RuntimeError("Error building extension\nmany lines")

    module = SimpleNamespace(RasterizeCudaContext=broken)
    monkeypatch.setattr(cuda, "nvdiffrast", lambda: module)
    with pytest.raises(InputError, match=r"Error building extension\).*nvcc"):
        cuda._context(torch.device("cuda", 99))


def test_a_hash_alone_compiles_the_library(monkeypatch, soup) -> None:
    """A renderer asks for it before it asks for a picture."""
    started: list[torch.device] = []
    module = SimpleNamespace(
        RasterizeCudaContext=started.append,
        antialias_construct_topology_hash=antialias_construct_topology_hash,
    )
    monkeypatch.setattr(cuda, "nvdiffrast", lambda: module)
    cuda._context.cache_clear()
    cuda.topology_hash(soup(6, 4, 1, (1, 1), 0)[1])
    cuda._context.cache_clear()
    assert started


def test_tensors_must_be_where_the_backend_draws(library, sphere) -> None:
    head = sphere()
    with pytest.raises(ValueError, match="vertices"):
        Renderer(head, 16, backend="cuda")(
            head.template[None], torch.zeros(1, 3, 8, 8), Camera.front()
        )
