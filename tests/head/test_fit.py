"""Fitting recovers heads that the model made, under rotation, scale and shift."""

import pytest
import torch

from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel, HeadParams, fit_vertices
from clipface_cli.head.skinning import rotation_matrices

HEAD = HeadModel.load("builtin")


def random_params(seed: int) -> HeadParams:
    generator = torch.Generator().manual_seed(seed)
    pose = torch.zeros(1, 6)
    pose[0, 3] = 0.1
    return HeadParams(
        torch.randn(1, 100, generator=generator), torch.randn(1, 50, generator=generator), pose
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_recovers_vertices_in_millimetres_turned_and_shifted(seed: int) -> None:
    vertices = HEAD.pose_head(random_params(seed))[0]
    turn = rotation_matrices(torch.tensor([0.2, 0.9, -0.1]))
    fit = fit_vertices(HEAD, 1000 * vertices @ turn.T + torch.tensor([50.0, -20.0, 10.0]))
    assert fit.mean_mm < 0.1
    assert fit.scale == pytest.approx(1000, rel=0.02)


def test_other_topology_and_shuffled_vertices_are_refused() -> None:
    with pytest.raises(InputError, match="5023 vertices"):
        fit_vertices(HEAD, torch.rand(5023, 3))
    shuffled = HEAD.template[torch.randperm(len(HEAD.template))]
    with pytest.raises(InputError, match="vertex order"):
        fit_vertices(HEAD, shuffled)
