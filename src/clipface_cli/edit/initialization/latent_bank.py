"""Start at a combination of random people whose embeddings match the prompt.

A bank holds the codes of random people and the guidance's embeddings of renders of them. The target
direction is written as a sparse non-negative combination of the embeddings' differences from their
mean; the same combination of the codes' differences is the offset. What the chosen people share
with the prompt adds up; their other differences average out.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.artifacts import read_tensors, write_tensors
from clipface_cli.assets import builtin
from clipface_cli.edit.code_prior import CodePrior, sample_codes
from clipface_cli.edit.initialization.sparse_regression import certainty, sparse_regression
from clipface_cli.edit.initialization.start import Request, Start
from clipface_cli.guidance import Guidance
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.texture import Generator

FORMAT = "clipface-latent-bank"
FILE = "latent_bank.safetensors"
PEOPLE = 192  # rendered when no embedded bank fits: a minute on two cores
NEAREST = 64  # people who may be combined; more do not average out better
KNOWN = 0.5  # share of the people whom a seed other than 0 may use, so that seeds differ
SPARSITY = 0.05  # see `sparse_regression`; leaves ten to twenty people
CERTAINTY = 0.4, 0.6  # cosines between which the offset fades in: none below
RESOLUTION = 128  # pixels and texels of the renders, what the embedded guidance reads
BATCH = 8


def start_at_people(request: Request, start: Start) -> Start:
    """The initialisation "latent-bank": a code offset, scaled by the appearance weight."""
    wanted = wanted_direction(request, start)
    offset = request.models.latent_bank.offset(wanted[None], request.seed)
    return replace(start, w_offset=start.w_offset + start.appearance_weight * offset)


def wanted_direction(request: Request, start: Start) -> Tensor:
    """The target direction (D,) at the length at which the change can be seen.

    The addition `target_length`: for expressions `expression_reach` times the text direction's, for
    appearances at least between the text direction's and what people differ by.
    """
    asked, settings = request.direction, request.settings
    if not settings.target_length:
        return asked
    own, weight = float(asked.norm()), start.expression_weight
    length = weight * settings.expression_reach * own
    length += (1 - weight) * request.models.latent_bank.target_length(asked[None])
    return asked * length / own


class LatentBank:
    """Codes of random people, and the embeddings (N, D) of renders of the first N of them."""

    def __init__(self, prior: CodePrior, features: Tensor) -> None:
        self.prior, self.features = prior, features

    @classmethod
    def of(
        cls, head: HeadModel, generator: Generator, guidance: Guidance, prior: CodePrior
    ) -> LatentBank:
        """The embedded bank when it was made by these networks, else a newly rendered one."""
        tensors, header = read_tensors(builtin(FILE), FORMAT)
        here = prior.codes[0].cpu()
        there = tensors["first_code"].to(here)
        same = there.shape == here.shape and torch.allclose(there, here, atol=1e-3)
        if same and header["guidance"] == guidance.name:
            return cls(prior, tensors["features"].to(prior.codes))
        return cls(prior, embed_people(head, generator, guidance, PEOPLE))

    def save(self, path: Path, guidance: Guidance) -> None:
        """Write the embeddings, and what they belong to."""
        tensors = {"features": self.features.half(), "first_code": self.prior.codes[0].clone()}
        write_tensors(path, tensors, {"format": FORMAT, "guidance": guidance.name})

    def offset(self, direction: Tensor, seed: int = 0) -> Tensor:
        """Code offset (w_dim,) that moves the embedding of a person by `direction` (1, D).

        It fades to zero where no combination of people has that appearance. Seeds other than 0 use
        only some of the people, which gives other offsets for the same prompt.
        """
        apart = self.features - self.features.mean(0)
        similar = F.cosine_similarity(apart, direction, dim=1)
        if seed:
            random = torch.Generator().manual_seed(seed)
            known = (
                torch.rand(len(apart), generator=random, device="cpu").to(similar.device) < KNOWN
            )
            similar = similar.where(known, similar.new_tensor(-1.0))
        nearest = similar.topk(min(NEAREST, len(apart))).indices
        amounts = sparse_regression(apart[nearest], direction[0], SPARSITY)
        sure = certainty(amounts, apart[nearest], direction[0], CERTAINTY)
        return sure * (amounts @ (self.prior.codes[nearest] - self.prior.mean))

    def target_length(self, direction: Tensor) -> float:
        """Wanted length of the image direction (1, D): visible even where the text's is short."""
        own = float(direction.norm())
        geometric_mean = (own * self.mean_distance) ** 0.5
        return max(own, geometric_mean)

    @cached_property
    def mean_distance(self) -> float:
        """Mean length of the image direction from the mean embedding to a person's."""
        return float((self.features - self.features.mean(0)).norm(dim=1).mean())


@torch.no_grad()
def embed_people(head: HeadModel, generator: Generator, guidance: Guidance, count: int) -> Tensor:
    """Embeddings (count, D) of the first people of the bank, each on the mean head."""
    renderer = Renderer(head, RESOLUTION)
    features = []
    for codes in sample_codes(generator, count).split(BATCH):
        w = codes[:, None].expand(-1, generator.num_ws, -1)
        textures = generator.synthesis(w, resolution=RESOLUTION)
        vertices = (head.template - head.origin).expand(len(codes), -1, -1)
        camera = Camera.front(len(codes)).to(codes.device)
        image, _ = renderer(vertices, textures, camera)
        features.append(guidance.encode_image(image))
    return torch.cat(features)
