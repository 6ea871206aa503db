"""Sections 3.2 and 3.3 of the paper written out straight, to hold `--preset paper` against.

Nothing here is shared with clipface_cli.edit: networks of plain matrices called in a loop, both
prompts encoded and the unedited head drawn anew in every step, Adam by hand. Only what the
equations take as given comes from the package: head, generator, renderer, guidance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.guidance import Guidance
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.texture import Generator

SOURCE = "A photo of a face"
TEXTURE_RATE, EXPRESSION_RATE = 1e-4, 5e-3
LAMBDA = 0.01
Layers = list[tuple[Tensor, Tensor]]  # weights (out, in) and biases (out,) of an MLP


def mlp(layers: Layers, x: Tensor) -> Tensor:
    """Fig. 15, with the published code's equalised layers."""
    x = x / (x.square().mean(-1, keepdim=True) + 1e-8).sqrt()
    for weight, bias in layers:
        x = x @ (weight * (0.01 / math.sqrt(weight.shape[1]))).T + 0.01 * bias
        x = F.leaky_relu(x, 0.2) * math.sqrt(2)
    return x


def unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=-1, keepdim=True)


def clip_loss(delta_i: Tensor, delta_t: Tensor) -> Tensor:
    """Eq. 7, (1,); where nothing changed, with the slope of a change as long as Δt."""
    length = delta_i.norm(dim=-1)
    if length.item() < 1e-6:
        length = delta_t.norm(dim=-1)
    return 1 - (delta_i * delta_t).sum(-1) / (length * delta_t.norm(dim=-1))


@dataclass
class Adam:
    """Kingma and Ba's, with the usual constants."""

    groups: list[tuple[list[Tensor], float]]  # parameters and rate
    moments: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    count: int = 0

    @torch.no_grad()
    def step(self) -> None:
        self.count += 1
        for parameters, rate in self.groups:
            for p in parameters:
                zero = torch.zeros_like(p)
                grad = zero if p.grad is None else p.grad
                first, second = self.moments.get(id(p), (zero, zero))
                first, second = 0.9 * first + 0.1 * grad, 0.999 * second + 0.001 * grad.square()
                self.moments[id(p)] = first, second
                corrected = first / (1 - 0.9**self.count)
                spread = (second / (1 - 0.999**self.count)).sqrt() + 1e-8
                p.sub_(rate * corrected / spread)
                p.grad = None


@dataclass
class Scenery:
    """Inputs of the equations."""

    head: HeadModel
    generator: Generator
    guidance: Guidance
    renderer: Renderer

    def embed(self, w: Tensor, beta: Tensor, psi: Tensor, theta: Tensor, yaw: float) -> Tensor:
        """E_I of the head with the texture of w, turned by yaw degrees."""
        texture = self.generator.synthesis(w)
        vertices = self.head(beta, psi, theta) - self.head.origin
        image, _ = self.renderer(vertices, texture, Camera.turned(yaw))
        return unit(self.guidance.encode_image(image))

    def text_delta(self, target: str) -> Tensor:
        """Eq. 5."""
        after, before = self.guidance.encode_text([target, SOURCE])
        return (unit(after) - unit(before))[None]


@dataclass
class Edit:
    """Eq. 2 to 9 for one prompt; texture: an MLP a level."""

    scenery: Scenery
    texture: list[Layers]
    expression: Layers
    norm: bool = False  # the released code's regulariser
    plain: bool = False  # ablation: no direction
    told_psi: bool = False  # ablation: E is told psi_init

    def __post_init__(self) -> None:
        theirs = [p for layers in self.texture for pair in layers for p in pair]
        own = [p for pair in self.expression for p in pair]
        self.parameters = [*theirs, *own]
        for parameter in self.parameters:
            parameter.requires_grad_()
        self.adam = Adam([(theirs, TEXTURE_RATE), (own, EXPRESSION_RATE)])

    def edited(self, w: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
        """Codes and expressions after eq. 3 and 4."""
        delta = torch.stack([mlp(t, w[:, i]) for i, t in enumerate(self.texture)], 1)
        told = psi if self.told_psi else (w + delta).mean(1)
        return w + delta, psi + mlp(self.expression, told)

    def loss(
        self, prompt: str, w: Tensor, beta: Tensor, psi: Tensor, theta: Tensor, yaw: float
    ) -> Tensor:
        scenery = self.scenery
        target = f"A photo of a face that looks like {prompt}"
        edited, expression = self.edited(w, psi)
        after = scenery.embed(edited, beta, expression, theta, yaw)
        if self.plain:
            loss = 1 - (after * unit(scenery.guidance.encode_text([target]))).sum(-1)
        else:
            before = scenery.embed(w, beta, psi, theta, yaw)
            loss = clip_loss(after - before, scenery.text_delta(target))
        regularizer = expression.square().sum(-1)  # eq. 8 with Sigma = I
        if self.norm:
            regularizer = regularizer.sqrt()
        return loss + LAMBDA * regularizer

    def step(self, *arguments) -> tuple[float, list[Tensor]]:
        """The loss and the gradients of one step; then Adam moves."""
        loss = self.loss(*arguments)
        loss.sum().backward()
        gradients = [p.grad.clone() if p.grad is not None else 0 * p for p in self.parameters]
        self.adam.step()
        return loss.item(), gradients


@dataclass
class Animation:
    """Eq. 10 to 14 for one prompt; texture: an MLP a level, shared over time."""

    scenery: Scenery
    texture: list[Layers]

    def __post_init__(self) -> None:
        self.parameters = [p for layers in self.texture for pair in layers for p in pair]
        for parameter in self.parameters:
            parameter.requires_grad_()
        self.adam = Adam([(self.parameters, TEXTURE_RATE)])

    @staticmethod
    def importance(psi: Tensor, theta: Tensor) -> Tensor:
        """Eq. 13; neutral keeps the head's rotation."""
        delta = []
        for frame in range(len(psi)):
            neutral = torch.cat(
                [torch.zeros_like(psi[frame]), theta[frame, :3], theta.new_zeros(3)]
            )
            delta.append((torch.cat([psi[frame], theta[frame]]) - neutral).norm())
        spread = torch.stack(delta)
        return (spread - spread.min()) / (spread.max() - spread.min())

    def codes(self, w: Tensor, psi: Tensor, theta: Tensor) -> Tensor:
        """w_tgt^t of all frames; eq. 10 to 12."""
        weights, found = self.importance(psi, theta), []
        for frame in range(len(psi)):
            state = torch.cat([psi[frame], theta[frame]])[None]
            delta = [mlp(t, torch.cat([w[:, i], state], 1)) for i, t in enumerate(self.texture)]
            found.append(w + weights[frame] * torch.stack(delta, 1))
        return torch.cat(found)

    def step(
        self, prompt: str, w: Tensor, beta: Tensor, psi: Tensor, theta: Tensor, yaw: float
    ) -> tuple[float, list[Tensor]]:
        """Eq. 14 over all frames, then Adam."""
        delta_t = self.scenery.text_delta(f"A photo of a face that looks like {prompt}")
        codes, total = self.codes(w, psi, theta), torch.zeros((), dtype=w.dtype)
        for t in range(len(psi)):
            frame = beta, psi[t : t + 1], theta[t : t + 1], yaw
            after = self.scenery.embed(codes[t : t + 1], *frame)
            before = self.scenery.embed(w, *frame)
            total = total + clip_loss(after - before, delta_t).sum()
        total.backward()
        gradients = [p.grad.clone() if p.grad is not None else 0 * p for p in self.parameters]
        self.adam.step()
        return total.item(), gradients


def layers_of(stacked: Sequence[tuple[Tensor, Tensor]], place: int) -> Layers:
    """One network's own copy of stacked weights (N, out, in) and biases (N, out)."""
    return [(w[place].detach().clone(), b[place].detach().clone()) for w, b in stacked]
