"""The UV texture generator: StyleGAN2 in the architecture and key names ClipFace published.

Activations are modulated, not weights: one ordinary convolution serves the whole batch, and when
the weights are frozen (edits) no weight gradient is ever computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface_cli.errors import InputError
from clipface_cli.texture.layers import (
    CLAMP,
    EPSILON,
    GAIN,
    EqualizedLinear,
    activate,
    channel_widths,
    full_precision,
    normalize_second_moment,
)
from clipface_cli.texture.registry import Latent, read_generator
from clipface_cli.texture.resample import upsample, upsample_image
from clipface_cli.texture.weights import locate, save_state

Noise = Literal["const", "random", "none"] | Callable[[int], Tensor]
"""The constant maps, fresh ones, none, or what a function of the size gives: (B, 1, size, size)."""


@full_precision
def demodulation(styles: Tensor, weight: Tensor) -> Tensor:
    """(B, I) styles and (O, I, k, k) weight -> (B, O) factors giving unit-variance outputs."""
    return (styles.square() @ weight.square().sum((2, 3)).T + EPSILON).rsqrt()


class SynthesisLayer(nn.Module):
    """x (B, I, r, r), w (B, w_dim) -> (B, O, R, R): modulated 3x3 convolution, noise, leaky ReLU.

    up: double the resolution, so that R = 2 r.
    """

    noise_const: Tensor

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, resolution: int, up: bool):
        super().__init__()
        self.up = up
        self.affine = EqualizedLinear(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.noise_strength = nn.Parameter(torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x: Tensor, w: Tensor, noise: Noise) -> Tensor:
        styles = self.affine(w)
        scale = demodulation(styles, self.weight) * GAIN
        x = F.conv2d(x * styles.to(x.dtype)[:, :, None, None], self.weight, padding=1)
        x = upsample(x) if self.up else x
        bias, field = GAIN * self.bias[None, :, None, None], self._field(x, noise)
        return activate(x, scale[:, :, None, None], bias, noise=field)

    def _field(self, x: Tensor, noise: Noise) -> Tensor | None:
        """The noise map that is added to every channel: (1 or B, 1, R, R); None without noise."""
        if noise == "none":
            return None
        if noise == "const":
            field = self.noise_const[None, None]
        elif noise == "random":
            field = torch.randn(len(x), 1, *self.noise_const.shape, device=x.device)
        else:
            field = noise(x.shape[-1])
        return GAIN * self.noise_strength * field.to(self.noise_const)


class ToRGB(nn.Module):
    """x (B, I, R, R), w (B, w_dim) -> colours (B, 3, R, R) in w's precision, clamped to ±256.

    A modulated 1x1 convolution without demodulation.
    """

    def __init__(self, in_channels: int, w_dim: int):
        super().__init__()
        self.affine = EqualizedLinear(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(3, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        styles = self.affine(w) / self.weight.shape[1] ** 0.5
        weight = self.weight[:, :, 0, 0] * styles[:, None]  # of three colours: smaller than x
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2).mT
        rgb = torch.bmm(weight.to(x.dtype), pixels).to(w.dtype).unflatten(2, x.shape[2:])
        return (rgb + self.bias[None, :, None, None]).clamp(-CLAMP, CLAMP)


class SynthesisPrologue(nn.Module):
    """w (B, 2, w_dim) -> features (B, C, 4, 4) and image (B, 3, 4, 4), from a learned constant."""

    def __init__(self, channels: int, w_dim: int):
        super().__init__()
        self.const = nn.Parameter(torch.randn(channels, 4, 4))
        self.conv1 = SynthesisLayer(channels, channels, w_dim, 4, up=False)
        self.torgb = ToRGB(channels, w_dim)

    def forward(self, w: Tensor, noise: Noise) -> tuple[Tensor, Tensor]:
        x = self.const.expand(w.shape[0], -1, -1, -1)
        x = self.conv1(x.contiguous(memory_format=torch.channels_last), w[:, 0], noise)
        return x, self.torgb(x, w[:, 1])


class SynthesisBlock(nn.Module):
    """Features (B, I, R/2, R/2), image (B, 3, R/2, R/2), w (B, 3, w_dim) -> both at R.

    Two convolutions, and the skip image upsampled and added to.
    """

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, resolution: int):
        super().__init__()
        self.conv0 = SynthesisLayer(in_channels, out_channels, w_dim, resolution, up=True)
        self.conv1 = SynthesisLayer(out_channels, out_channels, w_dim, resolution, up=False)
        self.torgb = ToRGB(out_channels, w_dim)

    def forward(self, x: Tensor, image: Tensor, w: Tensor, noise: Noise) -> tuple[Tensor, Tensor]:
        x = self.conv0(x, w[:, 0], noise)
        x = self.conv1(x, w[:, 1], noise)
        return x, upsample_image(image) + self.torgb(x, w[:, 2])


class Synthesis(nn.Module):
    """w (B, num_ws, w_dim) -> texture (B, 3, R, R), values about [-1, 1], in a head's layout."""

    resolution: int
    num_ws: int


class SynthesisNetwork(Synthesis):
    """w (B, num_ws, w_dim) -> texture (B, 3, R, R), values about [-1, 1]."""

    def __init__(self, w_dim: int, channels: Mapping[int, int]):
        super().__init__()
        self.channels, self.resolution = dict(channels), max(channels)
        self.num_ws = 2 * len(channels) + 2
        self.first_block = SynthesisPrologue(channels[4], w_dim)
        self.blocks = nn.ModuleList(
            SynthesisBlock(channels[size // 2], channels[size], w_dim, size)
            for size in sorted(channels)[1:]
        )

    def forward(self, w: Tensor, noise: Noise = "const", resolution: int | None = None) -> Tensor:
        """`resolution` stops early and returns the skip image of that size (training grows so)."""
        if w.ndim != 3 or w.shape[1] != self.num_ws:
            raise ValueError(f"w must be (B, {self.num_ws}, w_dim), not {tuple(w.shape)}")
        image: Tensor
        x, image = self.first_block(w[:, 0:2], noise)
        for i, block in enumerate(self.blocks):
            if image.shape[-1] == resolution:
                break
            x, image = block(x, image, w[:, 2 * i + 1 : 2 * i + 4], noise)
        return image


class MappingNetwork(nn.Module):
    """z (B, z_dim) -> w (B, num_ws, w_dim), the same at every level."""

    w_avg: Tensor

    def __init__(self, z_dim: int, w_dim: int, num_ws: int, num_layers: int):
        super().__init__()
        self.num_ws = num_ws
        sizes = [z_dim] + [w_dim] * num_layers
        self.layers = nn.ModuleList(
            EqualizedLinear(a, b, lr_multiplier=0.01, activate=True) for a, b in pairwise(sizes)
        )
        self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(self, z: Tensor, truncation: float = 1.0) -> Tensor:
        """`truncation` below 1 draws w toward the average `w_avg`."""
        w = normalize_second_moment(z)
        for layer in self.layers:
            w = layer(w)
        if truncation != 1.0:
            w = self.w_avg.lerp(w, truncation)
        return w.unsqueeze(1).repeat(1, self.num_ws, 1)


class Generator(nn.Module):
    """Texture generator (sec. 3.1): `mapping` z -> w and `synthesis` w -> texture.

    layout: the head's texture layout it paints, "builtin" or "flame"; latent: what z means, a part
    of the file as the layout is; source: what was loaded.
    """

    def __init__(
        self,
        channels: Mapping[int, int],
        z_dim: int = 512,
        w_dim: int = 512,
        mapping_layers: int = 8,
    ):
        """`channels`: features at each resolution 4, 8, ..., R."""
        super().__init__()
        self.z_dim, self.w_dim = z_dim, w_dim
        self.layout, self.source = "builtin", ""
        self.latent: Latent = "noise"
        self.synthesis: Synthesis = SynthesisNetwork(w_dim, channels)
        self.mapping = MappingNetwork(z_dim, w_dim, self.synthesis.num_ws, mapping_layers)
        self.resolution, self.num_ws = self.synthesis.resolution, self.synthesis.num_ws

    @classmethod
    def create(
        cls,
        resolution: int = 256,
        channel_base: int = 8192,
        channel_max: int = 256,
        z_dim: int = 512,
        mapping_layers: int = 8,
    ) -> Generator:
        """A fresh generator with random weights and w_dim = z_dim."""
        widths = channel_widths(resolution, channel_base, channel_max)
        return cls(widths, z_dim, z_dim, mapping_layers)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> Generator:
        """Build from a state dict of tensors by the published names; sizes are read from them.

        The constant `synthesis.first_block.const` (C, 4, 4) gives the first width, and so on.
        Raises InputError where tensors are missing or do not fit together.
        """
        try:
            channels = {4: state["synthesis.first_block.const"].shape[0]}
            while (key := f"synthesis.blocks.{len(channels) - 1}.conv0.bias") in state:
                channels[4 * 2 ** len(channels)] = state[key].shape[0]
            w_dim, z_dim = state["mapping.layers.0.weight"].shape
            layers = sum(k.startswith("mapping.layers.") and k.endswith("weight") for k in state)
            generator = cls(channels, z_dim, w_dim, layers)
            # The published files also carry the constant blur kernels.
            generator.load_state_dict({k: v for k, v in state.items() if "resampler" not in k})
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(f"These weights are not a texture generator's: {error}") from error
        return generator

    @classmethod
    def load(cls, path: str | Path) -> Generator:
        """A frozen generator in evaluation mode.

        path: "builtin", a file of a format in `GENERATOR_FORMATS`, a run folder, or the name of an
        imported checkpoint. Raises InputError for anything else.
        """
        file = locate(path, "generator.safetensors")
        weights = read_generator(file)
        generator = cls.from_state(weights.state)
        generator.layout, generator.latent = weights.layout, weights.latent
        generator.source = str(path)
        return generator.eval().requires_grad_(False)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.mapping.w_avg.device

    def grown(self, resolution: int, width: int | None = None) -> Generator:
        """One that paints at `resolution`: at first what this one paints, enlarged.

        Every new block has `width` channels, by default half those of the one before; without one
        it is this generator.
        Raises InputError where `resolution` is lower than this one's.
        """
        synthesis = self.synthesis
        assert isinstance(synthesis, SynthesisNetwork), "carried to another layout"
        if resolution < self.resolution:
            raise InputError(
                f"A generator at {self.resolution}² cannot go on at {resolution}²; "
                f"give --resolution {self.resolution} or more."
            )
        if resolution == self.resolution:
            return self
        channels = dict(synthesis.channels)
        while (finest := max(channels)) < resolution:
            channels[2 * finest] = width or max(channels[finest] // 2, 1)
        grown = Generator(channels, self.z_dim, self.w_dim, len(self.mapping.layers))
        grown.layout, grown.latent = self.layout, self.latent
        grown.source = self.source
        blocks = list(grown.synthesis.get_submodule("blocks").children())
        for block in blocks[len(synthesis.blocks) :]:
            nn.init.zeros_(block.get_parameter("torgb.weight"))
        grown.load_state_dict(self.state_dict(), strict=False)
        return grown

    def save(self, path: str | Path, dtype: torch.dtype = torch.float32, **provenance: str) -> None:
        """Write weights as safetensors; `provenance` goes into the file's metadata."""
        about = {"layout": self.layout, "latent": self.latent, **provenance}
        save_state(path, "clipface-generator", self.state_dict(), dtype, about)

    def forward(self, z: Tensor, truncation: float = 1.0, noise: Noise = "const") -> Tensor:
        """z (B, z_dim) -> texture (B, 3, R, R)."""
        texture: Tensor = self.synthesis(self.mapping(z, truncation), noise)
        return texture
