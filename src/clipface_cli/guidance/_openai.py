"""OpenAI's CLIP weights in transformers' CLIPModel; transformers names what we call HF here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from clipface_cli.assets.clip_names import BLOCK, OUTER, TOWERS, outer_name
from clipface_cli.errors import InputError

if TYPE_CHECKING:
    from transformers import CLIPConfig, CLIPModel

_HEAD = 64  # width of an attention head in every published CLIP
_BLOCK, _OUTER, _TOWERS = (
    {openai: hf for hf, openai in names.items()} for names in (BLOCK, OUTER, TOWERS)
)


def clip_model(state: Mapping[str, Tensor]) -> CLIPModel:
    """The towers of OpenAI's state dict (a ViT); InputError where parts are missing."""
    from transformers import CLIPModel

    try:
        model = CLIPModel(_config(state))
        model.load_state_dict(_renamed(state), strict=True)
    except (KeyError, RuntimeError) as error:
        raise InputError(f"These weights are not a whole CLIP: {error}") from error
    return model


def _config(state: Mapping[str, Tensor]) -> CLIPConfig:
    """Sizes read from the shapes."""
    from transformers import CLIPConfig

    width, _, patch, _ = state["visual.conv1.weight"].shape
    side = round((len(state["visual.positional_embedding"]) - 1) ** 0.5) * patch
    vocabulary, text_width = state["token_embedding.weight"].shape
    shared = {"hidden_act": "quick_gelu", "projection_dim": state["text_projection"].shape[1]}
    text = {
        "vocab_size": vocabulary,
        "max_position_embeddings": len(state["positional_embedding"]),
        "bos_token_id": vocabulary - 2,
        "eos_token_id": vocabulary - 1,
        **_tower(text_width, _depth(state, "transformer")),
    }
    vision = {
        "image_size": side, "patch_size": patch,
        **_tower(width, _depth(state, "visual.transformer")),
    }  # fmt: skip
    return CLIPConfig(
        text_config={**shared, **text},
        vision_config={**shared, **vision},
        projection_dim=shared["projection_dim"],
    )


def _tower(width: int, depth: int) -> dict[str, Any]:
    return {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": depth,
        "num_attention_heads": max(2, width // _HEAD),
    }


def _depth(state: Mapping[str, Tensor], tower: str) -> int:
    numbers = (re.match(rf"{re.escape(tower)}\.resblocks\.(\d+)\.", name) for name in state)
    return 1 + max((int(n.group(1)) for n in numbers if n), default=-1)


def _renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    found = {
        "visual_projection.weight": state["visual.proj"].T,
        "text_projection.weight": state["text_projection"].T,
    }
    for name, value in state.items():
        block = re.match(r"(.+)\.resblocks\.(\d+)\.(.+?)[._](weight|bias)$", name)
        if block:
            tower, number, part, end = block.groups()
            prefix = f"{_TOWERS[tower]}.encoder.layers.{number}"
            if part == "attn.in_proj":
                for key, third in zip(("q", "k", "v"), value.chunk(3), strict=True):
                    found[f"{prefix}.self_attn.{key}_proj.{end}"] = third
            else:
                found[f"{prefix}.{_BLOCK[part]}.{end}"] = value
            continue
        if outer := outer_name(name, _OUTER):
            found[outer] = value
    return {name: torch.as_tensor(value).float() for name, value in found.items()}
