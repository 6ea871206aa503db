"""The method away from the CPU: it gives what the CPU gives, and takes its device from its inputs.

Every test runs on the stand-in of helpers/device.py, and on a GPU where there is one.
"""

import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from device import host_syncs, strict_device
from torch import Tensor

from clipface_cli.errors import ClipfaceWarning
from clipface_cli.guidance import SOURCE_PROMPT, Guidance, load_guidance
from clipface_cli.head import (
    HeadModel,
    HeadParams,
    fit_activations,
    fit_units,
    fit_vertices,
    motion_of,
    rig_of,
)
from clipface_cli.render import Camera, Light, PerspectiveCamera, Renderer
from clipface_cli.render.backends import drawing_on
from clipface_cli.texture import Generator, invert
from clipface_cli.texture.carry import CarriedSynthesis

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "clip_openai.npz"


def near(found: Tensor, expected: Tensor, atol: float = 1e-4) -> bool:
    """Whether what was computed elsewhere is what the CPU computes."""
    assert found.device.type != "cpu"
    return torch.allclose(found.detach().cpu(), expected.detach(), atol=atol, rtol=1e-3)


@pytest.fixture
def moved_head(away: torch.device) -> HeadModel:
    return HeadModel.load("builtin").to(away)


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(0)
    made = Generator.create(32, 512, 16, z_dim=16, mapping_layers=2).requires_grad_(False)
    for name, parameter in made.named_parameters():
        if name.endswith("noise_strength"):
            parameter.fill_(0.1)
    return made.eval()


@pytest.fixture
def full_precision() -> Iterator[None]:
    """GPUs round products of float32 otherwise."""
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = allowed


@pytest.fixture
def few_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inversions start from few people, for time's sake."""
    monkeypatch.setattr(import_module("clipface_cli.texture.invert"), "CANDIDATES", 8)


pytestmark = pytest.mark.usefixtures("full_precision")


def some_params(head: HeadModel) -> HeadParams:
    torch.manual_seed(1)
    shape, expression = torch.randn(2, head.shape_size), 0.5 * torch.randn(2, head.expression_size)
    return HeadParams(shape, expression, 0.1 * torch.randn(2, 6), 1e-3 * torch.randn(2, 1, 3))


def test_a_head_poses(head: HeadModel, moved_head: HeadModel, away: torch.device) -> None:
    params = some_params(head)
    there = params.to(away)
    there.expression.requires_grad_()
    with strict_device():
        vertices = moved_head.pose_head(there)
        vertices.square().sum().backward()
        neutral = moved_head(*vars(HeadParams.neutral(1, 100, 50, away)).values())
    assert near(vertices, head.pose_head(params), 1e-6)
    assert there.expression.grad is not None
    assert near(neutral, head.template[None], 1e-6)


def test_what_a_head_knows_moves_with_it(
    head: HeadModel, moved_head: HeadModel, away: torch.device
) -> None:
    for name in ("masks", "units", "traits"):
        assert all(near(getattr(moved_head, name)[k], v) for k, v in getattr(head, name).items())
    assert all(v.device == w.device == away for v, w in moved_head.landmarks.values())
    with strict_device():
        found = fit_units(moved_head, {"jawOpen": 0.5, "smile": 1.0})
    assert near(found.expression, fit_units(head, {"jawOpen": 0.5, "smile": 1.0}).expression, 1e-3)
    assert near(moved_head.unit_solver, head.unit_solver, 1e-2)
    back = moved_head.cpu()
    assert back.masks["eyes"].device == back.unit_solver.device == torch.device("cpu")
    assert head.double().masks["eyes"].dtype == torch.float64
    head.float()


def test_heads_are_fitted(head: HeadModel, moved_head: HeadModel, away: torch.device) -> None:
    params = some_params(head)[0]
    params.displacement = None
    vertices = head.pose_head(params)[0]
    with strict_device():
        fit = fit_vertices(moved_head, vertices.to(away))
        activations, _, _ = fit_activations(moved_head, params.expression[0].to(away))
    assert fit.mean_mm < 0.1
    assert fit.params.shape.device == fit.rotation.device == away
    assert activations.keys() == fit_activations(head, params.expression[0])[0].keys()


def test_a_rig_is_made(head: HeadModel, moved_head: HeadModel, away: torch.device) -> None:
    params = some_params(head)[0]
    there = params.to(away)
    with strict_device():
        rig = rig_of(moved_head, there, moved_head.pose_head(there)[0])
        motion = motion_of(moved_head, rig, there.expression, there.pose, 25)
    expected = rig_of(head, params, head.pose_head(params)[0])
    assert np.allclose(rig.mesh.vertices, expected.mesh.vertices, atol=1e-5)
    weights = motion_of(head, expected, params.expression, params.pose, 25).weights
    assert np.allclose(motion.weights, weights, atol=1e-3)


@pytest.mark.parametrize("truncation", [1.0, 0.7])
def test_a_generator_paints(generator: Generator, away: torch.device, truncation: float) -> None:
    z = torch.randn(2, 16)
    expected = generator(z, truncation)
    there = generator.to(away)
    with strict_device():
        w = there.mapping(z.to(away), truncation).requires_grad_()
        texture = there.synthesis(w)
        texture.square().mean().backward()
        fresh = there.synthesis(w, noise="random")
        drawn = there.synthesis(w, noise=lambda size: torch.zeros(2, 1, size, size))
    assert near(texture, expected)
    assert w.grad is not None
    assert not near(fresh, expected)
    assert near(drawn, there.synthesis(w, noise="none").cpu())


def test_a_generator_that_grows_paints(generator: Generator, away: torch.device) -> None:
    """Also the carried kind, whose textures go to another layout."""
    w = torch.randn(1, 10, 16)
    grid = torch.rand(32, 32, 2) * 2 - 1
    carried = CarriedSynthesis(generator.synthesis, grid)
    expected = [carried(w), carried(w, resolution=16)]
    carried = carried.to(away)
    with strict_device():
        found = [carried(w.to(away)), carried(w.to(away), resolution=16)]
    assert all(near(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.usefixtures("few_candidates")
@pytest.mark.parametrize("space", ["w", "w+"])
def test_a_texture_is_inverted(generator: Generator, away: torch.device, space: str) -> None:
    image, known = torch.rand(1, 3, 32, 32) * 2 - 1, torch.rand(1, 1, 32, 32)
    options = {"steps": 3, "space": space}
    expected = generator.synthesis(invert(generator, image, known=known, **options))
    there = generator.to(away)
    with strict_device():
        w = invert(there, image.to(away), known=known.to(away), **options)
        invert(there, image.to(away), show=lambda texture: texture.flip(3), steps=1)
    assert near(there.synthesis(w), expected, 0.1)  # the CPU may compute in bfloat16


def check_guidance(guidance: Guidance, away: torch.device) -> None:
    prompts = ["a zombie with red lips", SOURCE_PROMPT]
    torch.manual_seed(0)
    images = torch.rand(2, 3, 80, 80) * 2 - 1
    text, image = guidance.encode_text(prompts), guidance.encode_image(images)
    there = guidance.to(away)
    seen = images.to(away).requires_grad_()
    with strict_device():
        embedded = there.encode_image(seen)
        texts = there.encode_text(prompts)
        moved, asked = embedded[1] - embedded[0], texts[0] - texts[1]
        F.cosine_similarity(moved, asked, dim=0).backward()
    assert texts.device == away
    assert F.cosine_similarity(embedded.cpu(), image).min() > 0.999
    assert F.cosine_similarity(texts.cpu(), text).min() > 0.999
    assert seen.grad is not None
    assert seen.grad.abs().sum() > 0
    assert there.understood("zombie").understood == ("zombie",)


def test_the_embedded_guidance(away: torch.device) -> None:
    check_guidance(load_guidance(), away)


def test_a_clip(away: torch.device, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    golden = np.load(GOLDEN)
    state = {n.removeprefix("state/"): golden[n] for n in golden.files if n.startswith("state/")}
    torch.save({n: torch.from_numpy(a) for n, a in state.items()}, tmp_path / "tiny.pt")
    check_guidance(load_guidance(tmp_path / "tiny.pt"), away)


def test_a_clip_in_double(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    golden = np.load(GOLDEN)
    state = {n.removeprefix("state/"): golden[n] for n in golden.files if n.startswith("state/")}
    torch.save({n: torch.from_numpy(a) for n, a in state.items()}, tmp_path / "tiny.pt")
    guidance = load_guidance(tmp_path / "tiny.pt").double()
    images = torch.rand(1, 3, 64, 64, dtype=torch.float64, requires_grad=True)
    image, text = guidance.encode_image(images), guidance.encode_text(["a face"])
    assert image.dtype == text.dtype == torch.float64


@pytest.mark.parametrize("lit", [False, True])
@pytest.mark.parametrize("background", [1.0, "picture"])
def test_heads_are_drawn(
    head: HeadModel, moved_head: HeadModel, away: torch.device, lit: bool, background
) -> None:
    torch.manual_seed(0)
    behind = torch.rand(2, 3, 48, 48) if background == "picture" else background
    texture = torch.rand(1, 3, 16, 16)
    vertices = head.template.expand(2, -1, -1)
    light = Light.studio() if lit else None
    expected = Renderer(head, 48, background=behind)(
        vertices, texture, Camera.turned([10.0, -20.0]), light
    )
    seen, painted = vertices.to(away).requires_grad_(), texture.to(away).requires_grad_()
    behind = behind.to(away) if isinstance(behind, Tensor) else behind
    with strict_device(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ClipfaceWarning)
        yaw = torch.tensor([10.0, -20.0], device=away)
        camera, light = Camera.turned(yaw), Light.studio(away) if lit else None
        image, alpha = Renderer(moved_head, 48, background=behind)(seen, painted, camera, light)
        image.square().mean().backward()
        near_camera = PerspectiveCamera.turned(10.0, 5.0, device=away)
        Renderer(moved_head, 48)(seen[:1], painted, near_camera)
    assert near(image, expected[0], 0.02)  # a GPU rounds edges otherwise
    assert near(alpha, expected[1], 0.02)
    assert seen.grad is not None
    assert painted.grad is not None
    assert painted.grad.device == away


def test_the_cpu_draws_once_said(head: HeadModel, standin_device: torch.device) -> None:
    drawing_on.cache_clear()
    vertices, texture = head.template[None].to(standin_device), torch.zeros(1, 3, 8, 8)
    renderer = Renderer(head, 16)
    drawn = vertices, texture.to(standin_device), Camera.front(1, standin_device)
    with pytest.warns(ClipfaceWarning, match="drawn on the CPU and brought to the standin"):
        renderer(*drawn)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        renderer(*drawn)
    with pytest.raises(ValueError, match="texture must be on vertices's device standin:0"):
        renderer(vertices, texture, Camera.front())


@pytest.mark.usefixtures("few_candidates")
def test_optimisation_waits_nowhere(
    generator: Generator, head: HeadModel, standin_device: torch.device
) -> None:
    """Steps of an inversion, and gradients of a head and of a guidance; constants are kept."""
    image, there = torch.rand(1, 3, 32, 32, device=standin_device), generator.to(standin_device)
    counts = []
    for steps in (1, 1, 4):
        with host_syncs() as waits:
            invert(there, image, steps=steps)
        counts.append(len(waits))
    assert counts[1] == counts[2], waits
    guidance = load_guidance().to(standin_device)
    moved, params = HeadModel.load("builtin").to(standin_device), some_params(head)
    params, camera = params.to(standin_device), Camera.turned(5.0, 5.0, standin_device)
    params.expression.requires_grad_()
    images = torch.rand(2, 3, 96, 96, device=standin_device).requires_grad_()
    with host_syncs() as waits:
        camera.to_clip(moved.pose_head(params)).sum().backward()
        guidance.encode_image(images).sum().backward()
    assert waits == []
