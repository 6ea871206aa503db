"""The CPU kernels against what nvdiffrast drew on a GPU, as tools/compare_backends.py kept it."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from clipface_cli.render import antialias, interpolate, rasterize, texture

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "nvdiffrast.safetensors"


@pytest.mark.skipif(not GOLDEN.exists(), reason="needs a GPU once: tools/compare_backends.py")
def test_no_further_from_nvdiffrast_than_recorded() -> None:
    tensors = load_file(GOLDEN)
    with safe_open(GOLDEN, "pt") as file:
        metadata = file.metadata()
    worst, size = json.loads(metadata["worst"]), json.loads(metadata["size"])
    for number in sorted({name.split(".")[0] for name in tensors}):
        inputs = {
            name: tensors[f"{number}.{name}"] for name in ("pos", "tri", "uv", "tex", "weights")
        }
        for name, value in draw(inputs, size).items():
            golden = tensors[f"{number}.out.{name}"]
            error = float((value - golden).norm() / golden.norm())
            assert error <= 1.01 * worst[name] + 1e-6, f"{name} of scene {number}"


def draw(inputs: dict[str, Tensor], size: list[int]) -> dict[str, Tensor]:
    """The four operations: ids, image, and gradients."""
    pos, uv, tex = (inputs[name].requires_grad_() for name in ("pos", "uv", "tex"))
    tri, height_width = inputs["tri"], (size[0], size[1])
    rast, rast_db = rasterize(pos, tri, height_width)
    at, at_da = interpolate(uv, rast, tri, rast_db, "all")
    image = antialias(texture(tex, at, at_da), rast, pos, tri)
    slopes = torch.autograd.grad((image * inputs["weights"]).sum(), (pos, uv, tex))
    named = dict(zip(("pos", "uv", "tex"), slopes, strict=True))
    return {"ids": rast[..., 3].detach(), "image": image.detach(), **named}
