"""Read .npy and .npz files: shapes are held against the bytes before memory is taken."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from clipface_cli.assets._limits import Budget, Refused
from clipface_cli.assets._makers import Array, Resolver
from clipface_cli.assets._pickle import unpickle


def read_npy_file(path: Path) -> Any:
    """The array of a .npy file; an object array only as the box around one saved dictionary."""
    size = path.stat().st_size
    with path.open("rb") as file:
        return _read_npy(file, size, Budget(size), boxed=True)


def read_npz(path: Path) -> dict[str, Array]:
    """All arrays of a .npz file."""
    budget = Budget(path.stat().st_size)
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not member.filename.endswith(".npy"):
                    raise Refused(f"it holds {member.filename[:60]!r} beside its arrays")
                budget.spend(member.file_size)
                with archive.open(member) as file:
                    content = file.read(member.file_size)
                name = member.filename.removesuffix(".npy")
                arrays[name] = _read_npy(io.BytesIO(content), len(content), budget, boxed=False)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError) as error:
        raise Refused(f"its zip archive is damaged ({error})") from error
    return arrays


def _read_npy(file: BinaryIO, size: int, budget: Budget, boxed: bool) -> Any:
    try:
        version = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if version[0] == 1 else npy.read_array_header_2_0
        shape, fortran, dtype = read_header(file)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise Refused(f"its array header is damaged ({error})"[:200]) from error
    if dtype.hasobject:
        if boxed and shape == ():
            return Resolver(budget, boxed=True)(unpickle(file))
        raise Refused("it holds an array of Python objects, not of numbers")
    if dtype.kind not in "biufU":
        raise Refused(f"it holds an array of type {dtype}, not of numbers")
    if math.prod(shape) * dtype.itemsize != size - file.tell():
        raise Refused(f"it holds an array whose shape {shape} and bytes disagree"[:200])
    flat: Array = np.frombuffer(file.read(), dtype)
    native = flat.astype(dtype.newbyteorder("="), copy=False)
    return native.reshape(shape, order="F" if fortran else "C")
