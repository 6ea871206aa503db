import numpy as np
import pytest
import torch
from painted import PALE, long_haired

from clipface_cli.geometry import vertex_normals
from clipface_cli.head import HeadModel
from clipface_cli.portrait import DressedHead
from clipface_cli.render import Camera, Renderer

BALD = np.full((64, 64, 3), PALE, np.uint8)


@pytest.fixture(scope="module")
def surface(head: HeadModel) -> DressedHead:
    return DressedHead(head)


def test_a_bare_head_keeps_its_shape(head: HeadModel, surface: DressedHead) -> None:
    painted = surface.painted(BALD)
    assert painted.length == 0
    worn = surface.with_hair(head.template, painted)
    assert torch.equal(worn[: len(head.template)], head.template)
    hair = worn[len(head.template) + surface.edges :]
    assert (hair - hair[0]).abs().max() < 1e-6


def test_long_hair_hangs_and_covers_the_ears(head: HeadModel, surface: DressedHead) -> None:
    painted = surface.painted(long_haired(head, 40))
    assert painted.length == 1
    worn = surface.with_hair(head.template, painted)
    own, hair = worn[: len(head.template)], worn[len(head.template) + surface.edges :]
    ears = head.masks["ears"] > 0.5
    assert own[ears, 0].abs().max() < head.template[ears, 0].abs().max() - 0.005
    assert hair[:, 1].min() < head.template[ears, 1].min() - 0.05
    left, right = hair.chunk(2)
    back = hair[:, 2] < hair[:, 2].min() + 0.01
    assert left[back.chunk(2)[0], 0].min() < 0 < right[back.chunk(2)[1], 0].max()  # no gap behind


def test_a_renderer_draws_it(head: HeadModel, surface: DressedHead) -> None:
    worn = surface.with_hair(head.template, surface.painted(long_haired(head, 40)))
    texture = torch.zeros(1, 3, 8, 8)
    _, alpha = Renderer(surface, 64)(worn[None] - head.origin, texture, Camera.turned(0))
    _, bald = Renderer(head, 64)(head.template[None] - head.origin, texture, Camera.turned(0))
    assert alpha.sum() > 1.05 * bald.sum()


def test_fronts_of_teeth_are_not_shaded_as_their_undersides(
    head: HeadModel, surface: DressedHead
) -> None:
    vertices = surface.with_hair(head.template, surface.painted(BALD)).double().numpy()
    faces = surface.faces[~surface.hair].numpy()
    corners = vertices[faces]
    own = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    own /= np.linalg.norm(own, axis=1, keepdims=True) + 1e-12
    teeth = (head.masks["teeth"][head.faces] > 0.5).all(1).numpy()
    middle = teeth & (own[:, 2] > 0.7) & (np.abs(corners[:, :, 0].mean(1)) < 0.012)
    assert vertex_normals(vertices, faces)[faces[middle]][..., 2].min() > 0.6
