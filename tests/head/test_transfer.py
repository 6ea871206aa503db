"""Regions and units carried to a head of another topology."""

import torch

from clipface_cli.head import HeadModel
from clipface_cli.head.skinning import rotation_matrices
from clipface_cli.head.transfer import Transfer


def test_moved_and_remeshed_head_gets_its_own_back(head: HeadModel) -> None:
    """Face centres stand in for another head's vertices; their truth is the corners' mean."""
    turn = rotation_matrices(torch.tensor([0.1, 0.3, -0.2]))
    shift = torch.tensor([0.1, 1.5, 0.2])
    corners = head.template[head.faces].mean(1)
    vertices = torch.cat([head.template, corners]) @ turn.T * 1.1 + shift
    joints = head.joint_template @ turn.T * 1.1 + shift
    centre = torch.arange(len(corners)) + len(head.template)
    a, b, c = head.faces.unbind(1)
    fans = [torch.stack(pair, 1) for pair in ((a, b, centre), (b, c, centre), (c, a, centre))]
    transfer = Transfer(head, vertices, torch.cat(fans), joints)
    for name in ("lips", "nose", "scalp", "neck"):
        truth = head.masks[name][head.faces].mean(1)
        assert (transfer.masks()[name][len(head.template) :] - truth).abs().mean() < 0.01
    truth = head.units["jawOpen"][head.faces].mean(1) @ turn.T * 1.1
    carried = transfer.units()["jawOpen"][len(head.template) :]
    skin = (head.masks["skin"][head.faces] > 0.9).all(1)
    assert (carried - truth)[skin].norm(dim=1).mean() < 2e-4
