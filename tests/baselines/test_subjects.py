"""Results as subjects: written, read back, and on FLAME."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_guidance import MeanColour

from clipface_cli.avatar import Subject, load_subject, save_subject
from clipface_cli.baselines import Budget, TexturedHead
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.texture import generator_for


@pytest.mark.parametrize("name", ["clipmatrix", "text2mesh with displacement"])
def test_files(
    name: str,
    methods: dict[str, object],
    start: TexturedHead,
    colour: MeanColour,
    tmp_path: Path,
) -> None:
    done = methods[name](start, "red", colour, Budget(steps=3)).head
    subject = replace(Subject(start.params, start.w, start.texture), params=done.params)
    save_subject(tmp_path / "head.obj", replace(subject, texture=done.texture), start.head)
    read = load_subject(tmp_path / "head.obj", start.head, start.generator)
    assert (read.texture - done.texture).abs().max() < 1.01 / 255
    posed, wanted = (start.head.pose_head(params) for params in (read.params, done.params))
    assert torch.allclose(posed, wanted, atol=1e-6)
    assert torch.equal(read.w, start.w)


@pytest.mark.usefixtures("flame_home")
@pytest.mark.parametrize("name", ["clipmatrix", "text2mesh", "latent3d"])
def test_on_flame(
    name: str, methods: dict[str, object], start: TexturedHead, colour: MeanColour
) -> None:
    """The generator's textures are carried over."""
    flame = HeadModel.load("flame")
    carried = generator_for(flame, start.generator)
    texture = carried.synthesis(start.w).clamp(-1, 1)
    head = TexturedHead(flame, HeadParams.neutral(), texture, start.w, carried)
    result = methods[name](head, "red", colour, Budget(steps=4))
    assert result.losses[-1] < result.losses[0]
    assert not torch.equal(result.head.texture, texture)


def test_a_head_without_a_code(
    methods: dict[str, object], start: TexturedHead, colour: MeanColour
) -> None:
    with pytest.raises(InputError, match="no code"):
        methods["latent3d"](replace(start, w=None), "red", colour, Budget(steps=1))
