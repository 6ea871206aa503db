"""The kinds of assets: recognised by their content, each with the arrays that are kept of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from clipface_cli.assets._clip import clip_arrays, clip_name, is_clip
from clipface_cli.assets._latents import latents
from clipface_cli.assets._makers import Array, Arrays
from clipface_cli.assets._mappers import mapper, motion_mapper
from clipface_cli.assets._reading import flatten, floats, numbers
from clipface_cli.budget import Refused

EXPRESSION = ("exp", "expression", "expression_params", "exp_code")
FLAME_VERTICES = 5023
TEXTURE_COMPONENTS = 50  # of 200; as many as eq. 24 and DECA use: 79 MB


@dataclass(frozen=True)
class Kind:
    """name: as the user types it; convert: arrays to keep, None when the content is another kind.

    several: a user may have many of it, so that the file's own name enters the imported name.
    unused: why it is read, but not imported.
    """

    name: str
    convert: Callable[[Any], Arrays | None]
    several: bool = False
    unused: str = ""


def find_kind(tree: Any, wanted: str | None = None) -> tuple[Kind, Arrays]:
    """The kind of a content and its arrays; Refused when it is none, or not the wanted one.

    The wanted kind goes first: a sidecar, for one, has both expressions and latents.
    """
    for kind in sorted(KINDS, key=lambda kind: kind.name != wanted):
        arrays = kind.convert(tree)
        if arrays is not None:
            if wanted not in (None, kind.name):
                raise Refused(f"it holds {kind.name}, not {wanted}")
            return kind, arrays
    if isinstance(tree, list):
        raise Refused("its files are neither frames of expression and pose nor latent codes; "
                      "import those you need one by one")  # fmt: skip
    raise Refused("it holds no model or data that a clipface command uses")


def variant(kind: Kind, arrays: Arrays, stem: str) -> str:
    """The name under which an import of this kind is kept."""
    if kind.name == "clip":
        return clip_name(arrays)
    return f"{kind.name}-{_slug(stem)}" if kind.several else kind.name


def _slug(stem: str) -> str:
    return re.sub(r"[^\w.]+", "-", stem).strip("-.")[:60] or "file"


# --- FLAME and its companions ---

FLAME_ARRAYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights")


def _flame(tree: Any) -> Arrays | None:
    if not isinstance(tree, dict) or not {*FLAME_ARRAYS, "kintree_table", "f"} <= tree.keys():
        return None
    arrays = {name: floats(tree[name]) for name in FLAME_ARRAYS}
    faces, chain = numbers(tree["f"]), numbers(tree["kintree_table"])
    vertices, joints = len(arrays["v_template"]), arrays["J_regressor"].shape[0]
    expected = {
        "v_template": (vertices, 3),
        "shapedirs": (vertices, 3, arrays["shapedirs"].shape[-1]),
        "posedirs": (vertices, 3, 9 * (joints - 1)),
        "J_regressor": (joints, vertices),
        "weights": (vertices, joints),
    }
    wrong = [name for name, shape in expected.items() if arrays[name].shape != shape]
    if wrong or chain.shape != (2, joints) or faces.ndim != 2 or faces.shape[1] != 3:
        raise Refused(f"it looks like FLAME, but its {(wrong or ['kintree_table or f'])[0]} has "
                      "another shape than its other parts")  # fmt: skip
    if faces.size and not 0 <= faces.min() <= faces.max() < vertices:
        raise Refused("it looks like FLAME, but its faces name vertices it does not have")
    parents = chain[0].astype(np.int64)
    parents[(parents < 0) | (parents >= joints)] = -1
    if (parents >= np.arange(joints)).any():
        raise Refused("it looks like FLAME, but its joints are not in order")
    return {**arrays, "faces": faces.astype(np.int32), "parents": parents.astype(np.int32)}


def _flame_uv(tree: Any) -> Arrays | None:
    names = {"vertices", "faces", "uv", "uv_faces"}
    if not isinstance(tree, dict) or tree.keys() != names:
        return None
    if len(tree["uv"]) == 0:
        raise Refused("it is a mesh without texture coordinates; head_template.obj has them")
    return {name: tree[name] for name in sorted(names)}


_LANDMARKS = {
    "static_lmk_faces_idx": "static_faces", "static_lmk_bary_coords": "static_weights",
    "dynamic_lmk_faces_idx": "dynamic_faces", "dynamic_lmk_bary_coords": "dynamic_weights",
    "full_lmk_faces_idx": "full_faces", "full_lmk_bary_coords": "full_weights",
    "lmk_face_idx": "static_faces", "lmk_b_coords": "static_weights",
    "landmark_indices": "mediapipe_indices",
}  # fmt: skip


def _landmarks(tree: Any) -> Arrays | None:
    if not isinstance(tree, dict):
        return None
    found = {ours: numbers(tree[theirs]) for theirs, ours in _LANDMARKS.items() if theirs in tree}
    if not {"static_faces", "static_weights"} <= found.keys():
        return None
    whole = {name: a.astype(np.int32) for name, a in found.items() if "weights" not in name}
    return whole | {name: a.astype(np.float32) for name, a in found.items() if "weights" in name}


def _masks(tree: Any) -> Arrays | None:
    if not isinstance(tree, dict) or not {"face", "nose", "scalp", "neck"} <= tree.keys():
        return None
    arrays = {str(name): numbers(value) for name, value in tree.items()}
    if any(a.ndim != 1 or a.dtype.kind not in "iu" for a in arrays.values()):
        return None
    last = max((int(a.max()) for a in arrays.values() if a.size), default=0)
    if last >= FLAME_VERTICES:
        raise Refused(
            f"its indices go up to {last}, beyond FLAME's {FLAME_VERTICES} vertices; they are of "
            "triangles, which no command uses. Take FLAME_masks.pkl"
        )
    return {f"mask.{name}": a.astype(np.int32) for name, a in arrays.items()}


def _flame_texture(tree: Any) -> Arrays | None:
    """Colours as in the file, in 0..255, blue first: `mean` (R, R, 3), `tex_dir` (R, R, 3, K).

    The first `TEXTURE_COMPONENTS` directions are kept, in half precision: to 0.02 levels.
    """
    if not isinstance(tree, dict):
        return None
    if {"MU", "PC"} <= tree.keys():
        raise Refused("it is the albedo model made from BFM, which no command uses; FLAME's own "
                      "texture model is FLAME_texture.npz")  # fmt: skip
    if not {"mean", "tex_dir"} <= tree.keys():
        return None
    mean, directions = floats(tree["mean"]), numbers(tree["tex_dir"])
    if mean.shape != (len(mean), len(mean), 3) or directions.shape[:-1] != mean.shape:
        raise Refused(f"it looks like FLAME's texture model, but mean {mean.shape} and tex_dir "
                      f"{directions.shape} do not fit together")  # fmt: skip
    with np.errstate(over="ignore"):
        kept = directions[..., :TEXTURE_COMPONENTS].astype(np.float16)
    if not kept.size or not np.isfinite(kept).all():
        raise Refused("it looks like FLAME's texture model, but tex_dir is empty or not finite")
    return {"mean": mean, "tex_dir": kept}


# --- networks ---


def _deca(tree: Any) -> Arrays | None:
    state = flatten(tree)
    prefix = "E_flame." if any(name.startswith("E_flame.") for name in state) else ""
    if f"{prefix}encoder.conv1.weight" not in state or f"{prefix}layers.0.weight" not in state:
        return None
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _holds(*names: str) -> Callable[[Any], Arrays | None]:
    """State dicts that have all of `names`; they may lie inside `state_dict` or the like."""

    def convert(tree: Any) -> Arrays | None:
        state = _state(tree)
        return dict(state) if all(name in state for name in names) else None

    return convert


def _state(tree: Any) -> Mapping[str, Array]:
    state = flatten(tree)
    for outer in ("state_dict.", "model.", "module.", "g_ema."):
        if state and all(name.startswith(outer) for name in state):
            state = {name.removeprefix(outer): value for name, value in state.items()}
    return state


def _clip(tree: Any) -> Arrays | None:
    state = _state(tree)
    return clip_arrays(state) if is_clip(state) else None


# --- data ---


def _expressions(tree: Any) -> Arrays | None:
    """Frames (T, E) and (T, 6) of one dict, or of a list of dicts with one frame each."""
    if isinstance(tree, (list, tuple)) and tree and all(isinstance(t, dict) for t in tree):
        frames = [_expressions(frame) for frame in tree]
        if any(frame is None for frame in frames):
            return None
        first = [frame for frame in frames if frame is not None]
        try:
            return {name: np.concatenate([f[name] for f in first]) for name in first[0]}
        except (KeyError, ValueError) as error:
            raise Refused("its frames have different parts") from error
    if not isinstance(tree, dict) or "pose" not in tree:
        return None
    expression = next((tree[name] for name in EXPRESSION if name in tree), None)
    if expression is None:
        return None
    arrays = {"expression": _rows(expression), "pose": _rows(tree["pose"])}
    if "shape" in tree:
        arrays["shape"] = _rows(tree["shape"])
    frames_count = len(arrays["expression"])
    if arrays["pose"].shape != (frames_count, 6):
        raise Refused(f"its pose has the shape {arrays['pose'].shape}, not ({frames_count}, 6)")
    return arrays


def _rows(value: Any) -> Array:
    array = floats(value)
    return array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)


KINDS = (
    Kind("flame", _flame),
    Kind("flame-uv", _flame_uv),
    Kind("flame-landmarks", _landmarks),
    Kind("flame-masks", _masks),
    Kind("flame-texture", _flame_texture),
    Kind("deca", _deca),
    Kind("bisenet", _holds("cp.resnet.conv1.weight", "conv_out.conv_out.weight")),
    Kind("inception", _holds("Mixed_7c.branch3x3dbl_3b.conv.weight", "Conv2d_1a_3x3.conv.weight")),
    Kind("clip", _clip),
    Kind("generator", _holds("synthesis.first_block.const", "mapping.layers.0.weight"), True),
    Kind(
        "discriminator",
        _holds("net.0.weight", "b4.out.weight"),
        unused="in Python, Discriminator.load reads the file as it is",
    ),
    Kind("motion-mapper", motion_mapper, True),
    Kind("mapper", mapper, True),
    Kind("expressions", _expressions, True),
    Kind("latents", latents, True),
)
