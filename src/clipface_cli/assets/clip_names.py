"""Names of a CLIP's parts: what Hugging Face calls them, and what OpenAI does."""

from __future__ import annotations

from collections.abc import Mapping

BLOCK = {  # inside a transformer's block; queries, keys and values are one matrix at OpenAI's
    "layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}  # fmt: skip
OUTER = {
    "logit_scale": "logit_scale",
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.pre_layrnorm": "visual.ln_pre",
    "vision_model.post_layernorm": "visual.ln_post",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm": "ln_final",
}
TOWERS = {"vision_model": "visual.transformer", "text_model": "transformer"}
MERGES = "tokenizer.merges"  # bytes of the byte-pair merges, where the source has them


def outer_name(name: str, names: Mapping[str, str]) -> str | None:
    """A weight outside the blocks by `OUTER`, either way round; None where it is not there."""
    stem, _, end = name.rpartition(".")
    return names.get(name) or (f"{names[stem]}.{end}" if stem in names else None)
