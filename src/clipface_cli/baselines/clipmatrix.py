"""ClipMatrix (Jetchev 2021): an offset of the UV image, seen from random cameras (eq. 20-22)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from clipface_cli.baselines.clip_loss import cosines, draw, embed_text, target, uniform
from clipface_cli.baselines.optimize import Clock, optimize
from clipface_cli.baselines.protocol import (
    BaselineResult,
    Budget,
    Callback,
    TexturedHead,
    settings_of,
)
from clipface_cli.guidance import Guidance
from clipface_cli.render import Camera, Renderer

NOTES = (
    (
        "Only the texture is optimised, as in the paper's appendix 8; the published tool also "
        "moves vertices, paints normal maps and shades with a network."
    ),
    "Cameras stand before the face; the published tool also looks from behind.",
)


@dataclass(frozen=True)
class ClipMatrix:
    """Its settings; from the ClipMatrix paper and its published tool unless said otherwise."""

    steps: int = 600  # of the paper's figure 1
    rate: float = 0.01  # of Adam, of a range of 2; ours: the published one is for other parameters
    views: int = 2  # renders a step
    yaw: float = 48.0  # degrees, either way, drawn uniformly
    pitch: float = 15.0  # degrees, either way, drawn uniformly
    resolution: int = 224  # pixels of a render, what CLIP reads

    def __call__(
        self,
        start: TexturedHead,
        prompt: str,
        guidance: Guidance,
        budget: Budget,
        seed: int = 0,
        callback: Callback | None = None,
    ) -> BaselineResult:
        """Add to each texel what brings renders nearer to the prompt."""
        clock, random = Clock(budget), torch.Generator().manual_seed(seed)
        sentence = target(prompt)
        text, vertices = embed_text(guidance, [sentence]), start.vertices()
        renderer = Renderer(start.head, self.resolution)
        initial = start.texture.clamp(-1, 1)
        offset = torch.zeros_like(initial, requires_grad=True)

        def loss() -> Tensor:
            images = draw(renderer, vertices, texture(initial, offset), self.camera(random, start))
            return clip_loss(guidance.encode_image(images), text)

        def head() -> TexturedHead:
            return replace(start, texture=texture(initial, offset).detach())

        optimizer = torch.optim.Adam([offset], lr=self.rate)
        losses = optimize(optimizer, loss, clock, self.steps, head, callback)
        facts = clock.seconds, settings_of(self), (sentence,), NOTES
        return BaselineResult(head(), losses, *facts, clock.interrupted)

    def camera(self, random: torch.Generator, start: TexturedHead) -> Camera:
        """c of eq. 20: random views of one step."""
        yaw, pitch = (uniform(random, self.views, most) for most in (self.yaw, self.pitch))
        return Camera.turned(yaw, pitch, device=start.device)


def texture(initial: Tensor, offset: Tensor) -> Tensor:
    """T_tgt = T_init + T_delta, clipped to [-1, 1]; eq. 21. All (1, 3, R, R)."""
    return (initial + offset).clamp(-1, 1)


def clip_loss(images: Tensor, text: Tensor) -> Tensor:
    """L_CLIP = -cos(φ_i(I), φ_t(t)), mean over embeddings of images (N, D); eq. 22.

    text (1, D): of length one.
    """
    return -cosines(images, text).mean()
