"""FLAME from its published files: the model, its texture layout, landmarks and regions.

Li et al., "Learning a model of facial shape and expression from 4D scans", 2017. Coefficients: the
first 300 columns of `shapedirs` are shape, the rest expression.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clipface_cli.artifacts import read_tensors, write_tensors
from clipface_cli.assets import Asset, Refused, data_hash, home, imported, read_asset
from clipface_cli.errors import InputError
from clipface_cli.head.model import HeadModel, Landmarks
from clipface_cli.head.transfer import OtherHead, Transfer

SHAPE_COLUMNS = 300
JOINTS = 5
REGISTERED = "clipface-registered"  # format of the embedded head's vertices on another head
# Usual names of the companions, looked for beside the model before the imported assets.
COMPANIONS = {
    "flame-uv": ("head_template.obj", "head_template_mesh.obj"),
    "flame-landmarks": ("landmark_embedding.npy", "flame_static_embedding.pkl"),
    "flame-masks": ("FLAME_masks.pkl",),
}
_EAR_NAMES = ("left_ear", "right_ear")
_EYE_NAMES = ("left_eyeball", "right_eyeball")


def read_flame(path: Path, shape_size: int, expression_size: int) -> HeadModel:
    """FLAME of a .pkl, .npz or imported file, with what is found of its companions.

    What is not there is carried over from the embedded head: regions, landmarks, ARKit units, and
    without head_template.obj the texture layout. Raises InputError when the file is not FLAME or
    has fewer coefficients than asked for.
    """
    asset = read_asset(path, "flame")
    arrays = {name: torch.from_numpy(np.array(a)) for name, a in asset.arrays.items()}
    if len(arrays["parents"]) != JOINTS:
        raise InputError(f"{path} has {len(arrays['parents'])} joints; FLAME has {JOINTS}.")
    shape, expression = _bases(arrays["shapedirs"], shape_size, expression_size, path)
    own_faces = arrays["faces"].long()
    head_id = f"flame-{data_hash(asset.arrays)[:12]}"
    own = _own_layout(path, len(arrays["v_template"]))
    faces = own_faces if own is None else own[0]
    transfer = _transfer(arrays, faces, head_id)
    uv, uv_faces = transfer.layout() if own is None else own[1:]
    tensors = {
        "template": arrays["v_template"],
        "faces": faces,
        "uv": uv,
        "uv_faces": uv_faces,
        "shape_basis": shape,
        "expression_basis": expression,
        "joint_regressor": arrays["J_regressor"],
        "skinning_weights": arrays["weights"],
        "parents": arrays["parents"],
        "corrective_basis": arrays["posedirs"].permute(2, 0, 1),
        "origin": transfer.origin,
    }
    return HeadModel(
        tensors,
        _masks(path, arrays["weights"], transfer),
        transfer.units(),
        head_id,
        _landmarks(path, own_faces, transfer.landmarks()),
        layout="builtin" if own is None else "flame",
        transfer=transfer,
    )


def _bases(directions: Tensor, shape: int, expression: int, path: Path) -> tuple[Tensor, Tensor]:
    """Shape (S, V, 3) and expression (E, V, 3) directions of `shapedirs` (V, 3, 400)."""
    columns = directions.shape[2]
    first = min(SHAPE_COLUMNS, columns)
    if shape > first or expression > columns - first:
        raise InputError(
            f"{path} has {first} shape and {columns - first} expression coefficients, "
            f"fewer than the {shape} and {expression} asked for."
        )
    ordered = directions.permute(2, 0, 1)
    return ordered[:shape].contiguous(), ordered[first : first + expression].contiguous()


def _companion(path: Path, kind: str) -> Asset | None:
    """The file of a usual name beside the model, else the imported one."""
    for name in COMPANIONS[kind]:
        beside = path.parent / name
        if beside.is_file():
            return read_asset(beside, kind)
    known = imported().get(kind)
    return read_asset(known, kind) if known else None


def _own_layout(path: Path, count: int) -> tuple[Tensor, Tensor, Tensor] | None:
    """Faces (F, 3), uv (T, 2) and uv faces (F, 3) of head_template.obj, None without it."""
    asset = _companion(path, "flame-uv")
    if asset is None or len(asset.arrays["vertices"]) != count:
        return None
    faces, uv, uv_faces = (
        torch.from_numpy(np.array(asset.arrays[n])) for n in ("faces", "uv", "uv_faces")
    )
    return faces.long(), uv.float(), uv_faces.long()


def _transfer(arrays: dict[str, Tensor], faces: Tensor, head_id: str) -> Transfer:
    """From the embedded head; its registration is kept in the asset folder for the next time."""
    template, weights = arrays["v_template"], arrays["weights"]
    eyeballs = weights[:, 3:].sum(1) > 0.5
    other = OtherHead(template, faces, eyeballs, (arrays["J_regressor"] @ template)[3:5])
    source = HeadModel.load("builtin")
    kept = home() / "registered" / f"{source.head_id}-on-{head_id}.safetensors"
    placed = read_tensors(kept, REGISTERED)[0]["placed"] if kept.is_file() else None
    transfer = Transfer(source, other, placed)
    if placed is None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(kept, {"placed": transfer.placed}, {"format": REGISTERED})
    return transfer


def _masks(path: Path, weights: Tensor, transfer: Transfer) -> dict[str, Tensor]:
    """Regions in the embedded head's names; published ones go before those carried over."""
    masks = transfer.masks()
    eyeballs = weights[:, 3:].sum(1).clamp(0, 1)
    masks |= {"eyes": eyeballs, "skin": 1 - eyeballs}
    asset = _companion(path, "flame-masks")
    if asset is None:
        return masks
    published = {name.removeprefix("mask."): a for name, a in asset.arrays.items()}
    if any(len(a) and a.max() >= len(weights) for a in published.values()):
        raise Refused(f"{path}: its FLAME_masks.pkl belongs to another model.")
    for name, indices in published.items():
        masks[name] = torch.zeros(len(weights))
        masks[name][torch.from_numpy(np.array(indices)).long()] = 1
    for name, parts in (("ears", _EAR_NAMES), ("eyes", _EYE_NAMES)):
        if all(part in masks for part in parts):
            masks[name] = torch.maximum(masks[parts[0]], masks[parts[1]])
    masks["skin"] = 1 - masks["eyes"]
    return masks


def _landmarks(path: Path, faces: Tensor, carried: Landmarks) -> Landmarks:
    """Sets of landmarks as vertex indices (N, 3) and weights (N, 3).

    Published points of MediaPipe's, which are some of the 468, take the carried ones' places.
    """
    asset = _companion(path, "flame-landmarks")
    sets = dict(carried)
    for name in ("static", "dynamic", "full") if asset else ():
        where = asset.arrays.get(f"{name}_faces") if asset else None
        weights = asset.arrays.get(f"{name}_weights") if asset else None
        if where is None or weights is None or not where.size:
            continue
        if where.min() < 0 or where.max() >= len(faces):
            raise Refused(f"{path}: its landmark embedding belongs to another model.")
        index = torch.from_numpy(np.array(where)).long().flatten()
        sets[name] = (faces[index], torch.from_numpy(np.array(weights)).view(-1, 3))
    which = asset.arrays.get("mediapipe_indices") if asset else None
    if which is not None and "mediapipe" in carried:
        corners, shares = (part.clone() for part in carried["mediapipe"])
        rows = torch.from_numpy(np.array(which)).long().flatten()
        if len(rows) != len(sets["static"][0]) or not 0 <= int(rows.min()) <= int(rows.max()) < 468:
            raise Refused(f"{path}: its landmark embedding names points that there are not.")
        corners[rows], shares[rows] = sets.pop("static")
        sets["mediapipe"] = corners, shares
    return sets
