"""Cameras: where points land."""

import math

import pytest
import torch

from clipface_cli.render import Camera, PerspectiveCamera

POINTS = torch.tensor([[[0.05, 0.1, 0.02], [0.0, -0.03, -0.1]]])


def test_scaled_orthographic() -> None:
    clip = Camera(torch.tensor([[6.0, 0.01, -0.02]])).to_clip(POINTS)
    expected = [[6 * 0.06, 6 * 0.08, -0.02, 1], [0.06, 6 * -0.05, 0.1, 1]]
    assert torch.allclose(clip[0], torch.tensor(expected))


def test_front_frames_the_embedded_head() -> None:
    clip = Camera.front(2).to_clip(torch.tensor([[[0.09, 0.116, 0], [-0.09, -0.185, 0]]] * 2))
    assert clip[..., :2].abs().max() < 0.95
    assert clip[..., 1].abs().min() > 0.8


def test_a_quarter_turn_shows_the_left_side() -> None:
    """Turned to its own left, the nose points to the viewer's right."""
    camera = Camera.turned([90.0, 0.0], [0.0, 90.0])
    centre, nose = torch.tensor(camera.pivot), torch.tensor([0, 0, 0.1])
    clip = camera.to_clip(torch.stack([centre, centre + nose])[None].expand(2, 2, 3))
    turned, nodded = clip[:, 1] - clip[:, 0]
    assert torch.allclose(turned, torch.tensor([0.6, 0, 0, 0]), atol=1e-6)
    assert torch.allclose(nodded, torch.tensor([0, -0.6, 0, 0]), atol=1e-6)


def test_gradients_reach_angles_and_params() -> None:
    params = torch.tensor([[6.0, 0, 0]], dtype=torch.float64, requires_grad=True)
    yaw, pitch = (torch.tensor([a], dtype=torch.float64, requires_grad=True) for a in (0.3, -0.2))
    torch.autograd.gradcheck(
        lambda params, yaw, pitch: Camera(params, yaw, pitch).to_clip(POINTS.double()),
        (params, yaw, pitch),
    )


def test_yaw_keeps_the_pivot_and_lengths() -> None:
    camera = Camera(torch.tensor([[1.0, 0, 0]]), torch.tensor([math.radians(35)]))
    pivot = torch.tensor(camera.pivot)
    clip = camera.to_clip(torch.stack([pivot, POINTS[0, 0]])[None])[0]
    assert torch.allclose(clip[0, :3], pivot * torch.tensor([1, 1, -1]))
    assert torch.isclose((clip[1] - clip[0]).norm(), (POINTS[0, 0] - pivot).norm())


def test_bad_shapes_are_named() -> None:
    with pytest.raises(ValueError, match="params"):
        Camera(torch.zeros(3))
    with pytest.raises(ValueError, match="params must be a tensor"):
        Camera([[6.0, 0.0, 0.0]])
    with pytest.raises(ValueError, match="pitch must be a tensor"):
        Camera(torch.zeros(1, 3), pitch=0.5)
    with pytest.raises(ValueError, match="yaw"):
        Camera(torch.zeros(2, 3), yaw=torch.zeros(3))
    with pytest.raises(ValueError, match="vertices"):
        Camera.front().to_clip(torch.zeros(5, 3))
    with pytest.raises(ValueError, match="camera"):
        Camera.front(3).to_clip(torch.zeros(2, 5, 3))


def test_perspective() -> None:
    """A point d before the camera lands at cot(fov / 2) offset / d; depth runs from -1 to 1."""
    eye, fov = torch.tensor([[0.01, -0.02, 0.5]]), torch.tensor([0.6])
    clip = PerspectiveCamera(eye, fov).to_clip(POINTS)[0]
    depth = 0.5 - POINTS[0, :, 2]
    expected = (POINTS[0, :, :2] - eye[:, :2]) / depth[:, None] / math.tan(0.3)
    assert torch.allclose(clip[:, :2] / clip[:, 3:], expected)
    assert torch.allclose(clip[:, 3], depth)
    ends = torch.tensor([[[0.0, 0, 0.49], [0, 0, 0.5 - 5.5]]])
    clip = PerspectiveCamera(eye, fov).to_clip(ends)[0]
    assert torch.allclose(clip[:, 2] / clip[:, 3], torch.tensor([-1.0, 1]), atol=1e-5)


def test_perspective_from_afar_is_orthographic() -> None:
    views = [20.0, -50.0], [5.0, 0.0]
    far = PerspectiveCamera.turned(*views, distance=100.0).to_clip(POINTS.expand(2, 2, 3))
    flat = Camera.turned(*views).to_clip(POINTS.expand(2, 2, 3))
    assert torch.allclose(far[..., :2] / far[..., 3:], flat[..., :2], atol=2e-3)


def test_directions_to_the_camera() -> None:
    assert torch.equal(Camera.front().toward(POINTS), torch.tensor([0.0, 0, 1]).expand_as(POINTS))
    camera = PerspectiveCamera(torch.tensor([[0.05, 0.1, 0.52]]), torch.tensor([0.5]))
    assert torch.allclose(camera.toward(POINTS)[0, 0], torch.tensor([0.0, 0, 1]))
    assert torch.allclose(camera.toward(POINTS).norm(dim=-1), torch.ones(1, 2))


def test_gradients_reach_the_perspective_camera() -> None:
    eye = torch.tensor([[0.0, 0.01, 0.6]], dtype=torch.float64, requires_grad=True)
    fov, yaw = (torch.tensor([a], dtype=torch.float64, requires_grad=True) for a in (0.5, 0.3))
    torch.autograd.gradcheck(
        lambda eye, fov, yaw: PerspectiveCamera(eye, fov, yaw).to_clip(POINTS.double()),
        (eye, fov, yaw),
    )


def test_impossible_perspectives_are_named() -> None:
    eye, fov = torch.tensor([[0.0, 0, 1]]), torch.tensor([0.5])
    for name, camera in {
        "eye must have": lambda: PerspectiveCamera(eye[0], fov),
        "eye must lie": lambda: PerspectiveCamera(-eye, fov),
        "fov must have": lambda: PerspectiveCamera(eye, fov[0]),
        "fov must be a tensor": lambda: PerspectiveCamera(eye, 0.4),
        "fov must be": lambda: PerspectiveCamera(eye, fov + 3),
        "pitch": lambda: PerspectiveCamera(eye, fov, pitch=torch.zeros(2)),
    }.items():
        with pytest.raises(ValueError, match=name):
            camera()


@pytest.mark.parametrize("yaw", [None, torch.tensor([0.4]), torch.tensor([0.4, -0.2])])
@pytest.mark.parametrize("pitch", [None, torch.tensor([-0.3])])
def test_a_gradient_changes_nothing_in_clip_space(yaw, pitch) -> None:
    cameras = 1 if yaw is None else len(yaw)
    pitch = None if pitch is None else pitch.repeat(cameras)
    camera = Camera(torch.tensor([[6.0, 0.01, 0.034]]).repeat(cameras, 1), yaw, pitch)
    vertices = torch.randn(2, 50, 3)
    plain = camera.to_clip(vertices)
    assert torch.equal(plain, camera.to_clip(vertices.requires_grad_()).detach())
