"""Read a file that someone else wrote, of any format known here, as plain data."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from clipface_cli.assets._makers import Array, Resolver, Sparse
from clipface_cli.assets._numpy_files import read_npy, read_npz
from clipface_cli.assets._pickle import unpickle
from clipface_cli.assets._tensor_files import read_safetensors
from clipface_cli.assets._torch_files import TENSOR_MAKERS, read_sequence, read_zip
from clipface_cli.assets.file_format import START, FileFormat, file_format, format_of
from clipface_cli.budget import Budget, Refused

SUFFIXES = (".pkl", ".pickle", ".pt", ".npy", ".npz", ".safetensors")  # of frames and codes


def read_content(path: Path) -> Any:
    """The file's content as nested dicts, lists, numbers and arrays; nothing in it is run.

    Raises Refused when the file is damaged, of no format known here, or more than data.
    """
    kind = file_format(path)
    if kind in _READERS:
        return _READERS[kind](path)
    with path.open("rb") as file:
        return _read_stream(kind, file, path.stat().st_size)


def read_bytes(content: bytes) -> Any:
    """As `read_content`, for torch files, arrays and pickles that are in memory."""
    kind = format_of(content[:START])
    if kind == "zip":
        return read_zip(content)
    if kind == "npy":
        return read_npy(np.frombuffer(content, np.uint8))
    return _read_stream(kind, io.BytesIO(content), len(content))


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


def floats(value: Any) -> Array:
    """`numbers` in single precision; Refused when they are not finite."""
    array = numbers(value)
    if not np.isfinite(array).all():
        raise Refused("it holds numbers that are not finite")
    return array.astype(np.float32)


def _read_archive(path: Path) -> Any:
    """A torch file, a .npz file, or the files of a zipped folder one by one."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if any(".." in Path(name).parts or name.startswith("/") for name in names):
                raise Refused("its zip archive holds names that lead out of it")
            if any(name.endswith("/data.pkl") for name in names):
                return read_zip(path)
            if all(name.endswith(".npy") for name in names) and path.suffix.lower() != ".zip":
                return read_npz(path)
            return _read_members(archive, Budget.of_file(path.stat().st_size))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError) as error:
        raise Refused(f"its zip archive is damaged or cut off ({error})") from error


def _read_members(archive: zipfile.ZipFile, budget: Budget) -> list[Any]:
    """Contents of a zipped folder of frames or latent codes, read in memory."""
    names = one_suffix([name for name in archive.namelist() if "__MACOSX" not in name])
    folders = sorted({str(PurePosixPath(name).parent) for name in names})
    if not names:
        raise Refused("it is a zip archive of other files; unpack it and import the one you need")
    if len(folders) > 1:
        listed = ", ".join(folders)[:200]
        raise Refused(f"it is a zip archive of several folders ({listed}); unpack it, import each")
    contents = []
    for name in names:
        member = archive.getinfo(name)
        budget.spend(member.file_size)
        with archive.open(member) as file:
            contents.append(read_bytes(file.read(member.file_size)))
        budget.spend(_size(contents[-1]))
    return contents


def _size(tree: Any) -> int:
    """Bytes that the arrays of a content would take, were none a window into another."""
    if isinstance(tree, np.ndarray):
        return tree.nbytes
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return sum(_size(part) for part in parts)


def one_suffix(names: list[str]) -> list[str]:
    """The names that end in the first of `SUFFIXES` that any has, as people sort them; none
    hidden."""
    from clipface_cli.artifacts.sequence import natural

    for suffix in SUFFIXES:
        paths = [PurePosixPath(name) for name in names if name.lower().endswith(suffix)]
        shown = [path for path in paths if not path.name.startswith(".")]
        if shown:
            return [str(path) for path in sorted(shown, key=natural)]
    return []


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
    from clipface_cli.artifacts import read_geometry

    mesh = read_geometry(path)
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


def _read_stream(kind: FileFormat, opened: BinaryIO, size: int) -> Any:
    """The content of a pickle or of a torch file in the older format."""
    file = _Bounded(opened, size)
    if kind == "torch-legacy":
        return read_sequence(file, size)
    if kind != "pickle":
        raise Refused("it is of no format that ClipFace knows")
    return Resolver(Budget.of_file(size))(unpickle(file, extra=TENSOR_MAKERS))


def _refuse_tar(path: Path) -> Any:
    raise Refused(_tar_sentence(path))


_READERS: dict[FileFormat, Callable[[Path], Any]] = {
    "zip": _read_archive,
    "npy": lambda path: read_npy(np.memmap(path, np.uint8, "r")),
    "tar": _refuse_tar,
    "safetensors": lambda path: read_safetensors(path)[0],
    "obj": _read_obj,
}
