"""Fitting recovers heads that the model made, in any unit, rotation, position and handedness."""

import pytest
import torch

from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel, HeadParams, fit_vertices
from clipface_cli.head.skinning import rotation_matrices

AXES = {
    "as made": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "z up": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
    "x forward": [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
    "left-handed": [[-1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "swapped": [[1, 0, 0], [0, 0, 1], [0, 1, 0]],
}


def random_head(head: HeadModel, seed: int) -> torch.Tensor:
    """Vertices of a random person with a random expression and jaw."""
    random = torch.Generator().manual_seed(seed)
    pose = torch.zeros(1, 6)
    pose[:, 3:] = 0.15 * torch.randn(1, 3, generator=random)
    shape = torch.randn(1, head.shape_size, generator=random)
    expression = torch.randn(1, head.expression_size, generator=random)
    return head.pose_head(HeadParams(shape, expression, pose))[0]


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("unit", [1000.0, 100.0, 1.0, 0.01])
def test_any_unit_and_axes(head: HeadModel, axes: str, unit: float) -> None:
    vertices = random_head(head, 3)
    turn = rotation_matrices(torch.tensor([0.5, -0.8, 0.3])) @ torch.tensor(AXES[axes]).float()
    fit = fit_vertices(head, unit * vertices @ turn.T + 50 * unit)
    assert fit.max_mm < 0.1
    assert fit.scale == pytest.approx(unit, rel=0.02)
    assert fit.mirrored == (torch.det(torch.tensor(AXES[axes]).float()) < 0)
    again = fit.scale * head.pose_head(fit.params)[0] @ fit.rotation.T + fit.translation
    assert (again - unit * vertices @ turn.T - 50 * unit).norm(dim=1).max() < 5e-4 * unit


@pytest.mark.parametrize("angle", [-60, 60])
@pytest.mark.parametrize("axis", range(3))
def test_sixty_degrees_about_every_axis(head: HeadModel, axis: int, angle: float) -> None:
    turn = torch.zeros(3)
    turn[axis] = torch.pi / 180 * angle
    fit = fit_vertices(head, random_head(head, axis) @ rotation_matrices(turn).T)
    assert fit.mean_mm < 0.05
    assert fit.max_mm < 0.5


def test_refusals_tell_the_numbers(head: HeadModel) -> None:
    with pytest.raises(InputError, match="5023 vertices, this head has 4768"):
        fit_vertices(head, torch.rand(5023, 3))
    shuffled = head.template[torch.randperm(len(head.template))]
    with pytest.raises(InputError, match=r"mean residual \d+\.\d mm.*vertex order"):
        fit_vertices(head, shuffled)
    with pytest.raises(InputError, match="not finite"):
        fit_vertices(head, head.template * torch.nan)
    with pytest.raises(InputError, match="one place"):
        fit_vertices(head, torch.zeros_like(head.template))
