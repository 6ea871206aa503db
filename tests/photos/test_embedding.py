"""Embedding landmarks: points seen on a head's pictures come back to where they lie on it."""

import numpy as np
import pytest
import torch

from clipface_cli.errors import ClipfaceError
from clipface_cli.head import HeadModel
from clipface_cli.photos import Face, embedding
from clipface_cli.photos.embedding import Sighting, embed_landmarks, mirror_pairs
from clipface_cli.photos.encoder import landmark_vertices
from clipface_cli.render import Camera

SIZE = 256


def test_seen_points_come_back(head: HeadModel, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    for yaw in (-35.0, 0.0, 35.0):
        camera = Camera.turned(yaw)
        clip = camera.to_clip(head.template[None])
        screen = (clip[0, :, :3] * torch.tensor([1, -1, 1]) + torch.tensor([1, 1, 0])) * SIZE / 2
        points = landmark_vertices(head, screen[None])[0].numpy()
        points += np.random.default_rng(0).normal(0, 0.1, points.shape).astype(np.float32)
        shown.append((screen.numpy(), Face(points, 1.0, np.zeros(4, np.float32))))
    faces = iter([face for _, face in shown])
    monkeypatch.setattr(embedding, "find_faces", lambda image, limit: [next(faces)])
    blank = np.zeros((SIZE, SIZE, 3), np.uint8)
    corners, weights = embed_landmarks(head, [Sighting(blank, s, True) for s, _ in shown])
    again = torch.einsum("nkc,nk->nc", head.template[corners], weights)
    wanted = landmark_vertices(head, head.template[None])[0]
    missed = (again - wanted).norm(dim=1) * 1000
    assert float(missed.median()) < 1.0  # millimetres; a pixel is 1.3


def test_mirror_pairs_go_both_ways() -> None:
    places = np.array([[1.0, 0, 0], [0, 2, 0], [-1.1, 0.1, 0], [0.5, 3, 1], [-0.5, 3, 1]])
    assert mirror_pairs(places).tolist() == [2, 1, 0, 4, 3]


def test_a_head_never_seen(head: HeadModel) -> None:
    with pytest.raises(ClipfaceError, match="without pictures"):
        embed_landmarks(head, [])
    blank = np.zeros((SIZE, SIZE, 3), np.uint8)
    with pytest.raises(ClipfaceError, match="468 landmarks were never seen"):
        embed_landmarks(head, [Sighting(blank, head.template.numpy(), True)])
