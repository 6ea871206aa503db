"""Head and generator of a command, by the words the user types, and where they compute."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

    from clipface_cli.head import HeadModel
    from clipface_cli.texture import Generator

Model = TypeVar("Model")


def load_head(source: str | None, mesh: Path | None = None) -> HeadModel:
    """The head asked for, else the one a mesh's sidecar names, else the embedded one."""
    from clipface_cli.artifacts import read_sidecar, sidecar_path
    from clipface_cli.head import HeadModel

    if source is None and mesh is not None and sidecar_path(mesh).is_file():
        source = read_sidecar(sidecar_path(mesh)).head
    return HeadModel.load(source or "builtin")


def load_generator(source: str, head: HeadModel, device: str = "cpu") -> Generator:
    """A generator that paints the head's texture layout, on this device."""
    from clipface_cli.texture import Generator, generator_for

    return generator_for(head, Generator.load(source)).to(device)


def weight_files(*sources: str | None) -> list[Path]:
    """The files of what was given by path or imported name, whose hashes run.json has."""
    from clipface_cli.assets import locate_asset

    found: list[Path] = []
    for source in filter(None, sources):
        path = locate_asset(source)
        found += sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    return found


def load_on(model: Model, device: str) -> Model:
    """The model where it is to compute: itself on the CPU, else a copy.

    Portraits and files are made on the CPU, so a head stays there as well.
    """
    if device == "cpu" or not hasattr(model, "to"):
        return model
    module: torch.nn.Module = copy.deepcopy(model)  # type: ignore[assignment]
    return module.to(device)  # type: ignore[return-value]
