"""Checks of the operations' arguments: each raises a ValueError that names the argument."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from clipface_cli.render.backends import BACKENDS

_FLOATS = (torch.float32, torch.float64)
LARGEST = 16384  # pixels on a side


def check_tensor(name: str, value: object) -> None:
    """Demand a tensor."""
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} must be a tensor, not {type(value).__name__}")


def check_float(name: str, value: Tensor, shape: Sequence[int | None]) -> None:
    """`check_numbers`, where the operations draw."""
    check_numbers(name, value, shape)
    _check_place(name, value)


def check_numbers(name: str, value: Tensor, shape: Sequence[int | None]) -> None:
    """Demand a float32 or float64 tensor of this shape (None: any size from 1)."""
    check_tensor(name, value)
    if value.dtype not in _FLOATS:
        raise ValueError(f"{name} must be float32 or float64, not {value.dtype}")
    _check_shape(name, value, shape)


def check_triangles(name: str, value: Tensor, vertices: int) -> None:
    """Demand triangles (F, 3) of integers below the number of vertices."""
    check_integers(name, value, (None, 3))
    if value.shape[0] >= 2**24:
        raise ValueError(f"{name} has more triangles than a float32 id can count (2**24)")
    low, high = (int(end) for end in value.aminmax())
    if low < 0 or high >= vertices:
        raise ValueError(
            f"{name} holds vertex {low if low < 0 else high}, outside 0..{vertices - 1}"
        )


def check_integers(name: str, value: Tensor, shape: Sequence[int | None]) -> None:
    """Demand an int32 or int64 tensor of this shape (None: any size from 1)."""
    if not isinstance(value, Tensor) or value.dtype not in (torch.int32, torch.int64):
        raise ValueError(f"{name} must be a tensor of int32 or int64")
    _check_shape(name, value, shape)
    _check_place(name, value)


def check_resolution(height: int, width: int) -> None:
    """Demand sizes of an image in pixels that the rasterisers can number."""
    if not all(0 < int(size) <= LARGEST for size in (height, width)):
        raise ValueError(f"resolution must be in 1..{LARGEST}, not {height} x {width}")


def check_ranges(name: str, value: Tensor, triangles: int) -> None:
    """Demand (B, 2) starts and counts that stay within the triangles, on the CPU."""
    check_integers(name, value, (None, 2))
    if value.device.type != "cpu":
        raise ValueError(f"{name} must be on the CPU, not {value.device}")
    if int(value.min()) < 0 or int(value.sum(1).max()) > triangles:
        raise ValueError(f"{name} must hold starts and counts within the {triangles} triangles")


def check_finite(name: str, value: Tensor) -> None:
    """Demand that no element is NaN or infinite."""
    if not is_finite(value):
        raise ValueError(f"{name} holds NaN or infinite values")


def is_finite(value: Tensor) -> bool:
    """Whether no element is NaN or infinite: if one is, so is their sum, which is quick."""
    return math.isfinite(value.detach().sum().item()) or bool(torch.isfinite(value).all())


def check_rast(name: str, value: Tensor, triangles: int) -> None:
    """Demand a rasteriser's output (B, H, W, 4) whose ids are within the triangles."""
    check_float(name, value, (None, None, None, 4))
    low, high = value[..., 3].aminmax()
    if not (low >= 0 and high <= triangles):
        raise ValueError(f"{name} holds triangle ids outside 0..{triangles}")


def check_same(first: str, one: Tensor, second: str, other: Tensor) -> None:
    """Demand that two tensors share dtype and device."""
    if one.dtype != other.dtype:
        raise ValueError(f"{second} must have {first}'s dtype {one.dtype}, not {other.dtype}")
    check_device(first, one, second, other)


def check_device(first: str, one: Tensor, second: str, other: Tensor) -> None:
    """Demand that two tensors are on one device."""
    if one.device != other.device:
        raise ValueError(f"{second} must be on {first}'s device {one.device}, not {other.device}")


def _check_shape(name: str, value: Tensor, shape: Sequence[int | None]) -> None:
    fits = value.ndim == len(shape) and all(
        size > 0 if want is None else size == want
        for size, want in zip(value.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise ValueError(f"{name} must have shape ({wanted}), not {tuple(value.shape)}")


def _check_place(name: str, value: Tensor) -> None:
    kinds = {backend.device for backend in BACKENDS.values()}
    if value.device.type not in kinds:
        others = ", ".join(f"a {kind.upper()}" for kind in sorted(kinds - {"cpu"}))
        raise ValueError(f"{name} must be on the CPU or {others} device, not {value.device}")
