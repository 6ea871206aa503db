"""Open a file that someone else wrote: what it is by its first bytes, its content as plain data."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from clipface_cli.assets._limits import Budget, Refused
from clipface_cli.assets._makers import Array, Resolver, Sparse
from clipface_cli.assets._numpy_files import read_npy_file, read_npz
from clipface_cli.assets._pickle import unpickle
from clipface_cli.assets._tensor_files import read_safetensors
from clipface_cli.assets._torch_files import TENSOR_MAKERS, is_sequence, read_sequence, read_zip

_WORDS = ("v ", "vt ", "vn ", "f ", "#", "o ", "g ", "mtllib ", "usemtl ", "s ")


def read_content(path: Path) -> Any:
    """The file's content as nested dicts, lists, numbers and arrays; nothing in it is run.

    Raises Refused when the file is damaged, of no format known here, or more than data.
    """
    with path.open("rb") as file:
        start = file.read(512)
    if start[:4] == b"PK\x03\x04":
        return _read_archive(path)
    if start[:6] == b"\x93NUMPY":
        return read_npy_file(path)
    if start[257:262] == b"ustar" or _is_tar(path):
        raise Refused(_tar_sentence(path))
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 1 << 40:
        return read_safetensors(path)[0]
    if is_obj(start):
        return _read_obj(path)
    return _read_pickle(path, start)


def is_obj(start: bytes) -> bool:
    """Whether the first lines of a file are statements of a Wavefront OBJ."""
    lines = start.decode("latin-1").replace("\r", "\n").split("\n")[:-1]
    lines = [line.strip() for line in lines if line.strip()]
    return bool(lines) and all(line.startswith(_WORDS) for line in lines)


def flatten(tree: Any, prefix: str = "") -> dict[str, Array]:
    """Arrays of nested dictionaries by dotted name; everything else is left out."""
    found: dict[str, Array] = {}
    for key, value in tree.items() if isinstance(tree, dict) else ():
        name = f"{prefix}{key.decode('latin-1') if isinstance(key, bytes) else key}"
        if isinstance(value, dict):
            found |= flatten(value, f"{name}.")
        elif isinstance(value, np.ndarray):
            found[name] = value
    return found


def numbers(value: Any) -> Array:
    """A plain array of what may be an array, a sparse matrix or a list of numbers."""
    if isinstance(value, Sparse):
        return value.dense()
    if isinstance(value, np.ndarray):
        return value
    try:
        array: Array = np.asarray(value)
    except ValueError as error:
        raise Refused("it holds a list of unequal parts where an array belongs") from error
    if array.dtype.kind not in "biuf":
        raise Refused("it holds something other than numbers where an array belongs")
    return array


def _read_archive(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise Refused(f"its zip archive is damaged or cut off ({error})") from error
    if any(".." in Path(name).parts or name.startswith("/") for name in names):
        raise Refused("its zip archive holds names that lead out of it")
    if any(name.endswith("data.pkl") for name in names):
        return read_zip(path)
    if all(name.endswith(".npy") for name in names):
        return read_npz(path)
    raise Refused("it is a zip archive of other files; unpack it and import the one you need")


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except OSError:
        return False


def _tar_sentence(path: Path) -> str:
    """Why a real tar is not taken (`deca_model.tar` is a torch file in spite of its name)."""
    names = []
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                names.append(member.name)
                if len(names) == 1000:
                    break
    except (tarfile.TarError, OSError, EOFError):
        return "it is a damaged tar archive"
    if any(".." in Path(name).parts or name.startswith("/") for name in names):
        return "it is a tar archive with names that lead out of it; nothing was unpacked"
    return "it is a tar archive of other files; unpack it and import the one you need"


def _read_obj(path: Path) -> Any:
    from clipface_cli.artifacts import read_obj

    mesh = read_obj(path)
    return {
        "vertices": mesh.vertices.astype(np.float32),
        "faces": mesh.faces.astype(np.int32),
        "uv": mesh.uv.astype(np.float32),
        "uv_faces": mesh.uv_faces.astype(np.int32),
    }


class _Bounded:
    """A file that is never asked for more bytes than it has (a lying length would be allocated)."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size
        self.readline: Callable[[], bytes] = file.readline

    def read(self, count: int) -> bytes:
        if count > self.size - self.file.tell():
            raise EOFError("it ends in the middle")
        return self.file.read(count)


def _read_pickle(path: Path, start: bytes) -> Any:
    size = path.stat().st_size
    with path.open("rb") as opened:
        file = _Bounded(opened, size)
        if is_sequence(start):
            return read_sequence(file, size)
        if not (start[:1] == b"\x80" or start[:1] in b"(]}cdl"):
            raise Refused("it is of no format that ClipFace knows")
        return Resolver(Budget(size))(unpickle(file, extra=TENSOR_MAKERS))
