"""The registry of backends: one more is one entry."""

from types import SimpleNamespace

import pytest
import torch

from clipface_cli.errors import InputError
from clipface_cli.render import Camera, Renderer
from clipface_cli.render.backends import BACKENDS, Backend, backend_of, cpu, drawing_on


def toy_backend(drawn: list[torch.Size]) -> Backend:
    """The CPU's operations one by one, except that every texture is grey; records rasterising."""

    def rasterize_front(pos, tri, resolution):
        drawn.append(pos.shape)
        return cpu.rasterize_front(pos, tri, resolution)

    def texture(lookup):
        return cpu.texture(lookup) * 0

    changed = {"fused": None, "rasterize_front": rasterize_front, "texture": texture}
    return SimpleNamespace(**{name: getattr(cpu, name) for name in cpu.__all__} | changed)


def test_a_toy_backend_is_one_entry(sphere, monkeypatch: pytest.MonkeyPatch) -> None:
    head, drawn = sphere(), []
    camera = Camera(torch.tensor([[8.0, 0.005, -0.01]]))
    with pytest.raises(InputError, match=r"no render backend 'toy'; choose auto, cpu or cuda\."):
        Renderer(head, 32, backend="toy")
    monkeypatch.setitem(BACKENDS, "toy", toy_backend(drawn))
    vertices = head.template[None].clone().requires_grad_()
    image, alpha = Renderer(head, 32, backend="toy")(vertices, torch.ones(1, 3, 8, 8), camera)
    _, expected = Renderer(head, 32)(vertices, torch.ones(1, 3, 8, 8), camera)
    assert drawn == [(*vertices.shape[:2], 4)]
    assert image[0, :, 16, 16].tolist() == [0, 0, 0]
    assert image[0, :, 0, 0].tolist() == [1, 1, 1]
    assert torch.allclose(alpha, expected, atol=1e-5)
    image.sum().backward()
    assert vertices.grad.abs().sum() > 0


def test_a_backend_may_bring_a_new_device(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="No render backend draws on meta"):
        backend_of(torch.device("meta"))
    toy = SimpleNamespace(device="meta", available=lambda: True)
    monkeypatch.setitem(BACKENDS, "toy", toy)
    assert backend_of(torch.device("meta")) is toy
    assert backend_of(torch.device("cpu")) is cpu
    drawing_on.cache_clear()
    assert drawing_on("meta") is toy
    drawing_on.cache_clear()
