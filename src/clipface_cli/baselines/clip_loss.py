"""Renders of a textured head and their cosine with texts, which all baselines share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.errors import InputError
from clipface_cli.guidance import Guidance, is_sentence, target_sentence
from clipface_cli.render import Camera, Light, Renderer


def target(prompt: str) -> str:
    """The target text t of a prompt: the paper's template, or the prompt if it is a sentence.

    Raises InputError for an empty prompt.
    """
    words = " ".join(prompt.split())
    if not words:
        raise InputError("The prompt is empty; say what the face should look like.")
    return words if is_sentence(words) else target_sentence(words)


@torch.no_grad()
def embed_text(guidance: Guidance, texts: list[str]) -> Tensor:
    """Embeddings (K, D) of texts, of length one."""
    return F.normalize(guidance.encode_text(texts), dim=1)


def cosines(images: Tensor, texts: Tensor) -> Tensor:
    """Cosines (N, K) of embeddings of images (N, D), of any length, and of texts (K, D)."""
    return F.normalize(images, dim=1) @ texts.T


def draw(
    renderer: Renderer,
    vertices: Tensor,
    texture: Tensor,
    camera: Camera,
    light: Light | None = None,
) -> Tensor:
    """Images (N, 3, H, W) of one mesh (1, V, 3) with a texture (1, 3, R, R) from N cameras."""
    image, _ = renderer(vertices.repeat(len(camera), 1, 1), texture, camera, light)
    return image


def uniform(random: torch.Generator, count: int, most: float) -> Tensor:
    """Uniform random numbers (N,) in -most..most, N = `count`, on the CPU as `random` is."""
    return (2 * torch.rand(count, generator=random, device="cpu") - 1) * most
