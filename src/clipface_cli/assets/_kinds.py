"""What a file is, told from its content, and the arrays that ClipFace keeps of each kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from clipface_cli.assets._clip import clip_arrays, clip_name, is_clip
from clipface_cli.assets._limits import Refused
from clipface_cli.assets._makers import Array
from clipface_cli.assets._reading import flatten, numbers

Arrays = dict[str, Array]
EXPRESSION = ("exp", "expression", "expression_params", "exp_code")
LATENT = ("w", "w_code", "w_plus", "latent", "latents", "z_to_w")


@dataclass(frozen=True)
class Kind:
    """name: as the user types it; convert: arrays to keep, None when the content is another kind.

    several: a user may have many of it, so that the file's own name enters the imported name.
    """

    name: str
    convert: Callable[[Any], Arrays | None]
    several: bool = False


def find_kind(tree: Any, wanted: str | None = None) -> tuple[Kind, Arrays]:
    """The kind of a content and its arrays; Refused when it is none, or not the wanted one."""
    for kind in KINDS:
        arrays = kind.convert(tree)
        if arrays is not None:
            if wanted not in (None, kind.name):
                raise Refused(f"it holds {kind.name}, not {wanted}")
            return kind, arrays
    raise Refused("it holds no model or data that ClipFace uses")


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
    arrays = {name: _floats(tree[name]) for name in FLAME_ARRAYS}
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


def _floats(value: Any) -> Array:
    array = numbers(value)
    if not np.isfinite(array).all():
        raise Refused("it holds numbers that are not finite")
    return array.astype(np.float32)


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
    return {f"mask.{name}": a.astype(np.int32) for name, a in arrays.items()}


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


def _mapper(tree: Any) -> Arrays | None:
    """Texture mappers stacked over levels, expression mappers of one level, both optional."""
    state = flatten(tree)
    if "texture.layers.0.weight" in state or "expression.layers.0.weight" in state:
        return state  # what we wrote ourselves
    levels = {name.split(".")[0] for name in state if re.match(r"level_\d+\.layers\.", name)}
    if levels:
        texture = [_part(state, f"level_{i}.") for i in range(len(levels))]
    else:
        texture = [_part(state, "texture_mapper.") or _part(state, "", "layers.")]
    expression = _part(state, "geo.") or _part(state, "geometry_mapper.")
    if not all(texture) and not expression:
        return None
    try:
        stacked = {f"texture.{k}": np.stack([t[k] for t in texture]) for k in texture[0]}
    except (KeyError, ValueError) as error:
        raise Refused("it looks like mappers, but its levels differ or one is missing") from error
    return stacked | {f"expression.{k}": v[None] for k, v in expression.items()}


def _part(state: Arrays, prefix: str, within: str = "") -> Arrays:
    """The `layers.N.weight` and `.bias` of one MLP, nothing if `prefix` holds something else."""
    part = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix + within)}
    if not prefix and len(part) != len(state):
        return {}
    ok = all(re.fullmatch(r"layers\.\d+\.(weight|bias)", name) for name in part)
    return part if ok and "layers.0.weight" in part else {}


# --- data ---


def _latents(tree: Any) -> Arrays | None:
    if isinstance(tree, dict):
        tree = next((tree[name] for name in LATENT if name in tree), None)
    if isinstance(tree, (list, tuple)) and tree and all(isinstance(t, np.ndarray) for t in tree):
        if len({t.shape for t in tree}) != 1:
            return None
        tree = np.stack([t.reshape(t.shape[-2:]) for t in tree])
    if not isinstance(tree, np.ndarray) or tree.dtype.kind != "f" or not 1 <= tree.ndim <= 3:
        return None
    return {"w": _floats(tree).reshape((1,) * (3 - tree.ndim) + tree.shape)}


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
    array = _floats(value)
    return array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)


KINDS = (
    Kind("flame", _flame),
    Kind("flame-uv", _flame_uv),
    Kind("flame-landmarks", _landmarks),
    Kind("flame-masks", _masks),
    Kind("deca", _deca),
    Kind("bisenet", _holds("cp.resnet.conv1.weight", "conv_out.conv_out.weight")),
    Kind("clip", _clip),
    Kind("generator", _holds("synthesis.first_block.const", "mapping.layers.0.weight"), True),
    Kind("discriminator", _holds("net.0.weight", "b4.out.weight"), True),
    Kind("mapper", _mapper, True),
    Kind("expressions", _expressions, True),
    Kind("latents", _latents, True),
)
