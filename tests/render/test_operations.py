"""The kernels against the references, and the references against finite differences."""

import pytest
import torch
from torch import Tensor

from clipface_cli.render import (
    antialias,
    antialias_ref,
    interpolate,
    interpolate_ref,
    rasterize,
    rasterize_ref,
    texture,
    texture_ref,
)

SIZE = (37, 29)


def assert_close(kernel: Tensor, reference: Tensor) -> None:
    assert kernel.shape == reference.shape
    scale = float(reference.detach().abs().max().clamp(min=1e-6))
    torch.testing.assert_close(kernel, reference.to(kernel), rtol=0, atol=1e-4 * scale)


def gradients(out: list[Tensor], inputs: list[Tensor]) -> tuple[Tensor, ...]:
    torch.manual_seed(9)
    loss = sum((value * torch.randn(value.shape).to(value.dtype)).sum() for value in out)
    return torch.autograd.grad(loss, inputs)


def leaf(value: Tensor) -> Tensor:
    return value.detach().double().requires_grad_()


def test_rasterize(scene: tuple[Tensor, Tensor]) -> None:
    pos, tri = scene
    pos.requires_grad_()
    fast, slow = rasterize(pos, tri, SIZE), rasterize_ref(pos, tri, SIZE)
    assert torch.equal(fast[0][..., 3], slow[0][..., 3])
    assert (fast[0][..., 3] > 0).float().mean() > 0.2
    for one, other in zip(fast, slow, strict=True):
        assert_close(one, other)
    assert_close(gradients(list(fast), [pos])[0], gradients(list(slow), [pos])[0])


@pytest.mark.parametrize("shared", [True, False])
def test_interpolate(scene: tuple[Tensor, Tensor], shared: bool) -> None:
    pos, tri = scene
    rast, rast_db = (value.requires_grad_() for value in rasterize(pos, tri, SIZE))
    attr = torch.randn(1 if shared else len(pos), pos.shape[1], 5, requires_grad=True)
    out = interpolate(attr, rast, tri, rast_db, diff_attrs=[3, 1])
    expected = interpolate_ref(attr, rast, tri, rast_db, diff_attrs=[3, 1])
    inputs = [attr, rast, rast_db]
    for one, other in zip(out, expected, strict=True):
        assert_close(one, other)
    pairs = zip(gradients(list(out), inputs), gradients(list(expected), inputs), strict=True)
    for one, other in pairs:
        assert_close(one, other)


@pytest.mark.parametrize("filter_mode", ["nearest", "linear"])
@pytest.mark.parametrize("boundary_mode", ["wrap", "clamp"])
@pytest.mark.parametrize("textures", [1, 2])
def test_texture(filter_mode: str, boundary_mode: str, textures: int) -> None:
    torch.manual_seed(0)
    tex = torch.randn(textures, 20, 16, 3, requires_grad=True)
    uv = (torch.rand(2, *SIZE, 2) * 3 - 1).requires_grad_()
    modes = {"filter_mode": filter_mode, "boundary_mode": boundary_mode}
    fast, slow = texture(tex, uv, **modes), texture_ref(tex, uv, **modes)
    assert_close(fast, slow)
    inputs = [tex, uv] if filter_mode == "linear" else [tex]
    pairs = zip(gradients([fast], inputs), gradients([slow], inputs), strict=True)
    for one, other in pairs:
        assert_close(one, other)


def test_texture_agrees_with_grid_sample() -> None:
    tex, uv = torch.rand(2, 9, 7, 3), torch.rand(2, *SIZE, 2) * 1.4 - 0.2
    expected = torch.nn.functional.grid_sample(
        tex.permute(0, 3, 1, 2), uv * 2 - 1, padding_mode="border", align_corners=False
    )
    assert_close(texture(tex, uv, boundary_mode="clamp"), expected.permute(0, 2, 3, 1))


def test_antialias(scene: tuple[Tensor, Tensor]) -> None:
    pos, tri = scene
    pos.requires_grad_()
    rast = rasterize(pos, tri, SIZE)[0].detach()
    color = torch.rand(*rast.shape[:3], 3, requires_grad=True)
    exact = leaf(color), leaf(pos)
    fast = antialias(color, rast, pos, tri)
    slow = antialias_ref(exact[0], rast.double(), exact[1], tri)
    assert not torch.equal(fast, color)
    assert_close(fast, slow)
    pairs = zip(gradients([fast], [color, pos]), gradients([slow], [*exact]), strict=True)
    for one, other in pairs:
        assert_close(one, other)


def test_float64_takes_the_reference(scene: tuple[Tensor, Tensor]) -> None:
    pos, tri = scene[0].double(), scene[1]
    for one, other in zip(rasterize(pos, tri, SIZE), rasterize_ref(pos, tri, SIZE), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("w", [(1, 1), (0.4, 1.5), (-0.3, 1.5)])
def test_gradcheck_rasterize(soup, w: tuple[float, float]) -> None:
    pos, tri = soup(6, 4, 1, w, 4)

    def values(pos: Tensor) -> tuple[Tensor, Tensor]:
        rast, rast_db = rasterize_ref(pos, tri, (8, 7))
        return rast[..., :3], rast_db

    torch.autograd.gradcheck(values, leaf(pos))


def test_gradcheck_interpolate(soup) -> None:
    pos, tri = soup(6, 4, 2, (0.5, 1.5), 4)
    rast, rast_db = rasterize_ref(pos.double(), tri, (6, 5))
    ids = rast[..., 3:].clone()

    def values(attr: Tensor, weights: Tensor, rast_db: Tensor) -> tuple[Tensor, Tensor]:
        return interpolate_ref(attr, torch.cat([weights, ids], -1), tri, rast_db, "all")

    inputs = leaf(torch.rand(1, 6, 2)), leaf(rast[..., :3]), leaf(rast_db)
    torch.autograd.gradcheck(values, inputs)


@pytest.mark.parametrize("boundary_mode", ["wrap", "clamp"])
def test_gradcheck_texture(boundary_mode: str) -> None:
    torch.manual_seed(2)
    tex, uv = leaf(torch.rand(1, 5, 4, 2)), leaf(torch.rand(2, 3, 4, 2) * 2 - 0.5)
    torch.autograd.gradcheck(
        lambda tex, uv: texture_ref(tex, uv, boundary_mode=boundary_mode), (tex, uv)
    )


def test_gradcheck_antialias(soup) -> None:
    pos, tri = soup(8, 5, 1, (0.5, 1.5), 7)
    rast = rasterize_ref(pos.double(), tri, (9, 8))[0]
    color = torch.rand(1, 9, 8, 2)
    torch.autograd.gradcheck(
        lambda color, pos: antialias_ref(color, rast, pos, tri), (leaf(color), leaf(pos))
    )


BAD = {
    "pos": [
        lambda pos, tri: (pos[..., :3], tri, SIZE),
        lambda pos, tri: (pos.half(), tri, SIZE),
        lambda pos, tri: (pos * torch.nan, tri, SIZE),
        lambda pos, tri: (pos / 0, tri, SIZE),
        lambda pos, tri: (pos[:0], tri, SIZE),
    ],
    "tri": [
        lambda pos, tri: (pos, tri.float(), SIZE),
        lambda pos, tri: (pos, tri + 1000, SIZE),
        lambda pos, tri: (pos, tri - 1000, SIZE),
        lambda pos, tri: (pos, tri[:, :2], SIZE),
    ],
    "resolution": [lambda pos, tri: (pos, tri, (0, 5)), lambda pos, tri: (pos, tri, (5,))],
}


@pytest.mark.parametrize(("name", "change"), [(name, f) for name, fs in BAD.items() for f in fs])
def test_rasterize_names_the_bad_argument(soup, name: str, change) -> None:
    with pytest.raises(ValueError, match=name):
        rasterize(*change(*soup(6, 4, 1, (1, 1), 0)))


def test_the_others_name_the_bad_argument(soup) -> None:
    pos, tri = soup(6, 4, 2, (1, 1), 0)
    rast, rast_db = rasterize(pos, tri, SIZE)
    attr, uv, tex = torch.rand(2, 6, 3), torch.rand(2, *SIZE, 2), torch.rand(1, 4, 4, 3)
    color = torch.rand(2, *SIZE, 3)
    for name, call in {
        "attr": lambda: interpolate(torch.rand(3, 6, 3), rast, tri),
        "rast": lambda: interpolate(attr, rast * 1000, tri),
        "tri": lambda: interpolate(attr[:, :2], rast, tri),
        "rast_db": lambda: interpolate(attr, rast, tri, rast_db[:1], "all"),
        "diff_attrs": lambda: interpolate(attr, rast, tri, rast_db, [3]),
        "tex": lambda: texture(torch.rand(3, 4, 4, 3), uv),
        "uv": lambda: texture(tex, color),
        "filter_mode": lambda: texture(tex, uv, filter_mode="cubic"),
        "boundary_mode": lambda: texture(tex, uv, boundary_mode="mirror"),
        "color": lambda: antialias(color[:, 1:], rast, pos, tri),
        "pos": lambda: antialias(color, rast, pos[:1], tri),
        "topology_hash": lambda: antialias(color, rast, pos, tri, tri[1:]),
    }.items():
        with pytest.raises(ValueError, match=name):
            call()


def test_strange_coordinates_do_not_crash() -> None:
    uv = torch.tensor([torch.nan, torch.inf, -torch.inf, 1e30]).repeat(2).reshape(1, 2, 2, 2)
    for boundary_mode in ("wrap", "clamp"):
        for filter_mode in ("nearest", "linear"):
            texture(
                torch.rand(1, 4, 4, 3), uv, filter_mode=filter_mode, boundary_mode=boundary_mode
            )
