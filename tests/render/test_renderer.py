"""Whole renders of textured meshes."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.render import (
    Camera,
    Light,
    PerspectiveCamera,
    Renderer,
    antialias,
    flip_v,
    interpolate,
    rasterize,
    texture,
)

CAMERA = Camera(torch.tensor([[8.0, 0.005, -0.01]]))


def quad() -> SimpleNamespace:
    """A square of 20 cm that shows its texture upright."""
    corners = torch.tensor([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    template = torch.cat([corners * 0.2 - 0.1, torch.zeros(4, 1)], 1)
    return SimpleNamespace(template=template, faces=faces, uv=corners, uv_faces=faces, masks={})


def noise(*shape: int) -> Tensor:
    torch.manual_seed(0)
    return torch.rand(shape) * 2 - 1


def test_a_square_shows_its_texture_upright() -> None:
    head, picture = quad(), noise(1, 3, 8, 8)
    image, alpha = Renderer(head, 8)(
        head.template[None], picture, Camera(torch.tensor([[10.0, 0, 0]]))
    )
    assert torch.allclose(image, picture, atol=1e-5)
    assert (alpha == 1).all()


def test_background() -> None:
    head = quad()
    camera = Camera(torch.tensor([[5.0, 0, 0.1]]))  # the lower half of the square's picture
    for background in (1.0, -0.25):
        image, alpha = Renderer(head, 16, background=background)(
            head.template[None], noise(1, 3, 8, 8), camera
        )
        assert (image[..., 8:, :] == background).all()
        assert (alpha[..., 8:, :] == 0).all()
        assert (alpha[..., 1:7, 5:11] == 1).all()


def test_a_colour_or_pictures_as_background(sphere) -> None:
    head, pictures = sphere(), noise(2, 3, 32, 32)
    vertices, skin = head.template[None].repeat(2, 1, 1), noise(1, 3, 8, 8)
    for background in (torch.tensor([0.5, -0.5, 0.0]), pictures[0], pictures):
        image, alpha = Renderer(head, 32, background=background)(vertices, skin, CAMERA)
        shown = background[:, None, None] if background.ndim == 1 else background
        outside = (alpha == 0).expand_as(image)
        assert torch.equal(image[outside], shown.expand_as(image)[outside])
    lit = Renderer(head, 32, background=pictures)(vertices, skin, CAMERA, Light.studio())[0]
    assert torch.equal(lit[outside], pictures[outside])
    for bad in (torch.zeros(4), torch.zeros(3, 8, 8), torch.tensor(torch.nan)):
        with pytest.raises(ValueError, match="background"):
            Renderer(head, 32, background=bad)
    with pytest.raises(ValueError, match="background"):
        Renderer(head, 32, background=pictures)(vertices[[0, 0, 0]], skin, CAMERA)


@pytest.mark.parametrize("kind", ["ball", "head"])
def test_even_light_shows_the_texture(sphere, kind: str) -> None:
    """The shaded path under light of 1 from everywhere equals the unlit one, gradients too."""
    head = sphere() if kind == "ball" else HeadModel.load("builtin")
    pictures = noise(2, 3, 16, 16)
    vertices = torch.stack([head.template, head.template * 1.1 + 0.01])
    coefficients = torch.zeros(1, 27)
    coefficients[:, :3] = (4 * torch.pi) ** 0.5
    renderer, results = Renderer(head, 48), []
    for light in (None, Light.harmonics(coefficients)):
        inputs = [value.clone().requires_grad_() for value in (vertices, pictures)]
        image, alpha = renderer(*inputs, CAMERA, light)
        loss = (image * noise(2, 3, 48, 48)).sum() + (alpha * noise(2, 1, 48, 48)).sum()
        results.append((image, alpha, *torch.autograd.grad(loss, inputs)))
    for one, other in zip(*results, strict=True):
        scale = one.detach().abs().max().item()
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * scale)


def test_the_key_light_brightens_its_side(sphere) -> None:
    head, grey = sphere(), torch.zeros(1, 3, 8, 8)
    light = Light(torch.zeros(1, 27), torch.tensor([[-1.0, 0, 1]]), torch.ones(1, 3))
    turned = Camera(CAMERA.params, yaw=torch.tensor([1.0]), pivot=(0, 0, 0))
    for camera in (CAMERA, turned):
        image, _ = Renderer(head, 64, background=-1.0)(head.template[None], grey, camera, light)
        left, right = image[..., :32].mean(), image[..., 32:].mean()
        assert left > right + 0.2


def test_light_and_vertices_learn_from_shaded_pictures(sphere) -> None:
    head = sphere()
    renderer, weights = Renderer(head, 48), torch.linspace(0, 1, 48)[:, None]
    vertices = head.template[None].clone().requires_grad_()
    ambient = (torch.randn(1, 27) * 0.1 + 0.4).requires_grad_()
    toward, key = (torch.tensor([x]).requires_grad_() for x in ([0.3, 0.5, 0.9], [0.2, 0.3, 0.4]))
    inputs = [vertices, ambient, toward, key]

    def loss(vertices: Tensor, *light: Tensor) -> Tensor:
        image, _ = renderer(vertices, torch.zeros(1, 3, 8, 8), CAMERA, Light(*light, gloss=0.1))
        return (image * weights).sum()

    slopes = torch.autograd.grad(loss(*inputs), inputs)
    assert slopes[0].isfinite().all()
    with torch.no_grad():
        for i in range(1, 4):
            step = 1e-2 * noise(*inputs[i].shape)
            high, low = (
                loss(*inputs[:i], inputs[i] + side * step, *inputs[i + 1 :]) for side in (1, -1)
            )
            expected = 2 * (slopes[i] * step).sum()
            assert torch.isclose(high - low, expected, rtol=0.02, atol=1e-3)


def test_perspective(sphere) -> None:
    """Nearer is larger: the ball's picture grows as the camera comes closer, lit or not."""
    head, areas = sphere(32, 48), []
    arguments = head.template[None], noise(1, 3, 16, 16)
    for distance in (0.6, 2.0):
        fov = torch.tensor([2 * math.atan(0.2 / distance)])
        camera = PerspectiveCamera(torch.tensor([[0, 0, distance]]), fov)
        _, alpha = Renderer(head, 64)(*arguments, camera)
        _, lit_alpha = Renderer(head, 64)(*arguments, camera, Light.studio())
        torch.testing.assert_close(alpha, lit_alpha)
        areas.append(alpha.sum().item())
        radius = 32 * 0.1 / (distance**2 - 0.01) ** 0.5 * distance / 0.2
        assert areas[-1] == pytest.approx(math.pi * radius**2, rel=0.02)
    assert areas[0] > areas[1]


def test_back_faces_are_not_drawn() -> None:
    head = quad()
    head.faces = head.faces.flip(1)
    _, alpha = Renderer(head, 16)(head.template[None], noise(1, 3, 8, 8), CAMERA)
    assert (alpha == 0).all()


def test_excluded_faces_are_left_out(sphere) -> None:
    head = sphere()
    everything = Renderer(head, 64)(head.template[None], noise(1, 3, 8, 8), CAMERA)[1]
    without = Renderer(head, 64, exclude=["top"])(head.template[None], noise(1, 3, 8, 8), CAMERA)[1]
    assert torch.equal(everything[..., 40:, :], without[..., 40:, :])
    assert without[..., :14, :].max() == 0 < everything[..., :14, :].max()
    with pytest.raises(InputError, match="beard"):
        Renderer(head, exclude=["beard"])


def test_the_fused_path_equals_the_operations(sphere) -> None:
    """A ball hides its back faces, so nothing differs; two poses, one texture each."""
    head = sphere()
    vertices = torch.stack([head.template, head.template * torch.tensor([1.1, 0.8, 0.9]) + 0.01])
    pictures, size = noise(2, 3, 20, 20), 48

    def operations(vertices: Tensor, pictures: Tensor) -> tuple[Tensor, Tensor]:
        pos = CAMERA.to_clip(vertices)
        rast, _ = rasterize(pos, head.faces, (size, size))
        uv, _ = interpolate(flip_v(head.uv)[None], rast, head.uv_faces)
        color = texture(pictures.permute(0, 2, 3, 1), uv, boundary_mode="clamp")
        covered = (rast[..., 3:] > 0).float()
        color = torch.cat([torch.where(covered > 0, color, 1.0), covered], -1)
        color = antialias(color, rast, pos, head.faces).permute(0, 3, 1, 2).flip(2)
        return color[:, :3], color[:, 3:]

    results = []
    for draw in (operations, lambda *inputs: Renderer(head, size)(*inputs, CAMERA)):
        inputs = [value.clone().requires_grad_() for value in (vertices, pictures)]
        image, alpha = draw(*inputs)
        loss = (image * noise(2, 3, size, size)).sum() + (alpha * noise(2, 1, size, size)).sum()
        results.append((image, alpha, *torch.autograd.grad(loss, inputs)))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(
            one, other, rtol=1e-4, atol=1e-4 * one.detach().abs().max().item()
        )


def test_one_texture_for_a_batch_gets_the_sum_of_gradients(sphere) -> None:
    head = sphere()
    renderer = Renderer(head, 32)
    vertices = head.template[None] * torch.tensor([0.8, 1.0, 1.1])[:, None, None]
    shared = noise(1, 3, 16, 16).requires_grad_()
    each = shared.detach().repeat(3, 1, 1, 1).requires_grad_()
    for picture in (shared, each):
        image, _ = renderer(vertices, picture, CAMERA)
        (image * noise(3, 3, 32, 32)).sum().backward()
    assert torch.allclose(shared.grad[0], each.grad.sum(0), atol=1e-5)


def test_a_batch_equals_its_items_and_runs_agree_to_the_bit(
    sphere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More images than are worked through at a time, texels of several threads."""
    head = sphere()
    renderer = Renderer(head, 48)
    vertices = head.template[None] * torch.linspace(0.8, 1.1, 11)[:, None, None]

    def run(vertices: Tensor, view: Tensor) -> list[Tensor]:
        vertices, picture = vertices.clone().requires_grad_(), noise(1, 3, 160, 16).requires_grad_()
        image, alpha = renderer(vertices, picture, CAMERA)
        (image * view).sum().backward()
        return [image, alpha, vertices.grad, picture.grad]

    view = noise(11, 3, 48, 48)
    whole = run(vertices, view)
    assert all(map(torch.equal, whole, run(vertices, view)))
    for threads in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        assert all(map(torch.equal, whole, run(vertices, view)))
    for i in range(11):
        single = run(vertices[i : i + 1], view[i : i + 1])
        assert torch.equal(single[0][0], whole[0][i])
        assert torch.equal(single[1][0], whole[1][i])
        assert torch.allclose(single[2][0], whole[2][i], atol=1e-5)


def test_images_are_the_same_without_gradients(sphere) -> None:
    head, picture = sphere(), noise(1, 3, 16, 16)
    renderer, vertices = Renderer(head, 48), head.template[None].repeat(11, 1, 1)
    learning = renderer(vertices, picture.clone().requires_grad_(), CAMERA)
    for one, other in zip(learning, renderer(vertices, picture, CAMERA), strict=True):
        assert torch.equal(one.detach(), other)


def test_alpha_alone_moves_vertices(sphere) -> None:
    """The ball's outline grows with it: area is proportional to the square of the scale."""
    head = sphere(32, 48)
    scale = torch.tensor(1.0, requires_grad=True)
    _, alpha = Renderer(head, 96)(head.template[None] * scale, noise(1, 3, 4, 4), CAMERA)
    (slope,) = torch.autograd.grad(alpha.sum(), scale)
    assert torch.isclose(slope, 2 * alpha.sum(), rtol=0.03)


def test_the_embedded_head() -> None:
    head = HeadModel.load("builtin")
    renderer = Renderer(head, 96, backend="cpu", exclude=["mouth_interior"])
    gradient = torch.linspace(-1, 1, 64)[None, None, :, None].expand(1, 3, 64, 64)
    image, alpha = renderer(head.template[None], gradient, Camera.front())
    border = torch.cat([alpha[..., [0, -1], :].flatten(), alpha[..., [0, -1]].flatten()])
    assert border.max() == 0
    assert 0.25 < alpha.mean() < 0.5
    assert (alpha - alpha.flip(-1)).abs().mean() < 0.01
    assert image.isfinite().all()


def test_bad_arguments_are_named(sphere) -> None:
    head = sphere()
    vertices, picture = head.template[None], noise(1, 3, 8, 8)
    renderer = Renderer(head, 16)
    broken = vertices.clone()
    broken[0, 3] = torch.nan
    for name, arguments in [
        ("vertices", (broken, picture, CAMERA)),
        ("vertices", (broken / 0, picture, CAMERA)),
        ("vertices", (vertices[0], picture, CAMERA)),
        ("vertices", (vertices[:, 5:], picture, CAMERA)),
        ("vertices", (vertices.double(), picture, CAMERA)),
        ("texture", (vertices, picture[0], CAMERA)),
        ("texture", (vertices, picture[:, :1], CAMERA)),
        ("texture", (vertices, picture.repeat(2, 1, 1, 1), CAMERA)),
        ("texture", (vertices, picture.half(), CAMERA)),
        ("texture", (vertices, picture.to("meta"), CAMERA)),
        ("vertices", (vertices.to("meta"), picture, CAMERA)),
        ("camera", (vertices, picture, Camera.front(2))),
        ("camera", (vertices, picture, Camera(torch.full((1, 3), torch.nan)))),
    ]:
        with pytest.raises(ValueError, match=name):
            renderer(*arguments)
    studio = Light.studio()
    for name in ("ambient", "toward", "key"):
        parts = {"ambient": studio.ambient, "toward": studio.toward, "key": studio.key}
        parts[name] = parts[name].repeat(3, 1, *[1] * (parts[name].ndim - 2))
        with pytest.raises(ValueError, match=f"light.{name}"):
            renderer(vertices.repeat(2, 1, 1), picture, CAMERA, Light(**parts))
    for name in ("ambient", "toward", "key"):
        parts = {"ambient": studio.ambient, "toward": studio.toward, "key": studio.key}
        with pytest.raises(ValueError, match=f"light.{name} must be a tensor"):
            Light(**{**parts, name: None})
        with pytest.raises(ValueError, match=f"light.{name} holds"):
            renderer(vertices, picture, CAMERA, Light(**{**parts, name: parts[name] * torch.nan}))
    for resolution in (0, -3, 10**6):
        with pytest.raises(ValueError, match="resolution"):
            Renderer(head, resolution)
    for backend in ("vulkan", "cuda"):
        with pytest.raises(InputError, match=r"backend|GPU"):
            Renderer(head, backend=backend)
    for name, broken in (
        ("uv_faces", head.uv_faces + 10000),
        ("uv_faces", head.uv_faces[1:]),
        ("faces", head.faces - 1),
        ("faces", head.faces.float()),
    ):
        parts = {**vars(head), name: broken}
        with pytest.raises(ValueError, match=f"head.{name}"):
            Renderer(SimpleNamespace(**parts))


@pytest.mark.parametrize("light", [None, Light.studio()])
def test_double_precision_draws_the_same(sphere, light) -> None:
    head, skin, camera = sphere(), noise(2, 3, 16, 16), Camera.turned([20.0, -40.0], 5.0)
    vertices = head.template[None].repeat(2, 1, 1)
    renderer = Renderer(head, 48, background=0.5)
    image, alpha = renderer(vertices, skin, camera, light)
    exact = renderer(vertices.double(), skin.double(), camera, light)
    assert exact[0].dtype == exact[1].dtype == torch.float64
    assert torch.allclose(exact[0].float(), image, atol=1e-3)
    assert torch.allclose(exact[1].float(), alpha, atol=1e-3)


@pytest.mark.parametrize("light", [None, Light.studio()])
def test_gradients_in_double_precision(sphere, light) -> None:
    """Of vertices, texture and camera, against finite differences."""
    head = sphere()
    random = torch.Generator().manual_seed(3)
    pushed = 1e-3 * torch.rand(1, len(head.template), 3, generator=random)
    vertices = (head.template + pushed).double().requires_grad_()
    skin = torch.rand(1, 3, 4, 4, generator=random, dtype=torch.float64).requires_grad_()
    params = torch.tensor([[6.0, 0.01, 0.03]], dtype=torch.float64, requires_grad=True)
    yaw = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    renderer = Renderer(head, 12)
    weight = torch.randn(1, 4, 12, 12, generator=random, dtype=torch.float64)

    def drawn(vertices: Tensor, skin: Tensor, params: Tensor, yaw: Tensor) -> Tensor:
        image = torch.cat(renderer(vertices, skin, Camera(params, yaw), light), 1)
        return (image * weight).sum((1, 2, 3))

    inputs = vertices, skin, params, yaw
    assert torch.autograd.gradcheck(drawn, inputs, eps=1e-7, atol=1e-5, fast_mode=True)
