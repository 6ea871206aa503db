"""Find the face of a scan: the landmark network on its renders from several sides."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import torch
from numpy.typing import NDArray

from clipface_cli.artifacts.scan import Scan
from clipface_cli.errors import InputError
from clipface_cli.geometry.similarity import similarity
from clipface_cli.head import HeadModel
from clipface_cli.head.register import Landmarks
from clipface_cli.photos.embedding import Sighting, Skin, robust_mean
from clipface_cli.photos.encoder import landmark_vertices
from clipface_cli.photos.landmarks import POINTS, find_faces
from clipface_cli.portrait import draw_scan, screen_of
from clipface_cli.render import Camera

VIEWS = tuple(product((-30.0, 0.0, 30.0), (-10.0, 10.0)))  # yaw, pitch in degrees
ROUNDS = 2  # the second renders the face as the first placed it
RESOLUTION = 512
CERTAIN = 0.98  # score of a face at which no other side is tried
LEAST = 200  # landmarks that must be seen
FAR = 0.015  # metres from the mean head's landmark: a place seen through the mouth, or no face
_FRAME = torch.tensor([[6.0, 0.0, 0.0]])  # a metre cube's third, all of a scan of unit radius
_RADIUS = 0.15  # metres, assumed for a scan until its face is found

Array = NDArray[np.float64]


def locate_face(scan: Scan, head: HeadModel) -> tuple[Scan, Landmarks]:
    """The scan brought to the head's size, place and orientation; the landmarks seen on it.

    Landmarks are N points (N, 3) in metres, with the head's corners (N, 3) and weights (N, 3).

    Raises InputError when no side of the scan shows a face, when too few landmarks lie on it, and
    when the head has no landmarks.
    """
    if "mediapipe" not in head.landmarks:
        raise InputError(f"The head {head.head_id} has no landmarks to find on a scan.")
    wanted = landmark_vertices(head, head.template[None])[0].double().numpy()
    placed, places, seen = _first_look(scan)
    placed, places = _aligned(placed, places, wanted, seen)
    for _ in range(ROUNDS):
        places, seen = _look_around(placed)
        if int((seen > 0).sum()) < LEAST:
            break
        placed, places = _aligned(placed, places, wanted, seen)
        seen = seen * (np.linalg.norm(places - wanted, axis=1) < FAR)
    found = np.flatnonzero(seen > 0)
    if len(found) < LEAST:
        raise InputError(
            f"Only {len(found)} of {POINTS} landmarks lie on the scan, {LEAST} are needed; is "
            "its face whole and its texture the right one?"
        )
    corners, weights = head.landmarks["mediapipe"]
    return _outward(placed), Landmarks(
        corners[found], weights[found], torch.from_numpy(places[found])
    )


def _first_look(scan: Scan) -> tuple[Scan, Array, Array]:
    """The scan turned so that a face is seen, and the landmarks' places on it and weights."""
    low, high = scan.vertices.min(0), scan.vertices.max(0)
    centred = scan.vertices - (low + high) / 2
    centred *= _RADIUS / max(np.linalg.norm(centred, axis=1).max(), 1e-30)
    best, best_score = None, 0.0
    for turn in _turns():
        turned = replace(scan, vertices=centred @ turn.T)
        image = draw_scan(turned, Camera(_FRAME), RESOLUTION)
        faces = find_faces(image, limit=1)
        if faces and faces[0].score > best_score:
            best, best_score = turned, faces[0].score
        if best_score > CERTAIN:
            break
    if best is None:
        raise InputError(
            "No face is found on the scan from any side; is it a head, and its texture the right "
            "one?"
        )
    return best, *_seen(best, Camera(_FRAME))


def _look_around(placed: Scan) -> tuple[Array, Array]:
    """Places (468, 3) of the landmarks on the scan, and weights (468,), over several views."""
    sightings = [_seen(placed, Camera.turned(yaw, pitch)) for yaw, pitch in VIEWS]
    places, weights = (np.stack(part) for part in zip(*sightings, strict=True))
    total = weights.sum(0)
    found = np.zeros((POINTS, 3))
    on = total > 0
    found[on] = robust_mean(places[:, on], weights[:, on])
    return found, total


def _seen(placed: Scan, camera: Camera) -> tuple[Array, Array]:
    skin = Skin(placed.vertices, placed.faces, np.ones(len(placed.faces), np.bool_))
    image = draw_scan(placed, camera, RESOLUTION)
    return skin.places(Sighting(image, screen_of(placed, camera, RESOLUTION), True))


def _aligned(scan: Scan, places: Array, wanted: Array, seen: Array) -> tuple[Scan, Array]:
    """Scan and places moved by the similarity that brings the places to `wanted` (468, 3)."""
    on = seen > 0
    source, target = torch.from_numpy(places[on]), torch.from_numpy(wanted[on])
    for _ in range(3):
        placing = similarity(source, target)
        off = (placing.apply(source) - target).norm(dim=1)
        near = off < 2.5 * off.median()
        source, target = source[near], target[near]
    vertices, moved = (
        placing.apply(torch.from_numpy(points)).numpy() for points in (scan.vertices, places)
    )
    return replace(scan, vertices=vertices), moved


def _outward(placed: Scan) -> Scan:
    """The scan with its triangles counter-clockwise as seen from outside, as the head has them."""
    a, b, c = placed.vertices[placed.faces].transpose(1, 0, 2)
    outward = np.einsum("fc,fc->", a, np.cross(b, c)) >= 0
    return placed if outward else placed.inside_out()


def _turns() -> list[Array]:
    """The 24 rotations of a cube, first those that formats and programs make likely."""
    turns = []
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            turn = np.zeros((3, 3))
            turn[range(3), order] = signs
            if np.linalg.det(turn) > 0:
                turns.append(turn)
    return sorted(turns, key=lambda turn: -turn[1, 1] - 0.5 * turn[1, 2] - 0.1 * turn[2, 2])
