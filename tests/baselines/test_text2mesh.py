"""The parts of Text2Mesh: mesh, colours, augmentations, displacements."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from clipface_cli.baselines import Text2Mesh, TexturedHead
from clipface_cli.baselines.augment import Augmentation, homography
from clipface_cli.baselines.clip_loss import embed_text
from clipface_cli.baselines.text2mesh import Text2MeshRun, displaced
from clipface_cli.baselines.vertex_colours import FineMesh, VertexColours
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.render import Camera, Renderer


def test_about_60000_vertices(head: HeadModel) -> None:
    vertices = head.template[None]
    mesh = FineMesh.of_head(head, vertices, 60_000)
    assert 45_000 < mesh.vertices.shape[1] < 80_000
    assert torch.allclose(mesh.vertices[:, : len(head.template)], vertices)
    few = FineMesh.of_head(head, vertices, 1)
    assert torch.equal(few.faces, head.faces)


def test_the_surface_stays(head: HeadModel) -> None:
    """Also as it is textured."""
    texture = torch.rand(1, 3, 64, 64)
    mesh = FineMesh.of_head(head, head.template[None], 20_000)
    front = Camera.front()
    before, _ = Renderer(head, 64)(head.template[None], texture, front)
    after, _ = Renderer(mesh, 64)(mesh.vertices, texture, front)
    assert (before - after).abs().mean() < 2e-3


def test_colours_become_a_texture_and_back(head: HeadModel) -> None:
    mesh = FineMesh.of_head(head, head.template[None], 20_000)
    baker = VertexColours(mesh, 256)
    smooth = (10 * mesh.vertices[0]).clamp(-1, 1).requires_grad_()  # alike across seams
    texture = baker.bake(smooth)
    assert texture.shape == (1, 3, 256, 256)
    assert (baker.read(texture) - smooth).abs().mean() < 0.01
    texture.sum().backward()
    assert smooth.grad is not None
    assert smooth.grad.sum() == pytest.approx(3 * 256 * 256, rel=1e-4)  # weights of a texel: 1


def test_pretraining_predicts_the_texture(start: TexturedHead) -> None:
    """T_init is what the network begins with."""
    settings = Text2Mesh(vertices=1, pretraining_steps=150, width=64, sigma=0.5)
    rows = torch.linspace(-0.9, 0.9, 32)
    start = replace(start, texture=rows[:, None].expand(1, 3, 32, 32))  # left and right alike
    run = Text2MeshRun(settings, start, None, torch.ones(1, 3), 0)
    wanted = run.colours.read(start.texture)
    untaught = (run.field(run.features)[0] - wanted).abs().mean()
    run.pretrain()
    assert (run.field(run.features)[0] - wanted).abs().mean() < untaught / 3


def test_a_homography() -> None:
    corners = torch.tensor([[-0.9, -1], [0.8, -0.7], [1, 0.6], [-1, 1]]).double()
    places = torch.cat([corners, torch.ones(4, 1)], 1).double() @ homography(corners).T
    square = [[-1, -1], [1, -1], [1, 1], [-1, 1]]
    assert torch.allclose(places[:, :2] / places[:, 2:], torch.tensor(square).double())


def test_a_perspective_is_what_pillow_draws() -> None:
    corners = torch.tensor([[-0.9, -1], [0.8, -0.7], [1, 0.6], [-1, 0.9]]).double()
    stub = replace(Augmentation(), aspect=1.0)
    object.__setattr__(stub, "corners", lambda random: corners)
    ramp = torch.linspace(-0.9, 0.5, 64)
    picture = torch.stack(
        [ramp.expand(64, 64), ramp[:, None].expand(64, 64), 0 * ramp.expand(64, 64)]
    )
    found = stub(picture[None], torch.Generator())[0]
    matrix = homography(corners)
    to_pixels = torch.tensor([[32.0, 0, 32], [0, 32, 32], [0, 0, 1]]).double()
    whole = to_pixels @ matrix @ to_pixels.inverse()
    factors = (whole / whole[2, 2]).flatten()[:8].tolist()
    for plane, drawn in zip(picture, found, strict=True):
        image = Image.fromarray(plane.numpy())
        how = Image.Transform.PERSPECTIVE, factors, Image.Resampling.BILINEAR
        wanted = np.asarray(image.transform((64, 64), *how, fillcolor=1.0))
        assert np.abs(wanted - drawn.numpy())[4:-4, 4:-4].mean() < 0.02


def test_augmentations() -> None:
    """A whole picture stays; a crop shows its share, inside the picture."""
    random, picture = torch.Generator().manual_seed(0), torch.rand(2, 3, 32, 32)
    assert torch.allclose(Augmentation(probability=0)(picture, random), picture, atol=1e-5)
    for _ in range(20):
        left, top, width, height = Augmentation(0.4).crop(random)
        assert width * height == pytest.approx(0.4)
        assert min(left, top) >= 0
        assert max(left + width, top + height) <= 1
        assert 3 / 4 <= width / height <= 4 / 3
    distorted = Augmentation(0.4, probability=1)(picture, random)
    assert (distorted == 1).any()
    assert not torch.equal(distorted[0], distorted[1])


def test_displaced_vertices(head: HeadModel) -> None:
    """Of a posed head, also one that was displaced before."""
    params = HeadParams.neutral()
    params.pose[0, 1], params.pose[0, 3] = 0.4, 0.2
    params.displacement = 1e-3 * torch.randn(1, *head.template.shape)
    offsets = 1e-3 * torch.randn(*head.template.shape)
    moved = head.pose_head(displaced(head, params, offsets))
    assert torch.allclose(moved, head.pose_head(params) + offsets, atol=1e-6)


def test_text_embeddings_have_length_one(colour: object) -> None:
    assert embed_text(colour, ["red", "blue"]).norm(dim=1).tolist() == pytest.approx([1, 1])
