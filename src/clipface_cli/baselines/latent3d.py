"""Latent3d (Canfes et al. 2022): an offset of a pretrained generator's 4x4 layer (eq. 16-19)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from clipface_cli.baselines.clip_loss import cosines, draw, embed_text, target
from clipface_cli.baselines.optimize import Clock, optimize
from clipface_cli.baselines.protocol import (
    BaselineResult,
    Budget,
    Callback,
    TexturedHead,
    settings_of,
)
from clipface_cli.errors import InputError
from clipface_cli.guidance import Guidance, is_sentence
from clipface_cli.render import Camera, Renderer
from clipface_cli.texture import Generator
from clipface_cli.texture.generator import SynthesisLayer, SynthesisPrologue

TEMPLATES = (
    "a photo of a {}",
    "a face of a {}",
    "a close-up photo of a {}",
    "a good photo of a {}",
    "a rendering of a {}",
    "a 3D face of a {}",
)
NOTES = (
    (
        "The weights of TB-GAN cannot be shipped: the offset is that of the 4x4 layer of the "
        "texture generator used here, which paints textures and no shapes, so the shape stays."
    ),
    "The head is what the generator paints of its code; what its texture has beyond that is lost.",
    f"{len(TEMPLATES)} text templates stand for the authors' longer list.",
)
GUIDING = "The identity term compares embeddings of the guidance, not of ArcFace."

Identity = Callable[[Tensor], Tensor]
"""Renders (N, 3, H, W) in [-1, 1] to embeddings of who they show (N, D); differentiable."""


@dataclass(frozen=True)
class Latent3d:
    """Its settings, from the published code unless said otherwise.

    identity: R of eq. 17, None for the guidance's image embedding: the evaluator must not guide.
    """

    steps: int = 100
    rate: float = 0.01  # of Adam
    identity_weight: float = 0.01  # λ_ID of eq. 16
    norm_weight: float = 0.001  # λ_L2 of eq. 16; published for the squared change of the render
    yaws: tuple[float, ...] = (3.0, 30.0, -30.0)  # degrees; the first view shows the identity
    resolution: int = 224  # pixels of a render
    templates: tuple[str, ...] = TEMPLATES  # ours, after the two that the paper names
    identity: Identity | None = None

    def __call__(
        self,
        start: TexturedHead,
        prompt: str,
        guidance: Guidance,
        budget: Budget,
        seed: int = 0,
        callback: Callback | None = None,
    ) -> BaselineResult:
        """Change the coarsest features that the head's texture is painted from.

        Nothing is random: the seed changes nothing. Raises InputError where the head has no code.
        """
        clock = Clock(budget)
        w, generator = _code(start)
        sentences = self.sentences(prompt)
        texts, vertices = embed_text(guidance, list(sentences)), start.vertices()
        renderer = Renderer(start.head, self.resolution)
        camera = Camera.turned(list(self.yaws), device=start.device)
        identity = self.identity or guidance.encode_image
        layer = first_layer(generator)
        offset = torch.zeros(1, len(layer.bias), 4, 4, device=start.device, requires_grad=True)

        def texture() -> Tensor:
            with shifted(layer, offset):
                return generator.synthesis(w).clamp(-1, 1)

        def seen() -> Tensor:
            return draw(renderer, vertices, texture(), camera)

        with torch.no_grad():
            before = identity(seen()[:1])

        def loss() -> Tensor:
            images = seen()
            return (
                clip_loss(guidance.encode_image(images), texts)
                + self.identity_weight * identity_loss(before, identity(images[:1]))
                + self.norm_weight * offset_loss(offset)
            )

        def head() -> TexturedHead:
            with torch.no_grad():
                return replace(start, texture=texture())

        optimizer = torch.optim.Adam([offset], lr=self.rate)
        losses = optimize(optimizer, loss, clock, self.steps, head, callback)
        notes = NOTES if self.identity else (*NOTES, GUIDING)
        facts = clock.seconds, settings_of(self), sentences, notes
        return BaselineResult(head(), losses, *facts, clock.interrupted)

    def sentences(self, prompt: str) -> tuple[str, ...]:
        """t_j of eq. 19: the prompt in each of K templates, or alone if it is a sentence."""
        words = " ".join(prompt.split())
        if not words or is_sentence(words):
            return (target(words),)
        return tuple(template.format(words) for template in self.templates)


def _code(start: TexturedHead) -> tuple[Tensor, Generator]:
    """The head's code and its generator."""
    if start.w is None or start.generator is None:
        raise InputError(
            "Latent3d changes what a generator paints, and this head has no code of one; give a "
            "head that was sampled, fitted or inverted."
        )
    return start.w, start.generator


def first_layer(generator: Generator) -> SynthesisLayer:
    """The layer whose output (B, C, 4, 4) is c of eq. 16: what all finer levels are made of."""
    for module in generator.synthesis.modules():
        if isinstance(module, SynthesisPrologue):
            return module.conv1
    raise InputError("Latent3d needs a generator that begins at 4x4, as StyleGAN2 does.")


@contextmanager
def shifted(layer: SynthesisLayer, offset: Tensor) -> Iterator[None]:
    """Within the block the layer gives c + Δc; offset Δc (1, C, 4, 4)."""
    hook = layer.register_forward_hook(lambda _module, _inputs, c: c + offset)
    try:
        yield
    finally:
        hook.remove()


def clip_loss(images: Tensor, texts: Tensor) -> Tensor:
    """L_CLIP: mean cosine distance of N renders' embeddings (N, D) and K texts' (K, D); eq. 19."""
    return (1 - cosines(images, texts)).mean()


def identity_loss(before: Tensor, after: Tensor) -> Tensor:
    """L_ID = 1 - <R(G(c)), R(G(c + Δc))> of embeddings (1, D), the cosine; eq. 17."""
    return 1 - torch.cosine_similarity(before, after, dim=1).mean()


def offset_loss(offset: Tensor) -> Tensor:
    """L_L2 = ||c - (c + Δc)||_2 of an offset of any shape; eq. 18. Its slope at zero is zero."""
    return torch.linalg.vector_norm(offset)
