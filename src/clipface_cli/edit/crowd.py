"""Random people as the guidance sees them: where in code space the look of a prompt lies."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.artifacts import read_tensors, write_tensors
from clipface_cli.assets import builtin
from clipface_cli.edit.mix import explain
from clipface_cli.guidance import Guidance
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.texture import Generator

FORMAT = "clipface-crowd"
SAMPLES = 4096  # codes that describe what the mapping network makes
PEOPLE = 192  # of those, how many are rendered when no embedded crowd fits
NEAREST = 64  # people who may be mixed
KNOWN = 0.5  # share of the people whom a seed other than 0 knows
SPARSITY = 0.05
DOUBTFUL, CERTAIN = 0.4, 0.6  # cosine of a mix to the prompt's direction: no such look, a look
RESOLUTION = 128
BATCH = 8


class Crowd:
    """Codes of random people, and the embeddings (N, D) of renders of the first N of them."""

    def __init__(self, generator: Generator, features: Tensor) -> None:
        self.codes = _codes(generator)
        self.features = features
        self.mean = self.codes.mean(0)
        values, axes = torch.linalg.eigh(torch.cov(self.codes.T))
        self.whiten = axes / (values + 1e-3 * values[-1]).sqrt()
        self.scale = ((self.codes - self.mean) @ self.whiten).square().mean()

    @classmethod
    def of(cls, head: HeadModel, generator: Generator, guidance: Guidance) -> Crowd:
        """The embedded crowd when it was made by these networks, else a newly rendered one.

        A guidance that is not calibrated sees nobody: `offset` and `reach` make no sense for it.
        """
        if not guidance.calibrated:
            return cls(generator, torch.zeros(0))
        tensors, header = read_tensors(builtin("crowd.safetensors"), FORMAT)
        here = _codes(generator, 1)[0]
        there = tensors["first_code"]
        same = there.shape == here.shape and torch.allclose(there, here, atol=1e-3)
        if same and header["guidance"] == guidance.name:
            return cls(generator, tensors["features"].float())
        return cls(generator, embed_people(head, generator, guidance, PEOPLE))

    def save(self, path: Path, guidance: Guidance) -> None:
        """Write the embeddings, and what they belong to."""
        tensors = {"features": self.features.half(), "first_code": self.codes[0].clone()}
        write_tensors(path, tensors, {"format": FORMAT, "guidance": guidance.name})

    def offset(self, direction: Tensor, seed: int = 0) -> Tensor:
        """Code offset (w_dim,) that moves the embedding of a person by `direction` (1, D).

        A sparse mix of people, so that what they have in common with the prompt adds up and the
        rest cancels; it fades to zero where no mix of them looks like that. Seeds other than 0
        know only some of the people, which gives other takes on the same prompt.
        """
        apart = self.features - self.features.mean(0)
        similar = F.cosine_similarity(apart, direction, dim=1)
        if seed:
            random = torch.Generator().manual_seed(seed)
            known = torch.rand(len(apart), generator=random) < KNOWN
            similar = similar.where(known, similar.new_tensor(-1.0))
        nearest = similar.topk(min(NEAREST, len(apart))).indices
        amounts, sure = explain(apart[nearest], direction[0], SPARSITY, DOUBTFUL, CERTAIN)
        return sure * (amounts @ (self.codes[nearest] - self.mean))

    def reach(self, direction: Tensor) -> float:
        """Wanted length of the image direction (1, D): visible even where the text's is short."""
        own = float(direction.norm())
        return max(own, (own * self.usual) ** 0.5)

    @cached_property
    def usual(self) -> float:
        """Mean length of the image direction from everybody's middle to one of them."""
        return float((self.features - self.features.mean(0)).norm(dim=1).mean())

    def distance(self, change: Tensor) -> Tensor:
        """Mean squared length (B,) of changes of code (B, L, w_dim); 1: as between people."""
        return (change @ self.whiten).square().flatten(1).mean(1) / self.scale


@torch.no_grad()
def embed_people(head: HeadModel, generator: Generator, guidance: Guidance, count: int) -> Tensor:
    """Embeddings (count, D) of the first people of the crowd, each on the mean head."""
    renderer = Renderer(head, RESOLUTION)
    features = []
    for codes in _codes(generator, count).split(BATCH):
        w = codes[:, None].expand(-1, generator.num_ws, -1)
        textures = generator.synthesis(w, resolution=RESOLUTION)
        vertices = (head.template - head.origin).expand(len(codes), -1, -1)
        image, _ = renderer(vertices, textures, Camera.front(len(codes)))
        features.append(guidance.encode_image(image))
    return torch.cat(features)


@torch.no_grad()
def _codes(generator: Generator, count: int = SAMPLES) -> Tensor:
    """The first (count, w_dim) of 4096 codes, the same for every call."""
    random = torch.Generator().manual_seed(0)
    z = torch.randn(SAMPLES, generator.z_dim, generator=random)
    return generator.mapping(z[:count])[:, 0]
