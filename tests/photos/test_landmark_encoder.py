"""The landmark encoder on points of known heads, and on photos."""

import numpy as np
import pytest
import torch

from clipface_cli.head import HeadModel
from clipface_cli.photos import Face, find_faces, load_encoder
from clipface_cli.photos._points import Placement, PointModel
from clipface_cli.photos.encoder import landmark_vertices, project
from clipface_cli.photos.landmark_encoder import FitSettings, LandmarkEncoder

HEADS = 4


@pytest.fixture(scope="module")
def known(head: HeadModel) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Parameters and cameras of heads, and their landmarks (B, 468, 3) in camera space."""
    random = torch.Generator().manual_seed(3)
    pose = 0.2 * torch.randn(HEADS, 6, generator=random)
    pose[:, 3:] = torch.rand(HEADS, 3, generator=random) * torch.tensor([0.2, 0.02, 0.02])
    rows = {
        "shape": 0.8 * torch.randn(HEADS, head.shape_size, generator=random),
        "expression": 0.8 * torch.randn(HEADS, head.expression_size, generator=random),
        "pose": pose,
        "camera": torch.tensor([[6.0, 0.01, 0.03]])
        + 0.01 * torch.randn(HEADS, 3, generator=random),
    }
    vertices = head(rows["shape"], rows["expression"], rows["pose"])
    return rows, project(landmark_vertices(head, vertices), rows["camera"])


def test_embedding(head: HeadModel) -> None:
    corners, weights = head.landmarks["mediapipe"]
    assert corners.shape == weights.shape == (468, 3)
    assert torch.allclose(weights.sum(1), torch.ones(468), atol=1e-5)
    assert bool((weights >= 0).all())
    points = landmark_vertices(head, head.template[None])[0]
    nose, chin, left, right = (points[i] for i in (1, 152, 33, 263))
    assert nose[2] > points[[33, 263, 152, 10], 2].max()
    assert chin[1] < points[[13, 14, 1], 1].min()
    assert torch.allclose(left, right * torch.tensor([-1.0, 1, 1]), atol=2e-3)
    assert bool((head.masks["lips"][corners[[0, 17]]].amax(1) > 0.5).all())
    assert float(points[13, 1]) > float(points[14, 1])  # upper above lower lip
    mirrored = points * torch.tensor([-1.0, 1, 1])
    assert float(torch.cdist(mirrored, points).amin(1).max()) < 2e-3


def test_exact_points_give_the_head_back(
    head: HeadModel, known: tuple[dict[str, torch.Tensor], torch.Tensor]
) -> None:
    rows, points = known
    encoded = LandmarkEncoder(head, FitSettings(noise=2e-4)).encode_points(points)
    again = project(landmark_vertices(head, head.pose_head(encoded.params)), encoded.camera)
    missed = (again - points)[..., :2].norm(dim=-1) / rows["camera"][:, :1]
    assert float(missed.mean()) < 2e-4  # metres
    assert float(encoded.residual.max()) < 3e-3
    assert torch.allclose(encoded.params.pose[:, :3], rows["pose"][:, :3], atol=0.03)


def test_slopes_are_derivatives(head: HeadModel) -> None:
    model = PointModel(head)
    random = torch.Generator().manual_seed(1)
    at = Placement(
        0.5 * torch.randn(2, model.size, generator=random),
        0.1 * torch.randn(2, 3, generator=random),
        torch.linalg.qr(torch.randn(2, 3, 3, generator=random))[0],
        torch.tensor([5.0, 7.0]),
        torch.randn(2, 3, generator=random),
    )
    step = torch.randn(2, model.size + 10, generator=random) * 1e-3
    change = (model.points(at.moved(step)) - model.points(at.moved(-step))) / 2
    slope = torch.einsum("bnck,bk->bnc", model.slopes(at), step) * at.scale[:, None, None]
    assert float((change - slope).norm() / change.norm()) < 0.01


def test_a_clip_has_one_shape(
    head: HeadModel, known: tuple[dict[str, torch.Tensor], torch.Tensor]
) -> None:
    rows, _ = known
    person = rows["shape"][:1].expand(HEADS, -1)
    vertices = head(person, rows["expression"], rows["pose"])
    points = project(landmark_vertices(head, vertices), rows["camera"])
    pixels = (points * torch.tensor([1.0, -1, -1]) + torch.tensor([1.0, 1, 0])) * 128
    faces = [Face(p.numpy(), 1.0, np.zeros(4, np.float32)) for p in pixels]
    image = np.zeros((256, 256, 3), np.uint8)
    encoder = LandmarkEncoder(head, FitSettings(noise=2e-4))
    encoded = encoder.encode_clip([(image, face) for face in faces])
    assert torch.equal(encoded.params.shape, encoded.params.shape[:1].expand(HEADS, -1))
    assert float(encoded.residual.max()) < 6e-3


def test_astronaut(astronaut: np.ndarray) -> None:
    encoder = load_encoder()
    encoded = encoder.encode(astronaut[None], find_faces(astronaut))
    assert float(encoded.residual) < 0.03
    assert encoded.params.shape.abs().max() < 4
