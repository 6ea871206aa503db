"""The format of a file, told from its first bytes whatever its name says."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Literal, TypeAlias

from safetensors import SafetensorError, safe_open

FileFormat: TypeAlias = Literal[
    "zip", "npy", "tar", "safetensors", "obj", "torch-legacy", "pickle", "unknown"
]
"""zip: .npz, a zipped folder, or what torch 1.6 and later writes; torch-legacy: what it wrote
before."""

START = 512  # bytes that tell the format; a tar archive has its magic number in the first block
ZIP = b"PK\x03\x04"  # begins each member of a zip archive
TORCH_MAGIC = 0x1950A86A20F9469CFC6C  # pickled at the beginning of torch's older files
_NPY = b"\x93NUMPY"
_TAR, _TAR_OFFSET = b"ustar", 257
_LONGEST_HEADER = 1 << 40  # bytes; a safetensors file begins with the length of its JSON header
_PICKLE_STARTS = b"(]}cdl"  # first instructions of protocols 0 and 1; later ones begin with 0x80
_OBJ_WORDS = ("v ", "vt ", "vn ", "f ", "#", "o ", "g ", "mtllib ", "usemtl ", "s ")


def file_format(path: Path) -> FileFormat:
    """The format of a file; reads its first bytes, and the first member of what may be a tar."""
    with path.open("rb") as file:
        start = file.read(START)
    found = format_of(start)
    return "tar" if found not in ("zip", "npy") and _is_tar(path) else found


def format_of(start: bytes) -> FileFormat:
    """The format of a file of which these are the first 512 bytes, or all."""
    if start.startswith(ZIP):
        return "zip"
    if start.startswith(_NPY):
        return "npy"
    if start.startswith(_TAR, _TAR_OFFSET):
        return "tar"
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < _LONGEST_HEADER:
        return "safetensors"
    if _is_obj(start):
        return "obj"
    if TORCH_MAGIC.to_bytes(10, "little") in start[:32]:
        return "torch-legacy"
    return "pickle" if start[:1] == b"\x80" or start[:1] in _PICKLE_STARTS else "unknown"


def header_of(path: Path) -> dict[str, str] | None:
    """The strings in the header of a safetensors file; None for other files and damaged ones."""
    try:
        with safe_open(path, "np") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError):
        return None


def own_format(path: Path) -> str:
    """The `format` that ClipFace wrote into the header of a safetensors file; empty without it."""
    return (header_of(path) or {}).get("format", "")


def _is_obj(start: bytes) -> bool:
    """Whether the first lines of a file are statements of a Wavefront OBJ."""
    lines = start.decode("latin-1").replace("\r", "\n").split("\n")[:-1]
    lines = [line.strip() for line in lines if line.strip()]
    return bool(lines) and all(line.startswith(_OBJ_WORDS) for line in lines)


def _is_tar(path: Path) -> bool:
    """Whether a file is a tar archive, which may be compressed or lack the magic number."""
    try:
        return tarfile.is_tarfile(path)
    except OSError:
        return False
