"""Sources of a textured mesh: NAME.clipface.safetensors beside NAME.obj."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from clipface_cli.artifacts.tensors import read_tensors, write_tensors
from clipface_cli.errors import InputError

FORMAT = "clipface-mesh"
VERSION = "1"
_EARLIER = "earlier."
HEAD_TENSORS = ("shape", "expression", "pose")


@dataclass
class Sidecar:
    """Parameters of one textured head.

    shape (1, S), expression (1, E): coefficients; pose (1, 6) radians; w (1, L, 512): the
    texture's latent code, None where the texture is not a generator's. displacement (1, V, 3)
    metres at rest, where the coefficients alone do not make the head.
    head, generator: what to load, as the user gave it; head_id: which head that was.
    history: one entry per edit, oldest first, each with at least a "prompt".
    texture_hash: SHA-256 of the texture's pixels that w belongs to, "" where it is not known.
    earlier: what undoes the last edits, oldest first: "expression", "w" and the texture as "png".
    """

    head_id: str
    shape: Tensor
    expression: Tensor
    pose: Tensor
    w: Tensor | None = None
    generator: str = "builtin"
    head: str = "builtin"
    displacement: Tensor | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    texture_hash: str = ""
    earlier: list[dict[str, Tensor]] = field(default_factory=list)


def sidecar_path(mesh: Path) -> Path:
    """heads/000.obj -> heads/000.clipface.safetensors."""
    return mesh.with_suffix(".clipface.safetensors")


def write_sidecar(path: Path, sidecar: Sidecar) -> None:
    """Write the sidecar; the same content gives the same bytes."""
    tensors = {name: getattr(sidecar, name) for name in HEAD_TENSORS}
    optional = {"w": sidecar.w, "displacement": sidecar.displacement}
    tensors |= {name: tensor for name, tensor in optional.items() if tensor is not None}
    for step, state in enumerate(sidecar.earlier):
        tensors |= {f"{_EARLIER}{step}.{name}": tensor for name, tensor in state.items()}
    header = {
        "format": FORMAT,
        "version": VERSION,
        "head_id": sidecar.head_id,
        "generator": sidecar.generator,
        "head": sidecar.head,
        "history": json.dumps(sidecar.history, ensure_ascii=False),
        "texture_hash": sidecar.texture_hash,
    }
    write_tensors(path, tensors, header)


def read_sidecar(path: Path) -> Sidecar:
    """Read a sidecar; InputError when the file is something else or from a newer version."""
    tensors, header = read_tensors(path, FORMAT)
    if header.get("version") != VERSION:
        raise InputError(f"{path} was written by a newer clipface; update clipface-cli.")
    missing = [name for name in HEAD_TENSORS if name not in tensors]
    if missing:
        raise InputError(f"{path} lacks {missing[0]}; delete it, the mesh will be fitted instead.")
    return Sidecar(
        head_id=header["head_id"],
        shape=tensors["shape"],
        expression=tensors["expression"],
        pose=tensors["pose"],
        w=tensors.get("w"),
        generator=header["generator"],
        head=header.get("head", "builtin"),
        displacement=tensors.get("displacement"),
        history=json.loads(header["history"]),
        texture_hash=header.get("texture_hash", ""),
        earlier=_earlier(tensors),
    )


def _earlier(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """The states before the last edits, oldest first."""
    states: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        if key.startswith(_EARLIER):
            step, _, name = key.removeprefix(_EARLIER).partition(".")
            states.setdefault(int(step), {})[name] = tensor
    return [states[step] for step in sorted(states)]
