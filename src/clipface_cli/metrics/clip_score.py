"""CLIP score (paper sec. 4): how well renders match a prompt, by models that did not guide."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from clipface_cli.assets import imported
from clipface_cli.errors import InputError
from clipface_cli.guidance import Guidance, load_guidance

CLIP_MODELS = ("clip-vit-b-16", "clip-vit-l-14")  # the paper's, by the names of imports
EVALUATOR = "evaluator"


def scoring_models(guide: str, device: torch.device | str = "cpu") -> list[Guidance]:
    """Imported CLIP models other than the one called `guide`, else the embedded evaluator.

    Raises InputError where the evaluator itself guided and no CLIP is there.
    """
    names = [name for name in CLIP_MODELS if name in imported() and name != guide] or [EVALUATOR]
    models = [load_guidance(name).to(device) for name in names]
    others = [model for model in models if model.name != guide]
    if not others:
        raise InputError(
            f"Only {guide} is there to score what {guide} guided; import a CLIP (ViT-B/16 or "
            "ViT-L/14), or guide with another model."
        )
    return others


@torch.no_grad()
def clip_score(images: Tensor, prompt: str, models: Sequence[Guidance]) -> float:
    """Mean cosine of a prompt's embedding and those of renders (B, 3, H, W) in [-1, 1].

    Averaged over renders, then over models.
    """
    scores = [
        cosine_similarity(model.encode_image(images), model.encode_text([prompt])).mean()
        for model in models
    ]
    return float(torch.stack(scores).mean())
