"""CLIP-like models as guidance, through transformers; nothing is ever downloaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clipface_cli.assets import Asset, read_asset, verify
from clipface_cli.assets.clip_names import MERGES
from clipface_cli.errors import InputError
from clipface_cli.guidance._pixels import Pixels
from clipface_cli.guidance._tokens import BytePairs, OwnTokens, Tokenizer
from clipface_cli.guidance.protocol import Coverage

_UNMASKED = ("clip", "siglip")  # text towers that know padding from the tokens themselves
_TOKENIZERS = ("tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "tokenizer.model")
_NEUTRAL = {"siglip": 0.5, "siglip2": 0.5}  # mean and deviation other than OpenAI's
_HALF = (torch.float16, torch.bfloat16)


class ClipGuidance(nn.Module):
    """Text and image towers of a CLIP; in float32 on a GPU they compute in bfloat16.

    Embeddings (B, D) are float32, or float64 once the weights are (`.double()`).
    """

    calibrated = False

    def __init__(self, name: str, network: Any, tokenizer: Tokenizer, pixels: Pixels) -> None:
        """network: a transformers model with get_text_features and get_image_features; pixels: how
        images (B, 3, H, W) are made ready for it."""
        super().__init__()
        self.name = name
        network = network.float() if next(network.parameters()).dtype in _HALF else network
        self.network = network.eval().requires_grad_(False)
        self.tokenizer, self.pixels = tokenizer, pixels
        self._texts: dict[str, Tensor] = {}

    def tokenize(self, prompts: list[str]) -> Tensor:
        """Token numbers (B, L); InputError for an empty prompt or one too long."""
        if not all(prompt.strip() for prompt in prompts):
            raise InputError("The prompt has no words; describe a face, as in 'an old man'.")
        return self.tokenizer(prompts)["input_ids"]

    def encode_text(self, prompts: list[str]) -> Tensor:
        """Embeddings (B, D); each prompt goes through the tower once."""
        new = [p for p in dict.fromkeys(prompts) if p not in self._texts]
        if new:
            self.tokenize(new)
            self._texts |= dict(zip(new, self._text_features(new), strict=True))
        return torch.stack([self._texts[p] for p in prompts])

    def encode_image(self, images: Tensor) -> Tensor:
        """Embeddings (B, D) of images (B, 3, H, W) in [-1, 1]."""
        pixels = self.pixels(images).to(self._weight.dtype)
        with self._precision():
            found = self.network.get_image_features(pixel_values=pixels)
        return _pooled(found)

    def understood(self, prompt: str) -> Coverage:
        """All words count as understood: a CLIP has a token for each."""
        return Coverage(understood=(prompt,))

    @torch.no_grad()
    def _text_features(self, prompts: list[str]) -> Tensor:
        tokens = self.tokenizer(prompts)
        arguments = {name: value.to(self._weight.device) for name, value in tokens.items()}
        with self._precision():
            return _pooled(self.network.get_text_features(**arguments))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> ClipGuidance:
        """Convert weights for `.to()` and the like; drops the cached text embeddings."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._texts = {}
        return self

    @property
    def _weight(self) -> Tensor:
        """One of the weights; all have its device and dtype."""
        weight: Tensor = next(self.network.parameters())
        return weight

    def _precision(self) -> torch.autocast:
        kind = self._weight.device.type
        fast = kind == "cuda" and self._weight.dtype == torch.float32
        return torch.autocast(kind, torch.bfloat16, enabled=fast)


def load_openai(path: Path) -> ClipGuidance:
    """OpenAI's .pt archive, or what `clipface assets import` made of a CLIP."""
    require_transformers()
    from clipface_cli.guidance._openai import clip_model

    asset = read_asset(path, "clip")
    verify(asset)
    state = {name: torch.from_numpy(np.array(array)) for name, array in asset.arrays.items()}
    network = clip_model(state)
    tokens = BytePairs(len(state["positional_embedding"]), _merges(asset))
    if tokens.size != len(state["token_embedding.weight"]):
        raise InputError(
            f"{path} reads {len(state['token_embedding.weight'])} tokens, not OpenAI's "
            f"{tokens.size}; import its Hugging Face folder, which has its merges.txt."
        )
    side = network.config.vision_config.image_size
    return ClipGuidance(asset.name, network, tokens, Pixels((side, side)))


def load_transformers(source: str | Path) -> ClipGuidance:
    """A folder that `save_pretrained` wrote, or a model in the hub's cache by its name."""
    require_transformers()
    from transformers import AutoModel

    try:
        network = AutoModel.from_pretrained(
            source, local_files_only=True, trust_remote_code=False, dtype=torch.float32
        )
    except (OSError, ValueError, ImportError, KeyError, RuntimeError) as error:
        raise _absent(source, error) from error
    missing = [n for n in ("get_text_features", "get_image_features") if not hasattr(network, n)]
    if missing:
        kind = network.config.model_type
        raise InputError(f"{source} holds a {kind}, which embeds no texts and images; take a CLIP.")
    kind, text = network.config.model_type, network.config.text_config
    masked = kind not in _UNMASKED
    tokens: Tokenizer
    if any(_file(source, name) for name in _TOKENIZERS):
        tokens = OwnTokens(source, text.max_position_embeddings, masked)
    else:
        tokens = _openai_tokens(source, text)
    side = network.config.vision_config.image_size
    pixels = Pixels.described(_preprocessing(source), side, _NEUTRAL.get(kind))
    return ClipGuidance(Path(source).name, network, tokens, pixels)


def require_transformers() -> None:
    """InputError where the optional package is not installed."""
    try:
        import transformers
    except ImportError as error:
        raise InputError(
            "Guidance by CLIP needs the package transformers; run pip install 'clipface-cli[clip]'."
        ) from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def _openai_tokens(source: str | Path, text: Any) -> BytePairs:
    tokens = BytePairs(text.max_position_embeddings)
    if tokens.size != text.vocab_size:
        raise InputError(
            f"{source} has no tokenizer that fits its {text.vocab_size} tokens; put its "
            "tokenizer.json beside the weights."
        )
    return tokens


def _merges(asset: Asset) -> bytes | None:
    return asset.arrays[MERGES].tobytes() if MERGES in asset.arrays else None


def _preprocessing(source: str | Path) -> dict[str, Any]:
    """The preprocessor_config.json beside the weights, {} where there is none."""
    path = _file(source, "preprocessor_config.json")
    return json.loads(path.read_text(encoding="utf-8")) if path else {}


def _file(source: str | Path, name: str) -> Path | None:
    """A file of the model, None where it has none of that name."""
    from transformers.utils import cached_file

    try:
        path = cached_file(str(source), name, local_files_only=True)
    except OSError:
        return None
    return Path(path) if path else None


def _absent(source: str | Path, error: Exception) -> InputError:
    if Path(source).is_dir():
        return InputError(f"{source} is not a folder of a CLIP that transformers reads: {error}")
    return InputError(
        f"The model {source} is not on this machine; run `hf download {source}` where there is a "
        "network, give the folder of a copy, or use --guidance builtin."
    )


def _pooled(found: Any) -> Tensor:
    features: Tensor = found if isinstance(found, Tensor) else found.pooler_output
    return features.float() if features.dtype in _HALF else features
