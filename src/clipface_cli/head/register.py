"""Register the head to a surface of any topology: model fit, then non-rigid ICP.

The model fit finds the person's coefficients, so that eyes, nose and lips lie where they belong;
the non-rigid part (Amberg et al., "Optimal step nonrigid ICP algorithms for surface registration",
2007, with displacements in place of affine maps) closes what the coefficients cannot reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.geometry import vertex_normals
from clipface_cli.geometry.similarity import Similarity, similarity
from clipface_cli.geometry.surface import Surface
from clipface_cli.head.gauss_newton import Solver
from clipface_cli.head.model import HeadModel
from clipface_cli.head.params import HeadParams

PRIOR = 3e-5  # m^2, as in `gauss_newton`; correspondences are rougher than a mesh's own vertices
COARSE_TO_FINE = ((0.025, 10, 3.0), (0.010, 15, 0.5), (0.005, 25, 0.1))  # see `_fit_model`
STIFFNESS = (40.0, 10.0, 3.0, 1.0)  # of an edge against the pull of one vertex
ROUNDS = 2  # for each stiffness
REACH = 0.004  # metres, of the non-rigid part
FACING = 0.5  # least cosine between normals that correspond
LANDMARK = 0.1  # pull of a landmark against that of a vertex, in the non-rigid part
DOUBTFUL = 0.004  # metres that a landmark misses by when it counts half
NEAR = 0.003  # metres within which a vertex counts as lying on the surface
TAKEN = 0.05  # least pull of a vertex that the similarity is fitted to
FEWEST = 50  # vertices that must be pulled; with fewer the head is not on the surface
# Edges inside the mouth and the eyes move as one body: no surface pulls them.
HIDDEN_STIFFNESS = 20.0  # of an edge between hidden vertices, against 1 of a visible edge
TIES = 3  # nearest visible vertices to which each hidden one is tied
TIE_STIFFNESS = 0.05  # of a tie: hidden parts follow the skin near them, and do not hold it
REGULAR = 1e-6  # added to the diagonal, so that parts that nothing pulls are determined
_LEAST_PULL = 1e-9  # divisor for vertices that nothing pulls
_HIDDEN = ("mouth_interior", "teeth", "tongue", "sockets", "eyes")


@dataclass
class Landmarks:
    """Points of the head, as vertices (N, 3) and weights (N, 3), and where they are (N, 3)."""

    vertices: Tensor
    weights: Tensor
    positions: Tensor


@dataclass
class Registration:
    """The head on a surface: vertices (V, 3) ~ scale * rotation @ head(params) + translation.

    near (V,): which vertices lie on the surface. Distances are of visible skin that faces the
    surface, in millimetres at the head's own size.
    """

    params: HeadParams
    vertices: Tensor
    scale: float
    rotation: Tensor
    translation: Tensor
    near: Tensor
    mean_mm: float
    max_mm: float


def register(
    head: HeadModel,
    surface: Surface,
    landmarks: Landmarks | None = None,
    expressive: bool = True,
) -> Registration:
    """Fit the head to `surface`, which must be about its size, place and orientation.

    The result has vertices (V, 3) in metres.

    expressive: whether the surface may have an expression; a template has none.
    """
    task = _Task(head, surface, landmarks)
    solver = Solver(head, PRIOR)
    if not expressive:
        solver.freeze_expression()
    coefficients, placed = _fit_model(solver, task)
    posed = solver.vertices(coefficients[None])[0]
    start = placed.apply(posed)
    final = _deform(task, start)
    back = (final - start) @ placed.rotation / placed.scale
    at_rest = torch.linalg.solve(solver.turns(coefficients), back[..., None])[..., 0]
    params = solver.params(coefficients[None])
    params.displacement = at_rest.to(params.shape)[None]
    pull = task.pull(final, REACH)
    near = pull.weight > 0
    apart = surface.nearest(final[near].numpy()).distance / placed.scale * 1000
    return Registration(
        params,
        final.float(),
        placed.scale,
        placed.rotation.float(),
        placed.shift.float(),
        near & (pull.distance < NEAR),
        float(apart.mean()) if len(apart) else float("inf"),
        float(apart.max()) if len(apart) else float("inf"),
    )


@dataclass
class _Pull:
    """Targets (V, 3) of the vertices, their weights (V,), distances (V,) to the surface; metres."""

    target: Tensor
    weight: Tensor
    distance: Tensor


class _Task:
    """The registration's input: visible vertices, the surface, and the landmarks."""

    def __init__(self, head: HeadModel, surface: Surface, landmarks: Landmarks | None) -> None:
        self.surface, self.landmarks = surface, landmarks
        self.faces = head.faces.cpu().numpy()
        hidden = torch.stack([head.masks[n] for n in _HIDDEN if n in head.masks]).amax(0)
        self.visible = np.flatnonzero(hidden.cpu().numpy() < 0.5)
        self.count = len(head.template)

    def pull(self, vertices: Tensor, reach: float) -> _Pull:
        """Targets at the nearest points that face alike; weight 0 beyond an open border."""
        points = vertices.numpy()
        normals = vertex_normals(points, self.faces)
        hit = self.surface.nearest(points[self.visible], normals[self.visible])
        weight = 1 / np.square(1 + np.square(hit.distance / reach))
        weight[(hit.agreement < FACING) | hit.edge | (hit.distance > 3 * reach)] = 0
        pull = _Pull(
            vertices.clone(),
            vertices.new_zeros(self.count),
            vertices.new_full((self.count,), torch.inf),
        )
        pull.target[self.visible] = torch.from_numpy(hit.points)
        pull.weight[self.visible] = torch.from_numpy(weight)
        pull.distance[self.visible] = torch.from_numpy(hit.distance)
        return pull

    def with_landmarks(self, pull: _Pull, vertices: Tensor, strength: float) -> _Pull:
        """The pull with the landmarks' own added to their vertices'."""
        if self.landmarks is None:
            return pull
        corners, weights = self.landmarks.vertices.cpu(), self.landmarks.weights.cpu().double()
        here = (vertices[corners] * weights[..., None]).sum(1)
        missing = self.landmarks.positions.cpu().double() - here
        trust = strength / (1 + (missing.norm(dim=1) / DOUBTFUL).square())
        total = pull.weight.clone()
        moment = pull.weight[:, None] * (pull.target - vertices)
        for corner in range(3):
            share = trust * weights[:, corner]
            total.index_add_(0, corners[:, corner], share)
            moment.index_add_(0, corners[:, corner], share[:, None] * missing)
        target = vertices + moment / total.clamp_min(_LEAST_PULL)[:, None]
        return _Pull(target, total, pull.distance)


def _fit_model(solver: Solver, task: _Task) -> tuple[Tensor, Similarity]:
    """Coefficients (S + E + 3,) and the placement of the head they make.

    Landmarks, which the network finds to some millimetres, lead at first; the surface has the last
    word: metres of reach, iterations, pull of a landmark against that of a vertex.
    """
    coefficients = solver.prior.new_zeros(solver.size)
    placed = Similarity(1.0, torch.eye(3, device="cpu").double(), coefficients.new_zeros(3))
    posed = solver.vertices(coefficients[None])[0]
    for reach, iterations, strength in COARSE_TO_FINE:
        for _ in range(iterations):
            here = placed.apply(posed)
            pull = task.with_landmarks(task.pull(here, reach), here, strength)
            taken = pull.weight > TAKEN
            if int(taken.sum()) < FEWEST:
                return coefficients, placed
            placed = similarity(posed[taken], pull.target[taken])
            residual = placed.undo(pull.target) - posed
            coefficients = solver.step(coefficients, posed, residual, pull.weight)
            posed = solver.vertices(coefficients[None])[0]
    return coefficients, placed


def _deform(task: _Task, start: Tensor) -> Tensor:
    """Move vertices (V, 3) onto the surface, neighbours alike, ever less stiffly."""
    from scipy.sparse import diags, identity
    from scipy.sparse.linalg import splu

    laplacian = _springs(task, start.numpy())
    vertices = start
    for stiffness in STIFFNESS:
        for _ in range(ROUNDS):
            pull = task.with_landmarks(task.pull(vertices, REACH), vertices, LANDMARK)
            weight = pull.weight.numpy()
            matrix = stiffness * laplacian + diags(weight) + REGULAR * identity(len(weight))
            rhs = weight[:, None] * (pull.target - start).numpy()
            moved = splu(matrix.tocsc()).solve(rhs)
            vertices = start + torch.from_numpy(moved)
    return vertices


def _springs(task: _Task, points: NDArray[Any]) -> Any:
    """Sparse graph Laplacian (V, V) of mesh edges and of ties from hidden parts to the skin."""
    from scipy.sparse import coo_matrix, diags
    from scipy.spatial import cKDTree

    faces = task.faces
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    hidden = np.setdiff1d(np.arange(task.count), task.visible)
    strength = np.where(np.isin(edges, hidden).all(1), HIDDEN_STIFFNESS, 1.0)
    _, nearest = cKDTree(points[task.visible]).query(points[hidden], TIES)
    ties = np.stack([np.repeat(hidden, TIES), task.visible[nearest].ravel()], 1)
    edges = np.concatenate([edges, ties])
    strength = np.concatenate([strength, np.full(len(ties), TIE_STIFFNESS)])
    graph = coo_matrix((strength, (edges[:, 0], edges[:, 1])), shape=(task.count,) * 2)
    graph = graph + graph.T
    return diags(np.asarray(graph.sum(1)).ravel()) - graph
