"""Fits drawn for visual inspection."""

import numpy as np
import torch

from clipface_cli.head import HeadModel
from clipface_cli.photos.align import whole
from clipface_cli.photos.overlay import close_up, wireframe
from clipface_cli.photos.preprocess import choose
from clipface_cli.photos.squares import Square
from clipface_cli.render import Camera

CAMERA = torch.tensor([[5.0, 0.02, 0.05]])


def test_lines_lie_on_the_head(head: HeadModel) -> None:
    photo = np.full((120, 120, 3), 128, np.uint8)
    drawn = wireframe(photo, head, head.template[None], CAMERA)
    points = Camera(CAMERA).to_clip(head.template[None])[0, :, :2] * torch.tensor([1, -1])
    low, high = ((points.aminmax(dim=0)[i] + 1) * 60 for i in (0, 1))
    rows, columns = np.nonzero((drawn != 128).any(2))
    assert abs(rows.min() - float(low[1])) < 2
    assert abs(rows.max() - float(high[1])) < 2
    assert abs(columns.min() - float(low[0])) < 2
    assert abs(columns.max() - float(high[0])) < 2


def test_close_up_is_the_same_fit_seen_nearer(head: HeadModel) -> None:
    square = Square(200, 150, 300, 0.2)
    closer, camera = close_up(head.template[None], CAMERA, square)
    for index in (0, 1000, 4000):
        vertex = head.template[None, index : index + 1]
        places = []
        for own, view in ((square, CAMERA), (closer, camera)):
            x, y = Camera(view).to_clip(vertex)[0, 0, :2].tolist()
            places.append(np.array([x, -y]) * own.side / 2 @ own.axes + (own.x, own.y))
        assert np.allclose(places[0], places[1], atol=1e-3)
    assert closer.side < square.side
    assert whole(np.zeros((8, 8, 3), np.uint8)) == Square(4, 4, 8)


def test_shown_fits_are_spread_over_the_dataset() -> None:
    faces = [{"status": "kept", "image": str(i)} for i in range(100)]
    rejected = {"status": "rejected", "reason": "blurred"}
    lines = [{"source": f"{i}.jpg", "faces": [rejected, face]} for i, face in enumerate(faces)]
    shown = choose([{"source": "x", "status": "failed"}, *lines], 24)
    assert len(shown) == 24
    assert [row for *_, row in shown][:2] == [0, 4]
    assert shown[-1] == ("99.jpg", faces[99], 99)
    assert choose([], 24) == []
    assert len(choose(lines[:3], 24)) == 3
