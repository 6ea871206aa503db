"""CLIP score: how well renders match a prompt, judged by models that did not guide the edit."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from clipface_cli.errors import InputError
from clipface_cli.guidance import Guidance


@torch.no_grad()
def clip_score(images: Tensor, prompt: str, judges: Sequence[Guidance], guide: str) -> float:
    """Mean cosine between a prompt and renders (B, 3, H, W), over all judges but the guide.

    Raises InputError when no judge is left.
    """
    independent = [judge for judge in judges if judge.name != guide]
    if not independent:
        raise InputError(f"Only {guide} is there to score what {guide} guided; add another model.")
    scores = [
        cosine_similarity(judge.encode_image(images), judge.encode_text([prompt])).mean()
        for judge in independent
    ]
    return float(torch.stack(scores).mean())
