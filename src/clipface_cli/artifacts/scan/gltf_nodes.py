"""The nodes of a glTF: which meshes its scene shows, and where."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipface_cli.artifacts.scan.gltf_file import GltfFile, Object, Values, list_of, vector
from clipface_cli.artifacts.scan.groups import groups
from clipface_cli.errors import InputError

_IDENTITY = tuple(np.eye(4).ravel())


class Nodes:
    """world: 4 x 4 transforms of all nodes; shown: the nodes of the scene, parents first."""

    def __init__(self, file: GltfFile) -> None:
        self._file = file
        count = len(file.items("nodes"))
        nodes = [file.item("nodes", index) for index in range(count)]
        self.children = [[_index(child, count) for child in list_of(n, "children")] for n in nodes]
        below = [child for children in self.children for child in children]
        if len(set(below)) < len(below):
            raise InputError("is damaged: a node has two parents")
        roots = sorted(set(range(count)) - set(below))
        self.world = {root: _local(nodes[root]) for root in roots}
        for index in self._below(roots):
            for child in self.children[index]:
                self.world[child] = self.world[index] @ _local(nodes[child])
        if len(self.world) < count:
            raise InputError("is damaged: its nodes form a circle")
        self.shown = self._below(self._scene(roots, count))

    def placed(self, index: int, vertices: Values, attributes: Object) -> Values:
        """A node's vertices (V, 3) where the scene has them: its skin decides, else its place."""
        node = self._file.item("nodes", index)
        if "skin" not in node:
            return _moved(self.world[index], vertices)
        return self._skinned(self._file.item("skins", node["skin"]), vertices, attributes)

    def _below(self, roots: list[int]) -> list[int]:
        """The nodes and all their descendants, parents first."""
        found, waiting = [], list(reversed(roots))
        while waiting:
            found.append(waiting.pop())
            waiting.extend(reversed(self.children[found[-1]]))
        return found

    def _scene(self, roots: list[int], count: int) -> list[int]:
        """The root nodes of the scene to show; all where the file has no scene."""
        if not self._file.items("scenes"):
            return roots
        scene = self._file.item("scenes", self._file.root.get("scene", 0))
        return list(dict.fromkeys(_index(node, count) for node in list_of(scene, "nodes")))

    def _skinned(self, skin: Object, vertices: Values, attributes: Object) -> Values:
        joints = list_of(skin, "joints")
        joints = [_index(joint, len(self.world)) for joint in joints]
        inverse = np.broadcast_to(np.eye(4), (len(joints), 4, 4))
        if "inverseBindMatrices" in skin:
            given = self._file.accessor(skin["inverseBindMatrices"])
            if given.shape[1] != 16 or len(given) < len(joints):
                raise InputError("is damaged: a skin has too few bind matrices")
            inverse = given[: len(joints)].reshape(-1, 4, 4).transpose(0, 2, 1)
        bones = [self.world[joint] @ bind for joint, bind in zip(joints, inverse, strict=True)]
        total, moved = np.zeros(len(vertices)), np.zeros_like(vertices)
        number = 0
        while f"JOINTS_{number}" in attributes and f"WEIGHTS_{number}" in attributes:
            which = self._file.integers(attributes[f"JOINTS_{number}"])
            weights = self._file.accessor(attributes[f"WEIGHTS_{number}"])
            if which.shape != weights.shape or len(which) != len(vertices):
                raise InputError("is damaged: joints, weights and vertices are not as many")
            for joint, weight in zip(which.T, weights.T, strict=True):
                if not ((joint < len(bones)) | (weight == 0)).all():
                    raise InputError("is damaged: a vertex hangs on a joint that is not there")
                moved += _weighted(bones, joint, weight, vertices)
                total += weight
            number += 1
        free = total <= 0
        moved[free], total[free] = vertices[free], 1
        return moved / total[:, None]


def _weighted(
    bones: list[Values], joint: NDArray[np.int64], weight: Values, vertices: Values
) -> Values:
    """Vertices (V, 3) moved by their joints (V,) and times their weights (V,)."""
    found = np.zeros_like(vertices)
    pulled = np.flatnonzero(weight != 0)
    for number, among in groups(joint[pulled]):
        rows = pulled[among]
        found[rows] = _moved(bones[number], vertices[rows]) * weight[rows, None]
    return found


def _moved(matrix: Values, vertices: Values) -> Values:
    return vertices @ matrix[:3, :3].T + matrix[:3, 3]


def _local(node: Object) -> Values:
    """A node's transform relative to its parent: its matrix, or T R S."""
    if "matrix" in node:
        return vector(node, "matrix", _IDENTITY).reshape(4, 4).T
    x, y, z, w = vector(node, "rotation", (0.0, 0.0, 0.0, 1.0))
    length = x * x + y * y + z * z + w * w
    s = 2 / length if length > 0 else 0.0
    turn = np.array(
        [
            [1 - s * (y * y + z * z), s * (x * y - w * z), s * (x * z + w * y)],
            [s * (x * y + w * z), 1 - s * (x * x + z * z), s * (y * z - w * x)],
            [s * (x * z - w * y), s * (y * z + w * x), 1 - s * (x * x + y * y)],
        ]
    )
    found = np.eye(4)
    found[:3, :3] = turn * vector(node, "scale", (1.0, 1.0, 1.0))
    found[:3, 3] = vector(node, "translation", (0.0, 0.0, 0.0))
    return found


def _index(value: object, count: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count:
        raise InputError(f"is damaged: there is no node {value!r:.20}")
    return value
