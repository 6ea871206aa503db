"""The prompts that an edit compares (paper section 3.2), and what they are made of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from clipface_cli.guidance.protocol import Guidance

SOURCE_PROMPT = "A photo of a face"
ENSEMBLE = (  # what comes before "face"; their directions are averaged
    "A photo of a",
    "A close-up photo of a",
    "A cropped photo of a",
    "A good photo of a",
    "A rendering of a",
    "A portrait of a",
)
_JOINTS = re.compile(r"\s*[,;+&]\s*(?:and\s+)?|\s+(?:and|with)\s+", re.IGNORECASE)


def target_prompt(prompt: str) -> str:
    """The target t_tgt for what a person typed; a whole "a photo of ..." is taken as it is."""
    prompt = " ".join(prompt.split())
    if prompt.lower().startswith("a photo of"):
        return prompt
    return f"{SOURCE_PROMPT} that looks like {prompt}"


def text_direction(guidance: Guidance, prompt: str) -> Tensor:
    """Δt (1, D) = E_T(target) - E_T(source); paper eq. 5."""
    target, source = guidance.encode_text([target_prompt(prompt), SOURCE_PROMPT])
    return (target - source)[None]


def ensemble_direction(guidance: Guidance, prompt: str) -> Tensor:
    """Mean of the directions between normalised embeddings over `ENSEMBLE` (1, D)."""
    face = target_prompt(prompt).removeprefix("A photo of a ")
    if face.lower().startswith("a photo of"):
        return text_direction(guidance, prompt)
    targets = guidance.encode_text([f"{start} {face}" for start in ENSEMBLE])
    sources = guidance.encode_text([f"{start} face" for start in ENSEMBLE])
    return (F.normalize(targets, dim=1) - F.normalize(sources, dim=1)).mean(0, keepdim=True)


def split_prompt(prompt: str) -> Sequence[str]:
    """What a prompt asks for one by one: "laughing, red lips and a beard" -> three parts."""
    parts = [part.strip() for part in _JOINTS.split(prompt)]
    return [part for part in parts if part] or [prompt.strip()]
