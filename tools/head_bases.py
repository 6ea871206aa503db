"""Shape and expression bases of the embedded head: principal components over sampled people."""

from __future__ import annotations

import re
from dataclasses import dataclass

import head_source
import numpy as np

SHAPE_COMPONENTS = 100
EXPRESSION_COMPONENTS = 50
PEOPLE = 700
TRAITS = ("gender", "age", "muscle", "weight")  # of phenotypes; shapes are regressed on all four
HEAD_CHANGES = re.compile(
    r"^(?:[lr]-)?(?:cheek|chin|ear|eye|eyebrows|forehead|head|mouth|neck|nose)-"
)
SIDEWAYS = re.compile(r"head-angle|-trans-(?:out|in)$")  # lateral shifts of midline features
BULK = re.compile(r"^(?:head|neck|forehead)-(?!age|double)")  # size and outline, not features
UNIT_DEVIATION = 0.35  # standard deviation of an ARKit unit's activation
PAIR_CORRELATION = 0.6  # between the left and the right unit of a pair


def sample_identity(
    source: head_source.Source, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """A random adult's vertices (N, 3), joints (5, 3) and phenotype."""
    race = rng.dirichlet([0.7, 0.7, 0.7])
    phenotype = {
        "gender": rng.beta(0.5, 0.5),
        "age": rng.uniform(0.5, 0.92),
        "muscle": rng.uniform(0.3, 0.75),
        "weight": rng.uniform(0.3, 0.75),
        "height": 0.5,
        "proportions": rng.uniform(0.4, 0.8),
        "african": race[0],
        "asian": race[1],
        "caucasian": race[2],
    }
    return *source.identity(_local_changes(source, rng), **phenotype), phenotype


def _local_changes(source: head_source.Source, rng: np.random.Generator) -> dict[str, float]:
    """Random local changes: mostly the same on both sides, a little different."""
    changes: dict[str, float] = {}
    for positive, negative in _opposites(source):
        if positive.startswith("r-") or not HEAD_CHANGES.match(positive):
            continue
        pair = positive.startswith("l-")
        amount = np.clip(rng.normal(0, _spread(positive, pair)), -1, 1)
        for side in ("l-", "r-") if pair else ("",):
            here = amount + (rng.normal(0, 0.05) if pair else 0)
            name = positive if here > 0 else negative
            changes[side + name[2:] if pair else name] = abs(here)
    return changes


def _spread(name: str, pair: bool) -> float:
    """Standard deviation of a local change."""
    if not pair and SIDEWAYS.search(name):
        return 0.04
    return 0.12 if BULK.match(name) else 0.32


def _opposites(source: head_source.Source) -> list[tuple[str, str]]:
    """MakeHuman's local changes come as consecutive rows: positive, negative."""
    names = [
        label.partition(":")[2]
        for label in source.model.blendshape_labels
        if label.startswith("local_change:")
    ]
    return list(zip(names[::2], names[1::2], strict=True))


def principal_components(displacements: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Components (count, V, 3) of unit variance and the rows' mixing weights (count, S)."""
    flat = displacements.reshape(len(displacements), -1)
    values, vectors = np.linalg.eigh(flat @ flat.T)
    order = np.argsort(values)[::-1][:count]
    mixing = vectors[:, order].T
    mixing *= np.sign(mixing[np.arange(count), np.abs(mixing).argmax(1)])[:, None]
    return (mixing @ flat).reshape(count, *displacements.shape[1:]), mixing


@dataclass
class People:
    """The sampled adults: heads (P, V, 3), joints (P, 5, 3), and a phenotype each."""

    heads: np.ndarray
    joints: np.ndarray
    phenotypes: list[dict[str, float]]


def shape_basis(
    source: head_source.Source, vertices: np.ndarray, mirror: np.ndarray
) -> tuple[np.ndarray, np.ndarray, People]:
    """Mean head (V, 3), components (100, V, 3), and the people.

    Every sample enters with its mirror image, so the mean is symmetric and every component is
    either symmetric or antisymmetric.
    """
    rng = np.random.default_rng(0)
    people = [sample_identity(source, rng) for _ in range(PEOPLE)]
    heads = np.stack([p[vertices] for p, _, _ in people])
    joints = np.stack([j for _, j, _ in people])
    flip = np.array([-1.0, 1.0, 1.0])
    mirrored = heads[:, mirror] * flip
    symmetric, lopsided = (heads + mirrored) / 2, (heads - mirrored) / 2
    mean = symmetric.mean(0)
    even, _ = principal_components((symmetric - mean) / np.sqrt(PEOPLE), SHAPE_COMPONENTS)
    odd, _ = principal_components(lopsided / np.sqrt(PEOPLE), SHAPE_COMPONENTS)
    both = np.concatenate([even, odd])
    order = np.argsort(-(both**2).sum((1, 2)), kind="stable")[:SHAPE_COMPONENTS]
    return mean, both[order], People(heads, joints, [phenotype for _, _, phenotype in people])


def traits(people: People, mean: np.ndarray, basis: np.ndarray) -> dict[str, np.ndarray]:
    """Change (100,) of the coefficients with a trait: from woman to man, over the ages.

    Linear regression on the people. MakeHuman's gender is 1 for women, its age 0.5 at 25 years and
    1 at 90; ours goes from 16 to 85 (`clipface_cli.synth.Person`).
    """
    count = len(people.heads)
    coefficients = np.linalg.lstsq(
        basis.reshape(len(basis), -1).T, (people.heads - mean).reshape(count, -1).T, rcond=None
    )[0].T
    known = [[1, *(p[name] for name in TRAITS)] for p in people.phenotypes]
    effect = np.linalg.lstsq(np.array(known), coefficients, rcond=None)[0][1:]
    return {"man": -effect[0], "age": effect[1] * 0.5 * (85 - 16) / (90 - 25)}


def expression_mixing(units: dict[str, np.ndarray]) -> np.ndarray:
    """Weights (50, 52) that mix the ARKit units into components of unit variance.

    Activations are taken as zero-mean normal with correlated left and right sides, so the
    covariance is known in closed form.
    """
    names = list(units)
    covariance = np.eye(len(names))
    for i, name in enumerate(names):
        if name.endswith("Left") and (other := name[:-4] + "Right") in names:
            j = names.index(other)
            covariance[i, j] = covariance[j, i] = PAIR_CORRELATION
    root = np.linalg.cholesky(covariance * UNIT_DEVIATION**2).T
    displacements = root @ np.stack(list(units.values())).reshape(len(names), -1)
    _, mixing = principal_components(
        displacements.reshape(len(names), -1, 3), EXPRESSION_COMPONENTS
    )
    return mixing @ root


def joint_regressor(heads: np.ndarray, joints: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """(5, V) weights, each row summing to one, that place the joints from the vertices."""
    regressor = np.zeros((joints.shape[1], heads.shape[1]))
    centre = joints.mean(0)
    for row in range(joints.shape[1]):
        near = np.argsort(np.linalg.norm(mean - centre[row], axis=1), kind="stable")[:48]
        inputs = heads[:, near].transpose(0, 2, 1).reshape(-1, len(near))
        target = joints[:, row].reshape(-1)
        ones = np.ones(len(near))
        normal = inputs.T @ inputs / len(inputs) + 1e-7 * np.eye(len(near))
        system = np.block([[normal, ones[:, None]], [ones[None], np.zeros((1, 1))]])
        right = np.append(inputs.T @ target / len(inputs) + 1e-7 / len(near), 1.0)
        regressor[row, near] = np.linalg.solve(system, right)[:-1]
    return regressor
