"""Colours that a scan shows, as people name them."""

import numpy as np

from clipface_cli.artifacts.scan import Scan

GREEN, RED = (0, 200, 0), (255, 0, 0)


def corner_colours(scan: Scan) -> list[list[tuple[int, ...]]]:
    """8-bit colours near the corners of each face."""
    near = np.full((3, 3), 0.05) + 0.85 * np.eye(3)
    found = [scan.colours(np.full(3, face), near) for face in range(len(scan.faces))]
    levels = [np.round(127.5 * (colours + 1)).astype(int) for colours in found]
    return [[tuple(colour) for colour in colours.tolist()] for colours in levels]


def face_colours(scan: Scan) -> list[tuple[int, ...]]:
    """Colours of faces that have one each."""
    found = [set(colours) for colours in corner_colours(scan)]
    assert all(len(colours) == 1 for colours in found)
    return [colours.pop() for colours in found]
