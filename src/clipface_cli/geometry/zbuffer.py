"""Depth buffers of the nearest triangles: no gradients, one sample a pixel, every core."""

import math

import numpy as np
from numpy.typing import NDArray

from clipface_cli.geometry.jit import Array, device, kernel, parallel

FAR = np.float32(1e30)  # depth of an empty pixel
BANDS = 8  # of rows, drawn at the same time


@device
def draw(
    points: Array, faces: Array, depth: Array, ids: Array, first_row: int, last_row: int
) -> None:
    """Draw triangles, counter-clockwise on screen, into `depth` (smaller is nearer) and `ids`.

    `points` (V,3) holds pixel x, pixel y (down) and depth; rows outside [first_row, last_row)
    are left alone, so that bands can be drawn by different threads.
    """
    width = depth.shape[1]
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        ax, ay, az = points[a, 0], points[a, 1], points[a, 2]
        bx, by, bz = points[b, 0], points[b, 1], points[b, 2]
        cx, cy, cz = points[c, 0], points[c, 1], points[c, 2]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area >= 0:  # facing away (y points down)
            continue
        top = max(first_row, math.ceil(min(ay, by, cy) - 0.5))
        bottom = min(last_row - 1, math.floor(max(ay, by, cy) - 0.5))
        left = max(0, math.ceil(min(ax, bx, cx) - 0.5))
        right = min(width - 1, math.floor(max(ax, bx, cx) - 0.5))
        if top > bottom or left > right:
            continue
        inverse = 1 / area
        step0, step1 = (by - cy) * inverse, (cy - ay) * inverse
        for y in range(top, bottom + 1):
            py = y + 0.5
            px = left + 0.5
            w0 = ((bx - px) * (cy - py) - (cx - px) * (by - py)) * inverse
            w1 = ((cx - px) * (ay - py) - (ax - px) * (cy - py)) * inverse
            for x in range(left, right + 1):
                w2 = 1 - w0 - w1
                if w0 >= 0 and w1 >= 0 and w2 >= 0:
                    z = w0 * az + w1 * bz + w2 * cz
                    if z < depth[y, x]:
                        depth[y, x] = z
                        ids[y, x] = t
                w0 += step0
                w1 += step1


@kernel
def _draw_bands(
    tasks: tuple[int, int], points: Array, faces: Array, depth: Array, ids: Array
) -> None:
    rows = (depth.shape[0] + BANDS - 1) // BANDS
    for band in range(*tasks):
        draw(points, faces, depth, ids, band * rows, min(depth.shape[0], (band + 1) * rows))


def nearest(
    points: NDArray[np.float32], faces: NDArray[np.int32], height: int, width: int
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Depth (H,W), `FAR` where empty, and triangle index (H,W), -1 where empty.

    points: (V,3) pixel x, pixel y (down) and depth; faces: (F,3), those facing away are not drawn.
    """
    depth = np.full((height, width), FAR, np.float32)
    ids = np.full((height, width), -1, np.int32)
    parallel(_draw_bands, BANDS, np.ascontiguousarray(points), faces, depth, ids)
    return depth, ids
