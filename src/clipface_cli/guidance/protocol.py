"""Interface of text-image models that guide an edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


@dataclass(frozen=True)
class Coverage:
    """How well a model knows the words of a prompt.

    understood: words that are, or mean the same as, concepts of the training captions;
    guessed: other words, each with the concepts it is taken for, nearest first;
    unknown: words that resemble no concept and change nothing;
    unread: words for peoples and places, which the embedded guidance leaves out.
    """

    understood: tuple[str, ...] = ()
    guessed: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unknown: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing in the prompt means anything to the model."""
        return not self.understood and not self.guessed

    def warning(self) -> str | None:
        """A warning for the user, or None when every word is understood."""
        sentences = []
        if self.unread:
            words = ", ".join(f'"{word}"' for word in self.unread)
            sentences.append(
                f"{words} {'is' if len(self.unread) == 1 else 'are'} not read: the embedded model "
                "paints no peoples; describe skin, hair and features, or use CLIP (--guidance)."
            )
        notes = [f"takes {word!r} for {' / '.join(like)}" for word, like in self.guessed]
        if self.unknown:
            notes.append(f"does not know {', '.join(map(repr, self.unknown))}")
        if notes:
            sentences.append(
                f"The embedded guidance {' and '.join(notes)}. "
                "For prompts beyond faces and the looks it was trained on, use CLIP (--guidance)."
            )
        return " ".join(sentences) or None


@runtime_checkable
class Guidance(Protocol):
    """A text-image model; embeddings are not normalised, the losses do that.

    They lie on the model's device, where images must be.

    calibrated: an image's change is as long as that of the words that ask for it, and points
    nearly the same way; a CLIP's does neither.
    """

    name: str
    calibrated: bool

    def to(self, device: torch.device | str) -> Guidance:
        """The model, moved to a device."""
        ...

    def encode_text(self, prompts: list[str]) -> Tensor:
        """Embeddings (B, D) of prompts."""
        ...

    def encode_image(self, images: Tensor) -> Tensor:
        """Embeddings (B, D) of images (B, 3, H, W) in [-1, 1], differentiable, any size."""
        ...

    def understood(self, prompt: str) -> Coverage:
        """Which words of the prompt the model knows."""
        ...
