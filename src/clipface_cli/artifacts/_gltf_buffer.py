"""The binary part of a glTF file: arrays and pictures, packed, and how the JSON refers to them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pygltflib import (
    ARRAY_BUFFER,
    ELEMENT_ARRAY_BUFFER,
    FLOAT,
    GLTF2,
    MAT4,
    SCALAR,
    UNSIGNED_BYTE,
    UNSIGNED_INT,
    UNSIGNED_SHORT,
    VEC2,
    VEC3,
    VEC4,
    Accessor,
    AccessorSparseIndices,
    AccessorSparseValues,
    Buffer,
    BufferView,
    Image,
    Sparse,
)

from clipface_cli.artifacts.images import png_bytes

_COMPONENTS = {"float32": FLOAT, "uint32": UNSIGNED_INT, "uint16": UNSIGNED_SHORT}
_COMPONENTS |= {"uint8": UNSIGNED_BYTE}
_KINDS = {1: SCALAR, 2: VEC2, 3: VEC3, 4: VEC4, 16: MAT4}
_ALIGNMENT = 4
_SHORT = 65535  # indices below this fit two bytes; the value itself restarts primitives


class GltfBuffer:
    """Appends to one GLTF2's accessors, buffer views and images."""

    def __init__(self, gltf: GLTF2) -> None:
        self._gltf = gltf
        self._blob = bytearray()

    def finish(self) -> None:
        """Hand the packed bytes over to the GLTF2."""
        self._blob.extend(b"\0" * (-len(self._blob) % _ALIGNMENT))
        self._gltf.buffers.append(Buffer(byteLength=len(self._blob)))
        self._gltf.set_binary_blob(bytes(self._blob))

    def vertices(self, values: NDArray[np.floating | np.integer], bounds: bool = False) -> int:
        """Accessor of a vertex attribute (N, k); `bounds` writes its least and greatest values."""
        return self._accessor(_small(values), ARRAY_BUFFER, bounds)

    def indices(self, faces: NDArray[np.int64]) -> int:
        """Accessor of triangles (F, 3)."""
        return self._accessor(_indices(faces.ravel()), ELEMENT_ARRAY_BUFFER, False)

    def values(self, values: NDArray[np.floating], bounds: bool = False) -> int:
        """Accessor of numbers (N,) or (N, k) that are no vertex attribute."""
        return self._accessor(_small(values), None, bounds)

    def sparse(self, values: NDArray[np.floating], tolerance: float, bounds: bool = False) -> int:
        """Accessor (N, 3) that stores only the rows longer than `tolerance`; others are zero."""
        kept = np.flatnonzero(np.linalg.norm(values, axis=1) > tolerance)
        kept = kept if len(kept) else np.zeros(1, np.int64)  # an empty list is not valid
        rows = values[kept].astype(np.float32)
        indices = _indices(kept)
        accessor = Accessor(
            byteOffset=None,
            componentType=FLOAT,
            count=len(values),
            type=VEC3,
            sparse=Sparse(
                count=len(kept),
                indices=AccessorSparseIndices(
                    bufferView=self._view(indices.tobytes(), None),
                    componentType=_COMPONENTS[indices.dtype.name],
                ),
                values=AccessorSparseValues(bufferView=self._view(rows.tobytes(), None)),
            ),
        )
        if bounds:
            everything = rows if len(kept) == len(values) else np.vstack([rows, np.zeros(3)])
            accessor.min = everything.min(0).tolist()
            accessor.max = everything.max(0).tolist()
        return self._add(accessor)

    def image(self, pixels: NDArray[np.uint8], name: str) -> int:
        """Image, as PNG."""
        view = self._view(png_bytes(pixels), None)
        self._gltf.images.append(Image(bufferView=view, mimeType="image/png", name=name))
        return len(self._gltf.images) - 1

    def _accessor(self, values: NDArray[np.generic], target: int | None, bounds: bool) -> int:
        rows = values.reshape(len(values), -1)
        accessor = Accessor(
            bufferView=self._view(values.tobytes(), target),
            componentType=_COMPONENTS[values.dtype.name],
            count=len(rows),
            type=_KINDS[rows.shape[1]],
        )
        if bounds:
            accessor.min, accessor.max = rows.min(0).tolist(), rows.max(0).tolist()
        return self._add(accessor)

    def _add(self, accessor: Accessor) -> int:
        self._gltf.accessors.append(accessor)
        return len(self._gltf.accessors) - 1

    def _view(self, data: bytes, target: int | None) -> int:
        self._blob.extend(b"\0" * (-len(self._blob) % _ALIGNMENT))
        view = BufferView(buffer=0, byteOffset=len(self._blob), byteLength=len(data), target=target)
        self._blob.extend(data)
        self._gltf.bufferViews.append(view)
        return len(self._gltf.bufferViews) - 1


def _small(values: NDArray[np.floating | np.integer]) -> NDArray[np.generic]:
    """Floats as float32; other kinds as they are."""
    return values.astype(np.float32) if values.dtype.kind == "f" else values


def _indices(values: NDArray[np.int64]) -> NDArray[np.generic]:
    return values.astype(np.uint16 if values.max(initial=0) < _SHORT else np.uint32)
