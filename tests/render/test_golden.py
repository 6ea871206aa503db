"""The CPU kernels against what nvdiffrast drew on a GPU, as tools/compare_backends.py kept it."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from safetensors import safe_open
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "data" / "golden" / "nvdiffrast.safetensors"


@pytest.fixture(scope="module")
def compare() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compare", ROOT / "tools/compare_backends.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not GOLDEN.exists(), reason="needs a GPU once: tools/compare_backends.py")
def test_no_further_from_nvdiffrast_than_recorded(compare: ModuleType) -> None:
    tensors = load_file(GOLDEN)
    with safe_open(GOLDEN, "pt") as file:
        worst = json.loads(file.metadata()["worst"])
    for number in sorted({name.split(".")[0] for name in tensors}):
        own = {name[3:]: value for name, value in tensors.items() if name[:2] == number}
        inputs = {name: value for name, value in own.items() if not name.startswith("out.")}
        for name, value in compare.draw(inputs, "cpu").items():
            error = compare.difference(name, value, own[f"out.{name}"])
            assert error <= 1.01 * worst[name] + 1e-6, f"{name} of scene {number}"


def test_every_scene_shows_something_that_depends_on_every_input(compare: ModuleType) -> None:
    for seed in range(compare.SCENES):
        results = compare.draw(compare.scene(seed), "cpu")
        assert set(results) == {"ids", "image", *compare.INPUTS}
        for name, value in results.items():
            assert value.isfinite().all(), f"{name} of scene {seed}"
            assert value.any(), f"{name} of scene {seed}"
            assert compare.difference(name, value, value) == 0
