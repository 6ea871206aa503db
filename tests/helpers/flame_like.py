"""A stand-in for FLAME of its true size and file format, made from the embedded head.

5,023 vertices, 9,976 triangles, 300 + 100 coefficients, five joints, two eyeballs of 546 vertices,
a head_template.obj with a texture layout of its own. Its skin is the embedded head's, cut into
other triangles, so that what lies where is known.
"""

from __future__ import annotations

import pickle
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csc_matrix

from clipface_cli.geometry.surface import Surface
from clipface_cli.head import HeadModel
from clipface_cli.head.transfer import OtherHead, Transfer

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
VERTICES, TRIANGLES, EYE_VERTICES = 5023, 9976, 546
RINGS, SEGMENTS = 17, 32


@dataclass
class FlameLike:
    """Contents of the files, and for each vertex where it is on the embedded head's template."""

    vertices: Array  # (5023, 3)
    faces: Ints  # (9976, 3)
    skin: int  # number of vertices before the eyeballs
    triangle: Ints  # (skin,) of the embedded head
    weights: Array  # (skin, 3) on that triangle
    uv: Array
    uv_faces: Ints
    pocket: NDArray[np.bool_]  # (skin,) what closes eyes and mouth and is on no surface
    model: dict[str, object]


def make(head: HeadModel, seed: int = 0) -> FlameLike:
    """Another mesh, another person, another origin."""
    chance = np.random.default_rng(seed)
    base = head.template.double().numpy()
    surface = Surface(base, _skin(head))
    points, faces = _recut(base, surface.faces, chance)
    hit = surface.nearest(points, Surface(points, faces).vertex_normals())
    own = _rows(surface.faces[hit.triangle], head.faces.numpy())
    rows = np.repeat(np.arange(len(points)), 3)
    cells = hit.weights.ravel(), (rows, head.faces.numpy()[own].ravel())
    carry = coo_matrix(cells, shape=(len(points), len(base))).tocsr()
    order = chance.permutation(len(points))
    rank = np.argsort(order)
    carry, triangle, weights = carry[order], own[order], hit.weights[order]
    inward = (points - hit.points)[order]
    faces = rank[faces][chance.permutation(len(faces))]

    shape = head.shape_basis.double().view(-1, *base.shape).numpy()
    expression = head.expression_basis.double().view(-1, *base.shape).numpy()
    person = base + np.einsum("k,kvc->vc", 0.5 * chance.standard_normal(len(shape)), shape)
    eyes = head.joint_template[3:].double().numpy()
    placed, eyes = (_warp(x) for x in (carry @ person + inward, eyes))
    balls, ball_faces = _balls(eyes)
    vertices = np.concatenate([placed, balls])
    faces = np.concatenate([faces, ball_faces + len(placed)])
    still = np.zeros((len(balls), 3))
    moved = [np.concatenate([carry @ b, still]) for b in (*shape, *expression)]
    skinning = np.zeros((len(vertices), 5))
    skinning[: len(placed)] = carry @ head.skinning_weights.double().numpy()
    skinning[len(placed) :, 3] = skinning[len(placed) :, 4] = 0
    skinning[len(placed) : len(placed) + EYE_VERTICES, 3] = 1
    skinning[len(placed) + EYE_VERTICES :, 4] = 1
    joints = np.concatenate([_warp(head.joint_template[:3].double().numpy()), eyes])
    other = OtherHead(*map(torch.from_numpy, (vertices, faces, skinning[:, 3:].sum(1) > 0.5, eyes)))
    known = torch.from_numpy(_warp(person)).float()
    pocket = np.linalg.norm(inward, axis=1) > 1e-3
    uv, uv_faces = _layout(Transfer(head, other, known), pocket)
    model = {
        "v_template": vertices,
        "shapedirs": _padded(moved, len(shape), len(vertices)),
        "posedirs": 1e-4 * chance.standard_normal((1, 1, 36)) * vertices[:, :, None],
        "J_regressor": _regressor(vertices, joints, len(placed), chance),
        "weights": skinning,
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]]),
        "f": faces.astype(np.uint32),
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }
    return FlameLike(vertices, faces, len(placed), triangle, weights, uv, uv_faces, pocket, model)


def write(flame: FlameLike, folder: Path) -> Path:
    """generic_model.pkl as Python 2 and chumpy wrote it, and head_template.obj beside it."""
    module = types.ModuleType("chumpy.ch")
    box = type("Ch", (), {"__module__": "chumpy.ch"})
    module.Ch = box  # type: ignore[attr-defined]
    sys.modules |= {"chumpy": types.ModuleType("chumpy"), "chumpy.ch": module}
    try:
        tree = dict(flame.model)
        for name in ("v_template", "shapedirs", "posedirs"):
            boxed = box()
            boxed.__dict__ = {"x": flame.model[name], "_dirty_vars": set()}
            tree[name] = boxed
        data = pickle.dumps(tree, protocol=2)
    finally:
        del sys.modules["chumpy.ch"], sys.modules["chumpy"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "generic_model.pkl").write_bytes(data)
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in flame.vertices]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in flame.uv]
    for (a, b, c), (p, q, r) in zip(flame.faces + 1, flame.uv_faces + 1, strict=True):
        lines.append(f"f {a}/{p} {b}/{q} {c}/{r}")
    (folder / "head_template.obj").write_text("\n".join(lines) + "\n")
    return folder / "generic_model.pkl"


def _skin(head: HeadModel) -> Ints:
    """Faces of the embedded head's outside, with the lips' inner side and the lids' rims."""
    inner = (head.masks["eyes"] + head.masks["teeth"] + head.masks["tongue"]).numpy() > 0.5
    lining = torch.maximum(head.masks["mouth_interior"], head.masks["sockets"]).numpy() > 0.5
    faces = head.faces.numpy()
    return faces[~inner[faces].any(1) & ~lining[faces].all(1)]


def _recut(points: Array, faces: Ints, chance: np.random.Generator) -> tuple[Array, Ints]:
    """The same surface in as many vertices and triangles as FLAME's skin has."""
    used, faces = np.unique(faces, return_inverse=True)
    points, faces = _with_pockets(points[used], faces.reshape(-1, 3))
    vertices = VERTICES - 2 * EYE_VERTICES - len(points)
    triangles = TRIANGLES - 4 * (EYE_VERTICES - 2) - len(faces)
    for sides, cuts in ((1, 2 * vertices - triangles), (2, triangles - vertices)):
        enough = len(points) + cuts  # an edge with two sides makes two triangles, others one
        while len(points) < enough:
            points, faces = _split(points, faces, sides, enough - len(points), chance)
    surface = Surface(points, faces)
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    graph = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(len(points),) * 2).tocsr()
    graph = graph + graph.T
    mean = (graph @ points) / np.asarray(graph.sum(1))
    slid = points + 0.3 * (mean - points)
    border = faces[:, [[1, 2], [2, 0], [0, 1]]][surface.open]
    slid[border] = points[border]
    return surface.nearest(slid, surface.vertex_normals()).points, faces


def _with_pockets(points: Array, faces: Ints) -> tuple[Array, Ints]:
    """Eyes and mouth closed by pockets 3 cm deep; only the neck stays open."""
    open_edges = Surface(points, faces).open
    follows = {int(b): int(a) for a, b in faces[:, [[1, 2], [2, 0], [0, 1]]][open_edges]}
    while follows:
        loop = [next(iter(follows))]
        while (after := follows.pop(loop[-1])) != loop[0]:
            loop.append(after)
        middle = points[loop].mean(0)
        if middle[1] < -0.1:  # the neck
            continue
        ring = middle + 0.8 * (points[loop] - middle) - (0, 0, 0.03)
        first, count = len(points), len(loop)
        here = np.arange(count)
        after, outer = (here + 1) % count, np.array(loop)
        walls = [
            np.stack([outer[here], outer[after], first + here], 1),
            np.stack([outer[after], first + after, first + here], 1),
            np.stack([first + here, first + after, np.full(count, first + count)], 1),
        ]
        points = np.concatenate([points, ring, [middle - (0, 0, 0.035)]])
        faces = np.concatenate([faces, *walls])
    return points, faces


def _split(
    points: Array, faces: Ints, sides: int, most: int, chance: np.random.Generator
) -> tuple[Array, Ints]:
    """Cut long edges with one or two triangles in the middle, none of one triangle twice."""
    edges = faces[:, [[1, 2], [2, 0], [0, 1]]]
    length = np.linalg.norm(points[edges[..., 0]] - points[edges[..., 1]], axis=2)
    owners: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for row, corner in np.ndindex(len(faces), 3):
        owners.setdefault(tuple(sorted(edges[row, corner].tolist())), []).append((row, corner))
    loose = [pair for pair, of in owners.items() if len(of) == sides]
    loose.sort(key=lambda pair: -length[owners[pair][0]] * chance.uniform(0.7, 1))
    touched: set[int] = set()
    added, new = [], []
    for pair in loose:
        rows = {row for row, _ in owners[pair]}
        if len(added) == most or rows & touched:
            continue
        touched |= rows
        middle = len(points) + len(added)
        added.append(points[list(pair)].mean(0))
        for row, corner in owners[pair]:
            a, b, c = np.roll(faces[row], -corner)
            new += [[a, b, middle], [a, middle, c]]
    kept = np.delete(faces, sorted(touched), 0)
    return np.concatenate([points, added]), np.concatenate([kept, new])


def _rows(faces: Ints, within: Ints) -> Ints:
    """Where each triangle stands in a longer list."""
    place = {tuple(f): i for i, f in enumerate(within.tolist())}
    return np.array([place[tuple(f)] for f in faces.tolist()])


def _warp(points: Array) -> Array:
    """Another person's proportions, and FLAME's origin."""
    x, y, z = points.T
    wider = 1 + 0.04 * np.sin(12 * y)
    return np.stack([1.02 * x * wider, 1.03 * y + 0.033, 0.97 * z + 0.08 * y**2 + 0.026], 1)


def _balls(centres: Array, radius: float = 0.0166) -> tuple[Array, Ints]:
    """Two spheres whose poles look forward."""
    polar = np.pi * np.arange(1, RINGS + 1) / (RINGS + 1)
    around = 2 * np.pi * np.arange(SEGMENTS) / SEGMENTS
    p, a = np.meshgrid(polar, around, indexing="ij")
    rings = np.stack([np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)], -1).reshape(-1, 3)
    ball = radius * np.concatenate([[[0, 0, 1]], rings, [[0, 0, -1]]])
    here, faces = np.arange(SEGMENTS), []
    following, last = (here + 1) % SEGMENTS, EYE_VERTICES - 1
    faces.append(np.stack([np.zeros_like(here), 1 + here, 1 + following], 1))
    for ring in range(RINGS - 1):
        top, low = 1 + ring * SEGMENTS, 1 + (ring + 1) * SEGMENTS
        faces.append(np.stack([top + here, low + here, low + following], 1))
        faces.append(np.stack([top + here, low + following, top + following], 1))
    end = 1 + (RINGS - 1) * SEGMENTS
    faces.append(np.stack([end + here, np.full_like(here, last), end + following], 1))
    one = np.concatenate(faces)
    return np.concatenate([ball + c for c in centres]), np.concatenate([one, one + EYE_VERTICES])


def _padded(moved: list[Array], shapes: int, count: int) -> Array:
    """(V, 3, 400): shape in the first 300 columns, expression in the last 100."""
    directions = np.zeros((count, 3, 400))
    for k, direction in enumerate(moved[:shapes]):
        directions[..., k] = direction
        directions[..., k + 100] = 0.1 * direction
        directions[..., k + 200] = 0.03 * direction
    for k, direction in enumerate(moved[shapes:]):
        directions[..., 300 + k] = direction
        directions[..., 350 + k] = 0.1 * direction
    return directions


def _regressor(
    vertices: Array, joints: Array, skin: int, chance: np.random.Generator
) -> csc_matrix:
    """Few weights a joint that add up to one and give its place; an eye's is its middle."""
    matrix = np.zeros((5, len(vertices)))
    for joint in range(3):
        some = chance.choice(skin, 60, replace=False)
        system = np.concatenate([vertices[some].T, np.ones((1, 60))])
        matrix[joint, some] = np.linalg.lstsq(system, [*joints[joint], 1.0], rcond=None)[0]
    matrix[3, skin : skin + EYE_VERTICES] = matrix[4, skin + EYE_VERTICES :] = 1 / EYE_VERTICES
    return csc_matrix(matrix)


def _layout(transfer: Transfer, pocket: NDArray[np.bool_]) -> tuple[Array, Ints]:
    """The embedded layout turned about and bent; eyeballs and pockets are apart at the bottom."""
    faces = transfer.other.faces.numpy()
    uv = transfer.corner_uv()
    bent = np.stack([0.98 - 0.96 * uv[..., 0] ** 1.15, 0.98 - 0.84 * uv[..., 1]], -1)
    sphere = _balls(np.zeros((2, 3)), 1.0)[0]
    polar = np.arccos(np.clip(sphere[:, 2], -1, 1)) / np.pi
    way = sphere[:, :2] / np.maximum(np.linalg.norm(sphere[:, :2], axis=1), 1e-9)[:, None]
    discs = 0.06 * polar[:, None] * way
    discs[:EYE_VERTICES] += (0.07, 0.065)
    discs[EYE_VERTICES:] += (0.93, 0.065)
    balls = transfer.other.eyeballs.numpy()
    everywhere = np.concatenate([np.zeros((int((~balls).sum()), 2)), discs])
    bent[balls[faces].all(1)] = everywhere[faces[balls[faces].all(1)]]
    deep = np.append(pocket, np.zeros(balls.sum(), bool))[faces].any(1)
    bent[deep] = (0.5, 0.065) + 0.8 * transfer.other.vertices.double().numpy()[faces[deep]][..., :2]
    key = np.concatenate([faces.reshape(-1, 1), np.round(bent.reshape(-1, 2), 6)], 1)
    unique, inverse = np.unique(key, axis=0, return_inverse=True)
    return unique[:, 1:], inverse.reshape(-1, 3)
