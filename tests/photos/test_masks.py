"""Masks: the part of a photo that is left."""

import numpy as np
import torch
from stub_encoder import StubEncoder

from clipface_cli.head import HeadModel
from clipface_cli.photos import find_faces
from clipface_cli.photos.align import crop, face_square, move_face
from clipface_cli.photos.masks import INNER_LIPS, HeadMask, cover, inside_lips
from clipface_cli.render import Camera, Renderer

SIZE = 160


def test_mask_is_the_heads_render(head: HeadModel, astronaut: np.ndarray) -> None:
    photo_face = find_faces(astronaut)[0]
    square = face_square(photo_face)
    image, face = crop(astronaut, square, SIZE), move_face(photo_face, square, SIZE)
    encoded = StubEncoder(head).encode(image[None], [face])
    vertices = head.pose_head(encoded.params)
    mask = HeadMask(head, SIZE)(vertices, encoded.camera, [face])[0]
    exclude = ("mouth_interior", "teeth", "tongue")
    rendered = Renderer(head, SIZE, exclude=exclude)(
        vertices, torch.zeros(1, 3, 2, 2), Camera(encoded.camera)
    )[1][0]
    mouth = torch.from_numpy(inside_lips(face, SIZE)) > 0
    assert torch.equal(mask[0][~mouth], rendered[0][~mouth])
    assert 0 < float(((mask > 0) & (mask < 1)).float().mean()) < 0.05  # a thin soft edge
    left = cover(image, mask)
    assert (left[0, 0] == 255).all()
    assert (left[SIZE // 2, SIZE // 2] == image[SIZE // 2, SIZE // 2]).all()
    middle = face.points[list(INNER_LIPS), :2].mean(0).astype(int)
    assert (left[middle[1], middle[0]] == 255).all()  # she smiles: the mouth is open


def test_hair_is_removed_from_the_face_only(head: HeadModel, astronaut: np.ndarray) -> None:
    face = find_faces(astronaut)[0]
    face = move_face(face, face_square(face), SIZE)
    encoded = StubEncoder(head).encode(np.zeros((1, SIZE, SIZE, 3), np.uint8), [face])
    vertices, everywhere = head.pose_head(encoded.params), torch.ones(1, SIZE, SIZE)
    build = HeadMask(head, SIZE)
    bare = build(vertices, encoded.camera, [face])[0, 0]
    hairy = build(vertices, encoded.camera, [face], everywhere)[0, 0]
    nose = face.points[1, :2].astype(int)
    assert bare[nose[1], nose[0]] == 1
    assert hairy[nose[1], nose[0]] == 0
    assert float(hairy.sum()) > 0.1 * float(bare.sum())  # scalp, ears and neck stay


def test_closed_lips_hide_nothing(astronaut: np.ndarray) -> None:
    face = find_faces(astronaut)[0]
    open_area = inside_lips(face, 512).sum()
    face.points[list(INNER_LIPS[11:]), :2] = face.points[list(INNER_LIPS[1:10][::-1]), :2]
    assert inside_lips(face, 512).sum() < 0.35 * open_area
