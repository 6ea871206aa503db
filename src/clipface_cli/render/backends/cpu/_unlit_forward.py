"""Kernels that paint unlit heads: rasterise, interpolate and sample one row at a time."""

from typing import Any

import numpy as np

from clipface_cli.geometry.jit import Array, device, kernel, parallel
from clipface_cli.render.backends.cpu._raster import inner
from clipface_cli.render.backends.cpu._silhouettes import blend, find_edges
from clipface_cli.render.backends.cpu._unlit_setup import (
    ONE,
    Planes,
    Triangles,
    empty_setups,
    next_texels,
    set_up_triangle,
    texel_at,
    weights_at,
)
from clipface_cli.render.backends.cpu._visibility import (
    BANDS,
    band,
    fill_band,
    plan,
    whole,
    workspace,
)


def upright(planar: Array) -> Array:
    """(B, C, H, W) with row 0 at the top, seen as the operations' (B, H, W, C) from below."""
    return planar[:, :, ::-1].transpose(0, 2, 3, 1)


def paint(
    pos: Array, triangles: Triangles, tex: Array, background: Array, out: Any
) -> tuple[tuple[Array, Array, Array], Array, Array]:
    """Fill ids, uv (unless empty) where something is seen, image and alpha.

    Returns the blended edges, and the differences that `blend` returns of the image and of alpha.
    """
    (tri, opposite, _), (ids, _, image, alpha) = triangles, out
    planned = plan(pos, tri, whole(ids.shape[0], tri), ids.shape[1], ids.shape[2], True)
    mesh = pos, triangles, tex, background
    parallel(_paint_bands, len(ids) * BANDS, *mesh, planned, out)
    edges = find_edges(ids, pos, tri, opposite, True)
    return edges, blend(upright(image), *edges), blend(upright(alpha), *edges)


@kernel
def _paint_bands(
    tasks: tuple[int, int],
    pos: Array,
    triangles: Triangles,
    tex: Array,
    background: Array,
    planned: Any,
    out: Any,
) -> None:
    (tri, _, corners), (ids, uv, image, alpha) = triangles, out
    height, width = ids.shape[1:]
    texels = tex.reshape((tex.shape[0], 3, tex.shape[2] * tex.shape[3]))
    size = tex.shape[2], tex.shape[3]
    work, scratch = workspace(height, width), np.empty((width, 2), np.float32)
    prepared = empty_setups(tri)
    for task in range(*tasks):
        b, rows = task // BANDS, band(task % BANDS, height)
        fill_band(pos, tri, planned, b, rows, (height, width), True, work)
        mesh = pos[b], tri, corners, prepared, task
        behind = background[b % background.shape[0]]
        for y in range(*rows):
            top = height - 1 - y
            for x in range(width):
                ids[b, y, x] = work[0][y - rows[0], x]
            seen, sky = ids[b, y], behind[:, min(top, behind.shape[1] - 1)]
            for c in range(3):
                _clear_row(sky[c], image[b, c, top])
            place = uv[b, y] if uv.shape[0] > 0 else scratch
            _place_row(mesh, seen, (2 * y + 1) / height - 1, place)
            target = image[b, 0, top], image[b, 1, top], image[b, 2, top]
            _paint_row(seen, place, texels[b % tex.shape[0]], size, target, alpha[b, 0, top])


@device
def _clear_row(background: Array, row: Array) -> None:
    """Fill a row with one value or with as many as it has."""
    if background.shape[0] == 1:
        value = background[0]
        for x in range(row.shape[0]):
            row[x] = value
    else:
        row[:] = background


@device
def _place_row(mesh: Any, ids: Array, fy: float, uv: Array) -> None:
    """Write the UV (W, 2) of the pixels of one row."""
    pos, tri, corners, (setups, tasks), task = mesh
    step = 2 / ids.shape[0]
    for x in range(ids.shape[0]):
        f = ids[x]
        if f < 0:
            continue
        if tasks[f] != task:
            tasks[f] = task
            set_up_triangle(pos, tri, corners, f, setups)
        setup = setups[f]
        u, v, _ = weights_at(setup, (x + 0.5) * step - 1, fy)
        if not (u >= 0 and v >= 0 and u + v <= 1):
            u, v = inner(u, v)
        uv[x, 0] = setup[13] + u * setup[9] + v * setup[11]
        uv[x, 1] = setup[14] + u * setup[10] + v * setup[12]


@device
def _paint_row(
    ids: Array, uv: Array, texels: Array, size: tuple[int, int], image: Planes, alpha: Array
) -> None:
    """Colours and coverage of a row's pixels."""
    (red, green, blue), (reds, greens, blues) = image, (texels[0], texels[1], texels[2])
    right, up = next_texels(size)
    for x in range(ids.shape[0]):
        alpha[x] = ids[x] >= 0
    for x in range(ids.shape[0]):
        if ids[x] >= 0:
            i, wx, wy = texel_at(uv[x, 0], uv[x, 1], size)
            j, k, m = i + right, i + up, i + right + up
            w3 = wx * wy
            w1, w2 = wx - w3, wy - w3
            w0 = ONE - wx - w2
            red[x] = w0 * reds[i] + w1 * reds[j] + w2 * reds[k] + w3 * reds[m]
            green[x] = w0 * greens[i] + w1 * greens[j] + w2 * greens[k] + w3 * greens[m]
            blue[x] = w0 * blues[i] + w1 * blues[j] + w2 * blues[k] + w3 * blues[m]
