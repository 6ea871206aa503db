"""Read a textured mesh of any topology."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clipface_cli.artifacts.references import References, readable
from clipface_cli.artifacts.scan.builder import ScanBuilder
from clipface_cli.artifacts.scan.gltf import add_gltf
from clipface_cli.artifacts.scan.obj import add_obj
from clipface_cli.artifacts.scan.ply import add_ply
from clipface_cli.artifacts.scan.surface import Scan
from clipface_cli.errors import InputError

_READERS = {".obj": add_obj, ".glb": add_gltf, ".gltf": add_gltf, ".ply": add_ply}


def read_scan(path: Path, allow_outside: bool = False) -> Scan:
    """Read an OBJ with its materials, a GLB or glTF, or a PLY, with pictures or vertex colours.

    allow_outside: also use pictures, materials and buffers outside the mesh's folder. Raises
    InputError for another kind of file, one that cannot be read or asks for what is not read here,
    and where faces have neither a picture nor a colour.
    """
    read = _READERS.get(path.suffix.lower())
    if not path.is_file():
        problem = "is no plain file" if path.exists() else "does not exist"
        raise InputError(f"The scan {path} {problem}.")
    if read is None:
        raise InputError(f"{path} is no scan that can be read; give OBJ, GLB or PLY.")
    builder = ScanBuilder()
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # the scan refuses what comes of it
            read(builder, References(path, allow_outside))
            return builder.scan()
    except InputError as error:
        sentence = readable(str(error))
        if str(path) in sentence or sentence.startswith("The image"):
            raise
        raise InputError(f"{path} {sentence}.") from error
