"""Interpolate attributes on the CPU, as `clipface_cli.render.interpolate` specifies it."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipface_cli.geometry.jit import Array, array, device, indices, kernel, parallel

_CHUNKS = 16  # gradients to attributes are summed in this many fixed parts


def interpolate(
    attr: Tensor, rast: Tensor, tri: Tensor, rast_db: Tensor | None, chosen: list[int]
) -> tuple[Tensor, Tensor]:
    """Attributes (B, H, W, A), and derivatives (B, H, W, 2N) of the N chosen ones."""
    rast_db = rast.new_zeros(0, 0, 0, 4) if rast_db is None else rast_db
    out, out_da = _Interpolate.apply(attr, rast, tri, rast_db, chosen)  # type: ignore[no-untyped-call]
    return out, out_da


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, attr: Tensor, rast: Tensor, tri: Tensor, rast_db: Tensor, chosen: list[int]
    ) -> Any:
        out = attr.new_empty(*rast.shape[:3], attr.shape[2])
        out_da = attr.new_empty(*rast.shape[:3], 2 * len(chosen))
        which = np.array(chosen, np.int64)
        inputs = array(attr), array(rast), indices(tri), array(rast_db), which
        rows = rast.shape[0] * rast.shape[1]
        parallel(_forward_kernel, rows, *inputs, array(out), array(out_da))
        ctx.save_for_backward(attr, rast, tri, rast_db)
        ctx.which = which
        return out, out_da

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, grad_da: Tensor) -> Any:
        (saved_attr, saved_rast, saved_tri, saved_db), which = ctx.saved_tensors, ctx.which
        attr, rast, tri = array(saved_attr), array(saved_rast), indices(saved_tri)
        grads = array(grad), array(grad_da), which
        grad_attr = grad_rast = grad_db = None
        if ctx.needs_input_grad[0]:
            parts = np.zeros((len(attr), max(1, _CHUNKS // len(attr)), *attr.shape[1:]))
            inputs = rast, tri, array(saved_db), *grads
            parallel(_backward_attr_kernel, parts.shape[0] * parts.shape[1], *inputs, parts)
            grad_attr = torch.from_numpy(parts.sum(axis=1)).to(saved_attr.dtype)
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[3]:
            grad_rast, grad_db = saved_rast.new_empty(rast.shape), torch.zeros_like(saved_db)
            outputs = array(grad_rast), array(grad_db)
            rows = rast.shape[0] * rast.shape[1]
            parallel(_backward_rast_kernel, rows, attr, rast, tri, *grads, outputs)
        return grad_attr, grad_rast, None, grad_db, None


@kernel
def _forward_kernel(
    tasks: tuple[int, int],
    attr: Array,
    rast: Array,
    tri: Array,
    rast_db: Array,
    which: Array,
    out: Array,
    out_da: Array,
) -> None:
    height, width = rast.shape[1:3]
    for row in range(*tasks):
        b, y = row // height, row % height
        source = attr[b % attr.shape[0]]
        for x in range(width):
            f = np.int64(rast[b, y, x, 3]) - 1
            if f < 0:
                out[b, y, x] = 0
                out_da[b, y, x] = 0
                continue
            u, v = rast[b, y, x, 0], rast[b, y, x, 1]
            t0, t1, t2 = tri[f, 0], tri[f, 1], tri[f, 2]
            for c in range(attr.shape[2]):
                out[b, y, x, c] = (
                    u * source[t0, c] + v * source[t1, c] + (1 - u - v) * source[t2, c]
                )
            for i in range(which.shape[0]):
                c, db = which[i], rast_db[b, y, x]
                d0, d1 = source[t0, c] - source[t2, c], source[t1, c] - source[t2, c]
                out_da[b, y, x, 2 * i] = db[0] * d0 + db[2] * d1
                out_da[b, y, x, 2 * i + 1] = db[1] * d0 + db[3] * d1


@kernel
def _backward_rast_kernel(
    tasks: tuple[int, int],
    attr: Array,
    rast: Array,
    tri: Array,
    grad: Array,
    grad_da: Array,
    which: Array,
    out: tuple[Array, Array],
) -> None:
    grad_rast, grad_db = out
    height, width = rast.shape[1:3]
    for row in range(*tasks):
        b, y = row // height, row % height
        source = attr[b % attr.shape[0]]
        grad_rast[b, y] = 0
        for x in range(width):
            f = np.int64(rast[b, y, x, 3]) - 1
            if f < 0:
                continue
            t0, t1, t2 = tri[f, 0], tri[f, 1], tri[f, 2]
            gu = gv = 0.0
            for c in range(attr.shape[2]):
                gu += grad[b, y, x, c] * (source[t0, c] - source[t2, c])
                gv += grad[b, y, x, c] * (source[t1, c] - source[t2, c])
            grad_rast[b, y, x, 0], grad_rast[b, y, x, 1] = gu, gv
            for i in range(which.shape[0]):
                c = which[i]
                d0, d1 = source[t0, c] - source[t2, c], source[t1, c] - source[t2, c]
                for axis in range(2):
                    grad_db[b, y, x, axis] += grad_da[b, y, x, 2 * i + axis] * d0
                    grad_db[b, y, x, 2 + axis] += grad_da[b, y, x, 2 * i + axis] * d1


@kernel
def _backward_attr_kernel(
    tasks: tuple[int, int],
    rast: Array,
    tri: Array,
    rast_db: Array,
    grad: Array,
    grad_da: Array,
    which: Array,
    parts: Array,
) -> None:
    """Sum into parts (B or 1, chunks, V, A); chunk k owns rows k, k + chunks, ... of its images."""
    batch, height, width = rast.shape[:3]
    meshes, chunks = parts.shape[:2]
    rows = batch // meshes * height
    for task in range(*tasks):
        mesh, k = task // chunks, task % chunks
        part = parts[mesh, k]
        for row in range(k, rows, chunks):
            b, y = mesh * (batch // meshes) + row // height, row % height
            for x in range(width):
                f = np.int64(rast[b, y, x, 3]) - 1
                if f < 0:
                    continue
                u, v = rast[b, y, x, 0], rast[b, y, x, 1]
                for c in range(part.shape[1]):
                    _scatter(part, tri, f, c, u * grad[b, y, x, c], v * grad[b, y, x, c])
                    part[tri[f, 2], c] += grad[b, y, x, c]
                for i in range(which.shape[0]):
                    gx, gy, db = (
                        grad_da[b, y, x, 2 * i],
                        grad_da[b, y, x, 2 * i + 1],
                        rast_db[b, y, x],
                    )
                    _scatter(
                        part, tri, f, which[i], gx * db[0] + gy * db[1], gx * db[2] + gy * db[3]
                    )


@device
def _scatter(part: Array, tri: Array, f: int, c: int, first: float, second: float) -> None:
    """Add to the first two corners' attribute what is taken from the third's."""
    part[tri[f, 0], c] += first
    part[tri[f, 1], c] += second
    part[tri[f, 2], c] -= first + second
