"""Read .npy and .npz files: shapes are held against the bytes before memory is taken."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.lib import format as npy

from clipface_cli.assets._makers import Array, Resolver
from clipface_cli.assets._pickle import unpickle
from clipface_cli.assets._zip_files import is_stored, stored
from clipface_cli.budget import Budget, Refused

MAX_HEADER = 1 << 17  # bytes; numpy's own limit is 10,000 characters


def read_npy(content: Array) -> Any:
    """The array of a .npy file; an object array only as the box around one saved dictionary.

    content: the file's bytes, (N,) uint8, which may be mapped.
    """
    return _read_npy(content, Budget.of_file(len(content)), boxed=True)


def read_npz(path: Path) -> dict[str, Array]:
    """All arrays of a .npz file; those that are not compressed are mapped, not read."""
    content = np.memmap(path, np.uint8, "r")
    budget = Budget.of_file(len(content))
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not member.filename.endswith(".npy"):
                    raise Refused(f"it holds {member.filename[:60]!r} beside its arrays")
                budget.spend(member.file_size)
                name = member.filename.removesuffix(".npy")
                arrays[name] = _read_npy(_bytes_of(member, archive, content), budget, boxed=False)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError) as error:
        raise Refused(f"its zip archive is damaged ({error})") from error
    return arrays


def _bytes_of(member: zipfile.ZipInfo, archive: zipfile.ZipFile, content: Array) -> Array:
    if is_stored(member):
        return stored(content, member)
    with archive.open(member) as file:
        return np.frombuffer(file.read(member.file_size), np.uint8)


def _read_npy(content: Array, budget: Budget, boxed: bool) -> Any:
    file = io.BytesIO(content[:MAX_HEADER].tobytes())
    try:
        version = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if version[0] == 1 else npy.read_array_header_2_0
        shape, fortran, dtype = read_header(file)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TokenError) as error:
        raise Refused(f"its array header is damaged ({error})"[:200]) from error
    elements = content[file.tell() :]
    if dtype.hasobject:
        if boxed and shape == ():
            return Resolver(budget, boxed=True)(unpickle(io.BytesIO(elements.tobytes())))
        raise Refused("it holds an array of Python objects, not of numbers")
    if dtype.kind not in "biufU":
        raise Refused(f"it holds an array of type {dtype}, not of numbers")
    if math.prod(shape) * dtype.itemsize != len(elements):
        raise Refused(f"it holds an array whose shape {shape} and bytes disagree"[:200])
    flat: Array = elements.view(dtype)
    native = flat.astype(dtype.newbyteorder("="), copy=False)
    return native.reshape(shape, order="F" if fortran else "C")
