"""The two sentences that an edit compares (paper sec. 3.2)."""

from __future__ import annotations

PROMPT = "PROMPT"  # what a template has where the prompt goes
SOURCE_PROMPT = "A photo of a face"
TEMPLATE = f"{SOURCE_PROMPT} that looks like {PROMPT}"


def target_sentence(prompt: str, template: str = TEMPLATE) -> str:
    """t_tgt of a prompt; a template without PROMPT is the whole sentence."""
    return template.replace(PROMPT, " ".join(prompt.split()))


def is_sentence(prompt: str) -> bool:
    """Whether a prompt is a whole sentence already: "a photo of ..."."""
    return " ".join(prompt.split()).lower().startswith("a photo of")
