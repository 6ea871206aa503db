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
    texture_construct_mip,
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


def several(grid, soup) -> tuple[Tensor, Tensor, Tensor]:
    """Three images of different triangles of one vertex buffer, one image of none."""
    (sheet, sheet_tri), (pile, pile_tri) = grid(1, seed=4), soup(20, 15, 1, (0.4, 2), 6)
    pos, tri = torch.cat([sheet[0], pile[0]]), torch.cat([sheet_tri, pile_tri + sheet.shape[1]])
    count = len(sheet_tri)
    return pos, tri, torch.tensor([[0, count], [count, 15], [30, 50], [3, 0]], dtype=torch.int32)


def test_ranges(grid, soup) -> None:
    """Each image shows its own triangles, numbered as in the whole list; all four operations."""
    pos, tri, ranges = several(grid, soup)
    inputs = [pos.requires_grad_(), torch.randn(len(pos), 3, requires_grad=True)]

    def images(rasterize, interpolate, antialias, inputs: list[Tensor]) -> list[Tensor]:
        rast, rast_db = rasterize(inputs[0], tri, SIZE, ranges)
        color, _ = interpolate(inputs[1], rast, tri)
        return [rast, rast_db, antialias(color, rast.detach(), inputs[0], tri)]

    fast = images(rasterize, interpolate, antialias, inputs)
    exact = [leaf(value) for value in inputs]
    slow = images(rasterize_ref, interpolate_ref, antialias_ref, exact)
    assert torch.equal(fast[0][..., 3], slow[0][..., 3].float())
    assert (fast[0][3] == 0).all()
    for image, (start, length) in zip(fast[0][:3], ranges.tolist(), strict=False):
        alone, _ = rasterize(pos[None], tri[start : start + length], SIZE)
        ids = torch.where(alone[0, ..., 3] > 0, alone[0, ..., 3] + start, 0)
        assert torch.equal(image[..., 3], ids)
        assert torch.equal(image[..., :3], alone[0, ..., :3])
    for one, other in zip(fast, slow, strict=True):
        assert_close(one, other)
    pairs = zip(gradients(fast, inputs), gradients(slow, exact), strict=True)
    for one, other in pairs:
        assert_close(one, other)


def test_gradients_of_the_derivatives_can_be_left_out(soup) -> None:
    pos, tri = soup(12, 8, 1, (0.5, 1.5), 2)
    for operation in (rasterize, rasterize_ref):
        full, cut = (operation(pos.requires_grad_(), tri, SIZE, grad_db=on) for on in (True, False))
        assert torch.equal(full[1], cut[1])
        (expected,) = gradients([full[0]], [pos])
        assert torch.equal(gradients([cut[0], cut[1].detach()], [pos])[0], expected)
        again = operation(pos, tri, SIZE, grad_db=False)
        assert torch.equal(gradients(list(again), [pos])[0], expected)
        assert not torch.equal(gradients(list(operation(pos, tri, SIZE)), [pos])[0], expected)


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


def footprints(batch: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """UVs, their derivatives from far below a texel to many texels, and biases."""
    torch.manual_seed(seed)
    uv, size = torch.rand(batch, *SIZE, 2) * 3 - 1, torch.rand(batch, *SIZE, 1)
    uv_da = torch.randn(batch, *SIZE, 4) * 0.5 * size**4
    uv_da[:, 0] = 0  # pixels without a triangle, or with a triangle of zero area in UV
    return uv, uv_da, torch.randn(batch, *SIZE)


@pytest.mark.parametrize("boundary_mode", ["wrap", "clamp"])
@pytest.mark.parametrize("textures", [1, 2])
@pytest.mark.parametrize("given", ["uv_da", "mip_level_bias", "both", "mip"])
def test_mipmapped_texture(boundary_mode: str, textures: int, given: str) -> None:
    uv, uv_da, bias = (x.requires_grad_() for x in footprints(2, 3))
    tex = torch.randn(textures, 16, 32, 3, requires_grad=True)
    mip = [torch.randn(textures, 8 >> i, 16 >> i, 3, requires_grad=True) for i in range(3)]
    options, inputs = {"boundary_mode": boundary_mode}, [tex, uv]
    if given != "mip_level_bias":
        options["uv_da"] = uv_da
        inputs.append(uv_da)
    if given in ("mip_level_bias", "both"):
        options["mip_level_bias"] = bias
        inputs.append(bias)
    if given == "mip":
        options["mip"] = mip
        inputs += mip
    fast, slow = texture(tex, uv, **options), texture_ref(tex, uv, **options)
    assert_close(fast, slow)
    pairs = zip(gradients([fast], inputs), gradients([slow], inputs), strict=True)
    for one, other in pairs:
        assert other.isfinite().all()
        assert_close(one, other)


def test_a_footprint_of_four_texels_shows_level_two() -> None:
    """The longer axis of the ellipse decides; between levels, and beyond them, colours blend."""
    levels = [torch.full((1, 16 >> i, 16 >> i, 1), float(i)) for i in range(5)]
    uv = torch.rand(1, 1, 6, 2)
    texels = torch.tensor(
        [
            [4.0, 0, 0, 4],
            [0, 4, 0.5, 0],
            [0, 0, 2**1.5, 0],
            [0.1, 0, 0, 0.2],
            [1e4, 0, 0, 0],
            [0] * 4,
        ]
    )
    uv_da = texels.view(1, 1, 6, 4) / 16
    expected = torch.tensor([2, 2, 1.5, 0, 4, 0])
    seen = texture(levels[0], uv, uv_da, mip=levels[1:])
    assert torch.allclose(seen.flatten(), expected)
    lower = texture(levels[0], uv, uv_da, torch.full((1, 1, 6), -0.5), levels[1:])
    assert torch.allclose(lower.flatten(), torch.tensor([1.5, 1.5, 1, 0, 4, 0]))
    lowest = texture(levels[0], uv, uv_da, mip=levels[1:2])
    assert torch.allclose(lowest.flatten(), expected.clamp(max=1))


def test_mip_levels_are_means() -> None:
    tex = torch.rand(2, 8, 4, 3)
    levels = texture_construct_mip(tex)
    assert [tuple(level.shape[1:3]) for level in levels] == [(4, 2), (2, 1), (1, 1)]
    planar = tex.permute(0, 3, 1, 2)
    for i, level in enumerate(levels[:2]):
        expected = torch.nn.functional.avg_pool2d(planar, 2 << i)
        assert torch.allclose(level.permute(0, 3, 1, 2), expected)
    assert torch.allclose(levels[2][:, 0, 0], tex.mean((1, 2)))
    assert len(texture_construct_mip(tex, 1)) == 1
    with pytest.raises(ValueError, match="tex"):
        texture_construct_mip(torch.rand(1, 12, 8, 1))
    assert len(texture_construct_mip(torch.rand(1, 12, 8, 1), 2)) == 2


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


def test_gradcheck_mipmapped_texture() -> None:
    torch.manual_seed(4)
    tex, uv = leaf(torch.rand(1, 4, 8, 2)), leaf(torch.rand(1, 3, 4, 2) * 2 - 0.5)
    uv_da, bias = leaf(torch.randn(1, 3, 4, 4) * 0.2), leaf(torch.rand(1, 3, 4) * 0.5 - 0.2)
    mip = leaf(torch.rand(1, 2, 4, 2))
    torch.autograd.gradcheck(texture_ref, (tex, uv, uv_da, bias))
    torch.autograd.gradcheck(
        lambda tex, uv, uv_da, mip: texture_ref(tex, uv, uv_da, mip=[mip]), (tex, uv, uv_da, mip)
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
        lambda pos, tri: (pos.numpy(), tri, SIZE),
        lambda pos, tri: (pos[0], tri, SIZE),
        lambda pos, tri: (pos.to("meta"), tri, SIZE),
    ],
    "tri": [
        lambda pos, tri: (pos, tri.float(), SIZE),
        lambda pos, tri: (pos, tri + 1000, SIZE),
        lambda pos, tri: (pos, tri - 1000, SIZE),
        lambda pos, tri: (pos, tri[:, :2], SIZE),
        lambda pos, tri: (pos, tri.to("meta"), SIZE),
    ],
    "ranges": [
        lambda pos, tri: (pos[0], tri, SIZE, torch.tensor([[0, 5]])),
        lambda pos, tri: (pos[0], tri, SIZE, torch.tensor([[-1, 2]])),
        lambda pos, tri: (pos[0], tri, SIZE, torch.tensor([0, 2])),
        lambda pos, tri: (pos[0], tri, SIZE, torch.tensor([[0.0, 2.0]])),
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
    uv_da = torch.rand(2, *SIZE, 4)
    color = torch.rand(2, *SIZE, 3)
    for name, call in {
        "attr": lambda: interpolate(torch.rand(3, 6, 3), rast, tri),
        "rast": lambda: interpolate(attr, rast * 1000, tri),
        "tri": lambda: interpolate(attr[:, :2], rast, tri),
        "rast_db": lambda: interpolate(attr, rast, tri, rast_db[:1], "all"),
        "diff_attrs": lambda: interpolate(attr, rast, tri, rast_db, [3]),
        "tex": lambda: texture(torch.rand(3, 4, 4, 3), uv),
        "tex of 6 x 4": lambda: texture(torch.rand(1, 6, 4, 3), uv, uv_da),
        "uv_da": lambda: texture(tex, uv, uv_da[..., :2]),
        "mip_level_bias": lambda: texture(tex, uv, mip_level_bias=uv),
        r"mip\[1\]": lambda: texture(tex, uv, uv_da, mip=[tex[:, ::2, ::2], tex[:, ::2, ::2]]),
        "mip must": lambda: texture(tex, uv, uv_da, mip=tex),
        "filter_mode 'linear-mip": lambda: texture(tex, uv, filter_mode="linear-mipmap-linear"),
        "uv must be on": lambda: texture(tex, uv.to("meta")),
        "attr must": lambda: interpolate(attr.numpy(), rast, tri),
        "attr must be a": lambda: interpolate(None, rast, tri),
        "attr must have": lambda: interpolate(attr[0, 0], rast, tri),
        "attr must be float": lambda: interpolate(attr.half(), rast, tri),
        "attr must have rast's dtype": lambda: interpolate(attr.double(), rast, tri),
        "tri must be on": lambda: interpolate(attr, rast, tri.to("meta")),
        "rast must": lambda: interpolate(attr, rast[..., :3], tri),
        "rast_db must": lambda: interpolate(attr, rast, tri, rast_db.half(), "all"),
        "tex must": lambda: texture(tex[0], uv),
        "uv must have": lambda: texture(tex, uv.double()),
        "uv_da must": lambda: texture(tex, uv, uv_da.to("meta")),
        "mip_level_bias holds": lambda: texture(tex, uv, mip_level_bias=uv[..., 0] * torch.nan),
        "pos must be a": lambda: antialias(color, rast, None, tri),
        "pos holds": lambda: antialias(color, rast, pos * torch.nan, tri),
        "tri holds": lambda: antialias(color, rast, pos, tri + 9),
        "tri must be on the CPU": lambda: antialias(color, rast, pos, tri.to("meta")),
        "color must be float": lambda: antialias(color.int(), rast, pos, tri),
        "rast holds": lambda: antialias(color, rast * torch.nan, pos, tri),
        "uv": lambda: texture(tex, color),
        "max_mip_level": lambda: texture(tex, uv, uv_da, max_mip_level=-1),
        "filter_mode": lambda: texture(tex, uv, filter_mode="cubic"),
        "boundary_mode": lambda: texture(tex, uv, boundary_mode="mirror"),
        "color": lambda: antialias(color[:, 1:], rast, pos, tri),
        "pos": lambda: antialias(color, rast, pos[:1], tri),
        "topology_hash": lambda: antialias(color, rast, pos, tri, tri[1:]),
    }.items():
        with pytest.raises(ValueError, match=name):
            call()


def test_runs_and_threads_agree_to_the_bit(soup, monkeypatch: pytest.MonkeyPatch) -> None:
    """All four operations and their gradients."""
    pos, tri = soup(60, 90, 2, (0.3, 2), 8)
    tex, corners, target = torch.rand(1, 16, 16, 3), torch.rand(60, 2), torch.rand(2, 48, 40, 3)

    def run() -> list[Tensor]:
        inputs = [value.clone().requires_grad_() for value in (pos, tex, corners)]
        rast, rast_db = rasterize(inputs[0], tri, (48, 40))
        uv, uv_da = interpolate(inputs[2], rast, tri, rast_db, "all")
        image = antialias(texture(inputs[1], uv, uv_da), rast, inputs[0], tri)
        return [image, *torch.autograd.grad((image * target).sum(), inputs)]

    first = run()
    assert all(map(torch.equal, first, run()))
    for threads in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        assert all(map(torch.equal, first, run()))


def test_strange_coordinates_do_not_crash() -> None:
    uv = torch.tensor([torch.nan, torch.inf, -torch.inf, 1e30]).repeat(2).reshape(1, 2, 2, 2)
    for boundary_mode in ("wrap", "clamp"):
        for filter_mode in ("nearest", "linear"):
            texture(
                torch.rand(1, 4, 4, 3), uv, filter_mode=filter_mode, boundary_mode=boundary_mode
            )
        texture(torch.rand(1, 4, 4, 3), uv, uv.repeat(1, 1, 1, 2), boundary_mode=boundary_mode)
