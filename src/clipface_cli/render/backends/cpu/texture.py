"""Sample textures on the CPU, as `clipface_cli.render.texture` specifies it."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipface_cli.geometry.jit import array, parallel
from clipface_cli.render.backends.cpu._sampling import (
    backward_texels,
    backward_uv,
    forward,
    texel_owners,
)
from clipface_cli.render.backends.mip_level import mip_level
from clipface_cli.render.backends.protocol import Lookup


def texture(lookup: Lookup) -> Tensor:
    """Colours (B, H, W, C)."""
    level, uv = mip_level(lookup), lookup.uv
    flat = [tex.flatten(1, 2) for tex in lookup.levels]
    texels = torch.cat(flat, 1) if len(flat) > 1 else flat[0]
    sizes = torch.tensor([tex.shape[1:3] for tex in lookup.levels], device="cpu")
    level = uv.new_zeros(0, 0, 0) if level is None else level.expand(uv.shape[:3])
    out: Tensor = _Texture.apply(  # type: ignore[no-untyped-call]
        texels, uv, level, sizes, lookup.filter_mode != "nearest", lookup.boundary_mode == "wrap"
    )
    return out


class _Texture(torch.autograd.Function):
    """Samples of texels (B, N, C): levels of these sizes (L, 2), one after another."""

    @staticmethod
    def forward(
        ctx: Any,
        texels: Tensor,
        uv: Tensor,
        level: Tensor,
        sizes: Tensor,
        linear: bool,
        wrap: bool,
    ) -> Tensor:
        out = uv.new_empty(*uv.shape[:3], texels.shape[2])
        arrays = array(texels), array(uv), array(level), array(sizes), array(out)
        parallel(forward, uv.shape[0] * uv.shape[1], *arrays, linear, wrap)
        ctx.save_for_backward(texels, uv, level, sizes)
        ctx.modes = linear, wrap
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        (texels, uv, level, sizes), (linear, wrap) = ctx.saved_tensors, ctx.modes
        grad_texels = grad_uv = grad_level = None
        inputs = array(uv), array(level), array(sizes), array(grad)
        if ctx.needs_input_grad[0]:
            grad_texels = torch.zeros_like(texels, memory_format=torch.contiguous_format)
            count = torch.get_num_threads()
            owners = texel_owners(texels.shape[1], count)
            sums, modes = array(grad_texels), (linear, wrap)
            parallel(backward_texels, count, *inputs, sums, modes, owners)
        if any(ctx.needs_input_grad[1:3]) and linear:
            grad_uv, grad_level = uv.new_empty(uv.shape), level.new_empty(level.shape)
            outputs = array(grad_uv), array(grad_level)
            rows = uv.shape[0] * uv.shape[1]
            parallel(backward_uv, rows, array(texels), *inputs, outputs, wrap)
        return grad_texels, grad_uv, grad_level, None, None, None
