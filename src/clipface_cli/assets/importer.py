"""Foreign files to safetensors in the user's asset folder, and back to arrays."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clipface_cli.assets._kinds import KINDS, Kind, find_kind, variant
from clipface_cli.assets._makers import Arrays
from clipface_cli.assets._reading import SUFFIXES, one_suffix, read_content
from clipface_cli.assets._tensor_files import read_safetensors, write_safetensors
from clipface_cli.assets.clip_names import MERGES
from clipface_cli.assets.file_format import file_format
from clipface_cli.assets.registry import PUBLISHED, entry, home
from clipface_cli.budget import Refused
from clipface_cli.errors import InputError

FORMAT = "clipface-asset"
VERSION = "1"
_DAMAGED = (  # what reading foreign content may stumble over; RuntimeError covers RecursionError
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass
class Asset:
    """arrays of one `kind` (see `ENTRIES`); header: source, source_sha256, licence and so on."""

    kind: str
    name: str
    arrays: Arrays
    header: dict[str, str]


def read_asset(source: str | Path, kind: str | None = None) -> Asset:
    """Read an imported or an original file (or folder) as arrays; nothing in it is run.

    kind: what it must be, otherwise told from the content; an imported asset then goes by its name
    without the kind, too (`laughing` for `expressions-Laughing`). Raises Refused, an InputError
    that names the file and the reason, for anything else, damaged files, and files that hold code.
    """
    path = locate_asset(source, kind)
    if kind is not None and kind not in {k.name for k in KINDS}:
        raise InputError(
            f"There is no kind {kind!r}; there are {', '.join(k.name for k in KINDS)}."
        )
    try:
        asset = read_imported(path) or _convert(path, kind)
        if kind not in (None, asset.kind):
            raise Refused(f"it holds {asset.kind}, not {kind}")
        return asset
    except Refused as error:
        raise Refused(f"{path} is refused: {error}.") from error
    except _DAMAGED as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        raise Refused(f"{path} is refused: it is damaged ({reason}).") from error


def read_imported(path: Path) -> Asset | None:
    """An asset that `import_asset` wrote; None when the file is something else."""
    if path.is_dir() or file_format(path) != "safetensors":
        return None
    arrays, header = read_safetensors(path)
    if header.get("format") != FORMAT:
        return None
    if header.get("version") != VERSION:
        raise Refused("a newer clipface wrote it; update clipface-cli")
    missing = {"kind", "name", "source", "source_sha256", "licence", "data_sha256"} - header.keys()
    if missing:
        raise Refused(f"its header lacks {min(missing)}")
    return Asset(header["kind"], header["name"], arrays, header)


def import_asset(
    source: str | Path, kind: str | None = None, output: Path | None = None, force: bool = False
) -> Path:
    """Write a foreign file as safetensors, into the asset folder unless `output` says where.

    Returns the written path. The same file again is no error; another one of the same name is,
    unless `force`. Raises Refused for what no command uses.
    """
    asset = read_asset(source, kind)
    if unused := next((k.unused for k in KINDS if k.name == asset.kind), ""):
        raise Refused(f"{source} is refused: it holds a {asset.kind}, which no command uses; "
                      f"{unused}.")  # fmt: skip
    from clipface_cli.artifacts import claim_file, replacing

    target = output or home()
    if output is None or output.is_dir():
        target = target / f"{asset.name}.safetensors"
    if target.is_file() and not force and _same(target, asset):
        return target
    claim_file(target, force)
    header = {**asset.header, "data_sha256": data_hash(asset.arrays)}
    with replacing(target) as partial:
        write_safetensors(partial, asset.arrays, header)
    return target


def imported() -> dict[str, Path]:
    """Names of the imported assets and their files."""
    folder = home()
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


def find_asset(name: str, kind: str | None = None) -> Path | None:
    """The imported asset of that name in any case, or of that kind with its name after the kind."""
    known = imported()
    if name in known:
        return known[name]
    names = (name.lower(), f"{kind}-{name}".lower())
    return next((path for stem, path in known.items() if stem.lower() in names), None)


def locate_asset(source: str | Path, kind: str | None = None) -> Path:
    """The file or folder itself, or what `find_asset` finds; InputError when there is neither."""
    path = Path(source)
    found = path if path.exists() else find_asset(str(source), kind)
    if found is None:
        hint = ", ".join(imported()) or "none"
        raise InputError(
            f"{source} does not exist; give a file, or the name of an imported asset ({hint})."
        )
    return found


def verify(asset: Asset) -> None:
    """Raise InputError when an imported asset is not what was imported."""
    expected = asset.header.get("data_sha256")
    if expected is not None and expected != data_hash(asset.arrays):
        raise InputError(
            f"{asset.name} has changed since it was imported; import {asset.header['source']} "
            "again with --force."
        )


def data_hash(arrays: Arrays) -> str:
    """SHA-256 of names, types, shapes and values."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {arrays[name].shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def _convert(path: Path, wanted: str | None) -> Asset:
    path = path.absolute()  # of "." too, so that it has a name
    tree, files = _read_folder(path) if path.is_dir() else (read_content(path), [path])
    kind, arrays = find_kind(tree, wanted)
    if not arrays:
        raise Refused("it holds nothing")
    name = variant(kind, arrays, path.name if path.is_dir() else path.stem)
    source = files[0].name if len(files) == 1 else path.name
    return Asset(kind.name, name, arrays, _header(kind, name, source, _files_hash(files)))


def _files_hash(files: list[Path]) -> str:
    """SHA-256 of a file, or of several files' names and SHA-256."""
    from clipface_cli.artifacts import file_hash

    if len(files) == 1:
        return file_hash(files[0])
    lines = "".join(f"{file_hash(path)}  {path.name}\n" for path in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def _header(kind: Kind, name: str, source: str, digest: str) -> dict[str, str]:
    listed = entry(kind.name)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind.name,
        "name": name,
        "source": source,
        "source_sha256": digest,
        "licence": listed.licence if listed else "unknown",
    }
    return header | ({"published_as": PUBLISHED[digest]} if digest in PUBLISHED else {})


def _same(target: Path, asset: Asset) -> bool:
    try:
        known = read_imported(target)
    except Refused:
        return False
    return known is not None and known.header["source_sha256"] == asset.header["source_sha256"]


def _read_folder(folder: Path) -> tuple[Any, list[Path]]:
    """Content of a Hugging Face CLIP folder, or of each file of frames or codes; those files."""
    weights = [folder / name for name in ("model.safetensors", "pytorch_model.bin")]
    main = next((path for path in weights if path.is_file()), None)
    if main is not None:
        return _hugging_face(folder, main), [main]
    names = one_suffix([path.name for path in folder.iterdir() if path.is_file()])
    files = [folder / name for name in names]
    if not files:
        raise Refused(_nothing_in(folder))
    return [read_content(path) for path in files], files


def _nothing_in(folder: Path) -> str:
    inside = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if inside:
        return f"it holds no such files but folders ({', '.join(inside)[:200]}); import each"
    return (
        "it is a folder without model.safetensors and without files of frames or latent codes "
        f"({', '.join(SUFFIXES)})"
    )


def _hugging_face(folder: Path, main: Path) -> Any:
    config = folder / "config.json"
    described = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
    if not isinstance(described, dict) or described.get("model_type", "clip") != "clip":
        raise Refused("it is a Hugging Face folder, but not of a CLIP model")
    tree = read_content(main)
    merges = folder / "merges.txt"
    if isinstance(tree, dict) and merges.is_file():
        tree[MERGES] = np.frombuffer(merges.read_bytes(), np.uint8)
    return tree
