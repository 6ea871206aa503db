"""CLIP state dicts: OpenAI's names are kept, Hugging Face's are turned into them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from clipface_cli.assets._makers import Array
from clipface_cli.assets.clip_names import BLOCK, MERGES, OUTER, TOWERS, outer_name
from clipface_cli.budget import Refused

State = Mapping[str, Array]
_SETTINGS = ("input_resolution", "context_length", "vocab_size")
_SIZES = {768: "vit-b", 1024: "vit-l"}


def is_clip(state: State) -> bool:
    """Whether these are a CLIP's towers, in OpenAI's names or in Hugging Face's."""
    openai = "token_embedding.weight" in state and any(k.startswith("visual.") for k in state)
    return openai or {"visual_projection.weight", "text_projection.weight"} <= state.keys()


def clip_arrays(state: State) -> dict[str, Array]:
    """The towers in OpenAI's names; Refused for the ResNet variants."""
    if "visual_projection.weight" in state:
        return _from_hugging_face(state)
    if "visual.class_embedding" not in state:
        raise Refused("it is a CLIP with a ResNet; take one with a ViT, such as ViT-B-32.pt")
    return {name: value for name, value in state.items() if name not in _SETTINGS}


def clip_name(state: State) -> str:
    """`clip-vit-b-32` and so on, from the shapes."""
    width, _, patch, _ = state["visual.conv1.weight"].shape
    side = round((len(state["visual.positional_embedding"]) - 1) ** 0.5) * patch
    size = _SIZES.get(width, f"vit-{width}")
    return f"clip-{size}-{patch}" + ("" if side == 224 else f"-{side}")


def _from_hugging_face(state: State) -> dict[str, Array]:
    kept = {
        "visual.proj": state["visual_projection.weight"].T,
        "text_projection": state["text_projection.weight"].T,
    }
    for name, value in state.items():
        block = re.match(r"(\w+_model)\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
        if block:
            tower, number, part, end = block.groups()
            prefix = f"{TOWERS.get(tower)}.resblocks.{number}"
            if part in BLOCK:
                kept[f"{prefix}.{BLOCK[part]}.{end}"] = value
            elif part == "self_attn.q_proj":
                kept[f"{prefix}.attn.in_proj_{end}"] = _joined(state, name)
            continue
        outer = outer_name(name, OUTER)
        if outer or name == MERGES:
            kept[outer or name] = value
    return kept


def _joined(state: State, query: str) -> Array:
    """Query, key and value projections in one matrix."""
    names = [query.replace("q_proj", part) for part in ("q_proj", "k_proj", "v_proj")]
    missing = [name for name in names if name not in state]
    if missing:
        raise Refused(f"it lacks {missing[0]}")
    return np.concatenate([state[name] for name in names])
