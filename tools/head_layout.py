"""The embedded head's triangles and UV layout.

The skin, lids' and mouth's linings included, is one chart cut down the back of the head; each
eyeball has a round patch, the teeth and the tongue keep MakeHuman's charts in boxes of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import head_source
import numpy as np
from head_unwrap import flatten, unwrap

SKIN_BOX = (0.004, 0.200, 0.996, 0.996)  # u0, v0, u1, v1
RIGHT_EYE_BOX = (0.004, 0.004, 0.196, 0.196)
LEFT_EYE_BOX = (0.202, 0.004, 0.394, 0.196)
UPPER_TEETH_BOX = (0.402, 0.102, 0.700, 0.194)
LOWER_TEETH_BOX = (0.402, 0.004, 0.700, 0.096)
TONGUE_BOX = (0.708, 0.004, 0.900, 0.194)
EYE_LIMIT = np.radians(105)  # eyeball kept up to this angle from the gaze
EYE_FALLOFF = np.radians(60)
EYE_AHEAD = 0.467  # radii by which the chart's centre lies ahead of the eyeball's


@dataclass
class Layout:
    """The kept vertices of the source, their triangles and their texture coordinates."""

    vertices: np.ndarray  # (V,) indices into the source's vertices
    faces: np.ndarray  # (F, 3) into vertices
    uv: np.ndarray  # (T, 2)
    uv_faces: np.ndarray  # (F, 3) into uv
    part: np.ndarray  # (V,) of str: skin, left_socket, right_socket, mouth, left_eye, ...


def build(source: head_source.Source) -> Layout:
    """Skin, eyeballs, teeth and tongue as one mesh with one UV square."""
    skin = head_source.head_quads(source)
    islands = head_source.uv_islands(source)[skin]
    faces = triangulate(source.neutral, source.quads[skin])
    lining = np.repeat(name_linings(source, skin, islands), 2)
    charts = [
        (faces, *_skin_chart(source.neutral, faces, lining)),
        _eye_chart(source, head_source.RIGHT_EYE, RIGHT_EYE_BOX),
        _eye_chart(source, head_source.LEFT_EYE, LEFT_EYE_BOX),
        _boxed_chart(source, head_source.UPPER_TEETH, UPPER_TEETH_BOX),
        _boxed_chart(source, head_source.LOWER_TEETH, LOWER_TEETH_BOX),
        _boxed_chart(source, head_source.TONGUE, TONGUE_BOX),
    ]
    offsets = np.cumsum([0] + [len(uv) for _, uv, _ in charts])
    used, compact = np.unique(np.concatenate([f for f, _, _ in charts]), return_inverse=True)
    return Layout(
        vertices=used,
        faces=compact.reshape(-1, 3),
        uv=np.concatenate([uv for _, uv, _ in charts]),
        uv_faces=np.concatenate([f + o for (_, _, f), o in zip(charts, offsets, strict=False)]),
        part=_parts(len(source.neutral), faces, lining)[used],
    )


def diagonals(vertices: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Corner numbers (Q, 6) of two triangles a quad, along its shorter diagonal."""
    first = np.linalg.norm(vertices[quads[:, 0]] - vertices[quads[:, 2]], axis=1).round(6)
    second = np.linalg.norm(vertices[quads[:, 1]] - vertices[quads[:, 3]], axis=1).round(6)
    return np.where((first <= second)[:, None], [0, 1, 2, 0, 2, 3], [0, 1, 3, 1, 2, 3])


def triangulate(vertices: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Triangles (2Q, 3) of quads (Q, 4)."""
    return np.take_along_axis(quads, diagonals(vertices, quads), 1).reshape(-1, 3)


def name_linings(source: head_source.Source, skin: np.ndarray, islands: np.ndarray) -> np.ndarray:
    """For every skin quad: "" or the lining it belongs to (MakeHuman gives these own islands)."""
    names = np.full(len(skin), "", dtype="U12")
    for island in np.unique(islands):
        inside = source.neutral[source.quads[skin[islands == island]]].reshape(-1, 3)
        low, high = inside.min(0), inside.max(0)
        if low[0] > 0:
            names[islands == island] = "left_socket"
        elif high[0] < 0:
            names[islands == island] = "right_socket"
        elif high[1] < 0 and low[2] > -0.08:
            names[islands == island] = "mouth"
    return names


def border_loop(faces: np.ndarray) -> np.ndarray:
    """The single border of a set of triangles, in their winding order."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    _, inverse, counts = np.unique(
        np.sort(edges, 1), axis=0, return_inverse=True, return_counts=True
    )
    following = dict(edges[counts[inverse.ravel()] == 1].tolist())
    loop = [min(following)]
    while following[loop[-1]] != loop[0]:
        loop.append(following[loop[-1]])
    if len(loop) != len(following):
        raise ValueError("expected exactly one border loop")
    return np.array(loop)


def _skin_chart(
    vertices: np.ndarray, faces: np.ndarray, lining: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """UVs and UV triangles of the skin: main chart first, then each lining into its hole."""
    cut, points, seam = _cut_at_the_back(vertices, faces)
    main = cut[lining == ""]
    border = border_loop(cut)
    border, border_uv = _border_positions(points, border, seam)
    hole_faces, hole_rest = [], []
    for index, name in enumerate(("mouth", "left_socket", "right_socket")):
        ring = border_loop(cut[lining == name])
        centre = np.full(len(ring), len(points) + index)
        hole_faces.append(np.stack([ring, np.roll(ring, -1), centre], 1))
        hole_rest.append(
            _hole_shape(points[ring], (0.036, 0.010) if index == 0 else (0.024, 0.011))
        )
    all_faces = np.concatenate([main, *hole_faces])
    rest = flatten(points, main) * _magnification(points[main].mean(1))[:, None, None]
    rest = np.concatenate([rest, *hole_rest])
    used, compact = np.unique(all_faces, return_inverse=True)
    solved = unwrap(rest, compact.reshape(-1, 3), np.searchsorted(used, border), border_uv)
    uv = np.zeros((len(points) + 3, 2))
    uv[used] = solved
    for name in ("mouth", "left_socket", "right_socket"):
        _fill_hole(points, cut[lining == name], uv)
    return uv[: len(points)], cut


def _cut_at_the_back(
    vertices: np.ndarray, faces: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangles over doubled seam vertices, their positions, and the seam (neck to crown)."""
    ring = border_loop(faces)
    edges = np.unique(
        np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1), axis=0
    )
    edges = edges[(np.abs(vertices[edges, 0]) < 1e-4).all(1)]
    seam = [int(ring[np.argmin(vertices[ring, 2] + np.abs(vertices[ring, 0]))])]
    while vertices[seam[-1], 1] < 0.10:
        nearby = edges[(edges == seam[-1]).any(1)].ravel()
        seam.append(next(int(v) for v in nearby if v not in seam and v not in ring))
    doubled = {vertex: len(vertices) + k for k, vertex in enumerate(seam[:-1])}
    right_side = vertices[faces].mean(1)[:, 0] < 0
    cut = faces.copy()
    for vertex, copy in doubled.items():
        cut[(faces == vertex) & right_side[:, None]] = copy
    points = np.concatenate([vertices, vertices[seam[:-1]]])
    used, compact = np.unique(cut, return_inverse=True)
    ends = np.searchsorted(used, [seam[0], seam[-1], doubled[seam[0]]])
    return compact.reshape(-1, 3), points[used], ends


def _border_positions(
    points: np.ndarray, border: np.ndarray, seam: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Border vertices from the crown around, on a rounded rectangle: neck ring at the bottom."""
    left_foot, crown, right_foot = seam  # the head's left is at high u
    border = np.roll(border, -int(np.flatnonzero(border == crown)[0]))
    at = {int(v): k for k, v in enumerate(border)}
    u0, v0, u1, v1 = SKIN_BOX
    middle = (u0 + u1) / 2
    near, far = (u1, u0) if at[int(left_foot)] < at[int(right_foot)] else (u0, u1)
    first, second = sorted((at[int(left_foot)], at[int(right_foot)]))
    closed = np.append(border, border[0])
    runs = [
        (closed[: first + 1], [(middle, v1), (near, v1), (near, v0)]),
        (closed[first : second + 1], [(near, v0), (far, v0)]),
        (closed[second:], [(far, v0), (far, v1), (middle, v1)]),
    ]
    uv = np.concatenate([_along(points[run], corners)[:-1] for run, corners in runs])
    centre, half = np.array([middle, (v0 + v1) / 2]), np.array([(u1 - u0) / 2, (v1 - v0) / 2])
    direction = (uv - centre) / half
    radius = (np.abs(direction) ** 14).sum(1) ** (1 / 14)
    return border, centre + direction / radius[:, None] * half


def _along(points: np.ndarray, corners: list[tuple[float, float]]) -> np.ndarray:
    """Spread a polyline's vertices by arc length over another polyline."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    line = np.array(corners)
    knots = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    place = length / length[-1] * knots[-1]
    return np.stack([np.interp(place, knots, line[:, k]) for k in range(2)], 1)


def _step(low: float, high: float, value: np.ndarray) -> np.ndarray:
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _magnification(centre: np.ndarray) -> np.ndarray:
    """Wanted texels a metre (relative) at triangle centres (F, 3): most on eyes and mouth."""
    x, y, z = np.abs(centre[:, 0]), centre[:, 1], centre[:, 2]
    front = _step(-0.075, -0.045, z) * _step(-0.125, -0.105, y) * _step(0.085, 0.065, y)
    ear = (x > 0.066) & (z < -0.04) & (np.abs(y + 0.0125) < 0.0475)
    eyes = np.exp(-(((x - 0.030) / 0.022) ** 2) - (y / 0.017) ** 2)
    mouth = np.exp(-((x / 0.030) ** 2) - ((y + 0.068) / 0.018) ** 2)
    skin = np.where(ear, 0.62, 0.45 + 1.05 * front)
    return skin * (1 + front * (0.80 * eyes + 0.50 * mouth))


def _hole_shape(ring: np.ndarray, radii: tuple[float, float]) -> np.ndarray:
    """Fan of triangles (N, 3, 2) over an ellipse, vertices by arc length from the left corner."""
    start = int(np.argmin(ring[:, 0]))
    lengths = np.roll(np.linalg.norm(np.roll(ring, -1, 0) - ring, axis=1), -start)
    angle = np.pi + 2 * np.pi * np.cumsum(np.append(0, lengths))[:-1] / lengths.sum()
    oval = np.roll(np.stack([np.cos(angle), np.sin(angle)], 1) * radii, start, axis=0)
    return np.stack([np.zeros_like(oval), np.roll(oval, -1, 0) - oval, -oval], 1)


def _fill_hole(points: np.ndarray, faces: np.ndarray, uv: np.ndarray) -> None:
    """Lay a lining into the hole its ring left in the chart, finer near the ring."""
    used, compact = np.unique(faces, return_inverse=True)
    compact = compact.reshape(-1, 3)
    ring = np.searchsorted(used, border_loop(faces))
    depth = np.full(len(used), -1)
    front, level = ring, 0
    while len(front):
        depth[front] = level
        near = np.unique(compact[np.isin(compact, front).any(1)])
        front, level = near[depth[near] < 0], level + 1
    rest = flatten(points[used], compact) * (0.75 ** depth[compact].mean(1))[:, None, None]
    uv[used] = unwrap(rest, compact, ring, uv[used[ring]])


def _eye_chart(
    source: head_source.Source, vertices: range, box: tuple[float, float, float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Front of an eyeball by angle from the gaze, magnified towards the pupil.

    The first textures were painted as if an eye's centre lay ahead of where it is, with an iris of
    13 degrees; the chart spreads it over 21, as eyes have it.
    """
    quads = source.quads[np.isin(source.quads, list(vertices)).all(1)]
    centre = source.neutral[list(vertices)].mean(0)
    direction = source.neutral - centre
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    angle = np.arccos(np.clip(direction[:, 2], -1, 1))
    faces = triangulate(source.neutral, quads[(angle[quads] < EYE_LIMIT).all(1)])
    used, compact = np.unique(faces, return_inverse=True)
    seen = angle - np.arcsin(EYE_AHEAD * np.sin(angle))
    radius = 1 - np.exp(-seen[used] / EYE_FALLOFF)
    planar = direction[used, :2] / np.maximum(
        np.linalg.norm(direction[used, :2], axis=1, keepdims=True), 1e-9
    )
    return faces, _into_box(planar * radius[:, None], box), compact.reshape(-1, 3)


def _boxed_chart(
    source: head_source.Source, vertices: range, box: tuple[float, float, float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """MakeHuman's own chart of a part, moved into a box."""
    inside = np.isin(source.quads, list(vertices)).all(1)
    quads, corners = source.quads[inside], source.quad_uv[inside]
    split = diagonals(source.neutral, quads)
    faces = np.take_along_axis(quads, split, 1).reshape(-1, 3)
    used, compact = np.unique(
        np.take_along_axis(corners, split, 1).reshape(-1, 3), return_inverse=True
    )
    return faces, _into_box(source.uv[used], box), compact.reshape(-1, 3)


def _into_box(points: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    low, high = points.min(0), points.max(0)
    return np.array(box[:2]) + (points - low) / (high - low) * (np.array(box[2:]) - box[:2])


def _parts(count: int, faces: np.ndarray, lining: np.ndarray) -> np.ndarray:
    """Part of every source vertex; a lining's border ring counts as skin."""
    part = np.full(count, "", dtype="U12")
    for name in ("mouth", "left_socket", "right_socket", ""):
        part[np.unique(faces[lining == name])] = name or "skin"
    for name, vertices in (
        ("left_eye", head_source.LEFT_EYE),
        ("right_eye", head_source.RIGHT_EYE),
        ("upper_teeth", head_source.UPPER_TEETH),
        ("lower_teeth", head_source.LOWER_TEETH),
        ("tongue", head_source.TONGUE),
    ):
        part[list(vertices)] = name
    return part
