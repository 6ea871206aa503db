"""Importance weights on sequences made by hand; mappers that follow the expression."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from clipface_cli.avatar import Subject
from clipface_cli.edit import (
    AnimateSettings,
    Animation,
    Clip,
    EditModels,
    MotionMapper,
    PromptReader,
    animate,
    animate_settings,
)
from clipface_cli.edit.animate import drawn_frames, importance
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.head.sequence import from_units
from clipface_cli.synth.sequences import SEQUENCES, shipped_sequence
from clipface_cli.texture import Generator
from clipface_cli.viewer.film import keyed

FRAMES = 9
LEVEL = 1 / 255


def test_a_constant_sequence_is_important_throughout() -> None:
    expression = torch.randn(1, 50).expand(FRAMES, -1)
    torch.testing.assert_close(importance(expression, torch.zeros(FRAMES, 6)), torch.ones(FRAMES))


def test_a_turn_of_the_head_is_no_expression() -> None:
    pose = torch.zeros(FRAMES, 6)
    pose[:, 1] = torch.linspace(-1, 1, FRAMES)
    torch.testing.assert_close(importance(torch.zeros(FRAMES, 50), pose), torch.ones(FRAMES))
    expression = torch.zeros(FRAMES, 50)
    expression[:, 3] = torch.linspace(0, 2, FRAMES)
    with_turn, without = (
        importance(expression, pose),
        importance(expression, torch.zeros(FRAMES, 6)),
    )
    torch.testing.assert_close(with_turn, without)


def test_one_peak() -> None:
    rise = 1 - (torch.arange(FRAMES) - 4).abs() / 4
    expression = rise[:, None] * torch.randn(1, 50)
    found = importance(expression, torch.zeros(FRAMES, 6))
    torch.testing.assert_close(found, rise)
    jaw = torch.zeros(FRAMES, 6)
    jaw[:, 3] = 0.5 * rise
    torch.testing.assert_close(importance(torch.zeros(FRAMES, 50), jaw), rise)


def test_mapper_begins_at_an_offset() -> None:
    mapper, offset = MotionMapper(4, 16, 5), torch.randn(16)
    mapper.pretrain_zero()
    w, expression, pose = torch.randn(3, 4, 16), torch.randn(3, 5), torch.randn(3, 6)
    assert not mapper(w, expression, pose).any()
    mapper.begin_at(offset)
    torch.testing.assert_close(mapper(w, expression, pose), offset.expand(3, 4, 16))


def test_turning_does_not_repaint() -> None:
    mapper, w = MotionMapper(4, 16, 5, head_rotation=False), torch.randn(1, 4, 16)
    expression, pose = torch.randn(1, 5), torch.randn(1, 6)
    turned = torch.cat([pose[:, :3] + 1, pose[:, 3:]], 1)
    torch.testing.assert_close(mapper(w, expression, pose), mapper(w, expression, turned))
    opened = torch.cat([pose[:, :3], pose[:, 3:] + 1], 1)
    assert not torch.allclose(mapper(w, expression, pose), mapper(w, expression, opened))


def test_mapper_tells_frames_apart() -> None:
    """The last layer's view of a clip's ends differs, however alike their states are."""
    rise = torch.linspace(0, 1, FRAMES)[:, None]
    clip = Clip.of(torch.ones(FRAMES, 5) + 0.1 * rise * torch.ones(5), torch.zeros(FRAMES, 6))
    w = torch.randn(1, 4, 16).expand(2, -1, -1)
    alike = []
    for centred in (False, True):
        torch.manual_seed(0)
        mapper = MotionMapper(4, 16, 5)
        if centred:
            states = mapper.state(clip.expression, clip.pose)
            mapper.center_on(w[:1], states, clip.weight)
        ends = mapper(w, clip.expression[[0, -1]], clip.pose[[0, -1]]).flatten(1)
        alike.append(torch.cosine_similarity(ends[0], ends[1], dim=0))
    assert alike[0] > 0.99
    assert alike[1] < 0.8


def test_frames_are_drawn_by_importance() -> None:
    weight = torch.tensor([0.0, 1.0, 3.0, 0.0])
    assert drawn_frames(weight, 4, 0.0) == drawn_frames(weight, 4, 0.99) == [1, 2, 2, 2]
    assert drawn_frames(weight, 2, 0.1) == [1, 2]
    assert drawn_frames(torch.ones(8), 4, 0.5) == [1, 3, 5, 7]


def test_mapper_round_trip(tmp_path: Path) -> None:
    mapper, w = MotionMapper(4, 16, 5), torch.randn(1, 4, 16)
    mapper.save(tmp_path / "motion_mapper.safetensors", prompt="laughing")
    back = MotionMapper.load(tmp_path)
    state = torch.randn(1, 5), torch.randn(1, 6)
    made = mapper(w, *state)
    assert (back(w, *state) - made).norm() < 0.02 * made.norm()
    assert back.head_rotation
    size = (tmp_path / "motion_mapper.safetensors").stat().st_size
    assert size < 1.5 * sum(p.numel() for p in mapper.parameters()) + 4096
    with pytest.raises(InputError, match="does not exist"):
        MotionMapper.load(tmp_path / "nowhere")


def test_groups_of_like_frames() -> None:
    steps = torch.tensor([0.0, 0.1, 0.2, 1.0, 1.1, 5.0, 5.0])[:, None]
    assert keyed(steps, 0.5, 9) == [0, 0, 0, 1, 1, 2, 2]
    assert max(keyed(torch.arange(100.0)[:, None], 0.5, 6)) <= 5
    assert keyed(torch.zeros(3, 4), 0.5, 6) == [0, 0, 0]


@pytest.mark.parametrize("name", SEQUENCES)
def test_shipped_sequences(name: str) -> None:
    """Start and end at rest, peak at one, and do not jump."""
    head = HeadModel.load()
    sequence = from_units(shipped_sequence(name), head)
    assert len(sequence) == 30
    weight = Clip.of(torch.from_numpy(sequence.expression), torch.from_numpy(sequence.pose)).weight
    assert weight.max() == 1
    assert weight[0] < 0.1
    assert (weight > 0.5).sum() >= 5
    longer = from_units(shipped_sequence(name, 60), head)
    assert len(longer) / longer.fps == pytest.approx(len(sequence) / sequence.fps)


class Reddish:
    """Guidance that knows one thing: how red a picture is, and whether a prompt says so."""

    name, calibrated = "reddish", False

    def encode_text(self, prompts: list[str]) -> torch.Tensor:
        return torch.tensor([[1.0, 0.0] if "red" in prompt else [0.0, 0.0] for prompt in prompts])

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        mean = images.mean((2, 3))
        return torch.stack([mean[:, 0] - mean[:, 1:].mean(1), mean.mean(1)], 1)


@pytest.fixture(scope="module")
def reddened() -> tuple[Animation, Generator, list[float]]:
    """A clip with a still stretch in it, animated by a tiny generator towards red."""
    torch.manual_seed(0)
    head = HeadModel.load()
    generator = Generator.create(32, 128, 8, z_dim=16, mapping_layers=1)
    generator.eval().requires_grad_(False)
    with torch.no_grad():
        w = generator.mapping(torch.randn(1, 16))
        texture = generator.synthesis(w).clamp(-1, 1)
    texture[..., :4] += 0.5  # painted over
    params = HeadParams.neutral(1, head.shape_size, head.expression_size)
    rise = torch.tensor([0.0, 0.5, 1.0, 1.0, 0.5, 0.0])[:, None]
    clip = Clip.of(rise * head.expression_from_units({"jawOpen": 1.0}), torch.zeros(6, 6))
    similar: list[float] = []
    subject = Subject(params, w, texture)
    models, settings = (
        EditModels(head, generator, Reddish()),
        animate_settings("default", Reddish()),
    )
    stage = PromptReader(models, subject, replace(settings.edit, change="texture")).whole("red", 0)

    def short(steps: int) -> AnimateSettings:
        edit = replace(settings.edit, steps=steps, texture_rate=0.3)
        return replace(settings, edit=edit, frames=2, chunk=1)

    static = animate(models, stage, subject, clip, short(2), dynamic=False)
    begun = animate(models, stage, subject, clip, short(0), static)
    torch.testing.assert_close(begun.codes([2]), static.codes([0]))
    stopped = animate(models, stage, subject, clip, short(2), callback=press_ctrl_c)
    one_step = animate(models, stage, subject, clip, short(1))
    assert (stopped.interrupted, one_step.interrupted) == (True, False)
    assert torch.equal(stopped.codes([0]), one_step.codes([0]))
    made = animate(
        models,
        stage,
        subject,
        clip,
        short(12),
        static,
        callback=lambda _, __, similarity: similar.append(float(similarity)),
    )
    return made, generator, similar


def press_ctrl_c(_step: int, _steps: int, _similarity: torch.Tensor) -> None:
    raise KeyboardInterrupt


def test_optimises(reddened: tuple[Animation, Generator, list[float]]) -> None:
    made, generator, similar = reddened
    assert similar[-1] > 0.9
    textures = torch.cat([made.texture(generator, frame) for frame in range(6)])
    red = textures[:, 0].mean((1, 2)) - textures[:, 1:].mean((1, 2, 3))
    assert red[2] > red[1] > red[0]
    assert red[2] > red[0] + 0.1
    torch.testing.assert_close(textures[0:1], generator.synthesis(made.w) + made.extra)
    torch.testing.assert_close(made.extra[..., :4], torch.full((1, 3, 32, 4), 0.5))
    assert made.extra[..., 4:].abs().max() < LEVEL


def test_no_flicker(reddened: tuple[Animation, Generator, list[float]]) -> None:
    """Neighbours with the same expression have the same texture, even if the head turns."""
    made, generator, _ = reddened
    made.clip.pose[3, 1] = 0.4
    apart = made.texture(generator, 2) - made.texture(generator, 3)
    assert apart.abs().mean() * 0.5 < LEVEL / 100


def test_static_is_one_texture(reddened: tuple[Animation, Generator, list[float]]) -> None:
    made, generator, _ = reddened
    static = replace(made, dynamic=False)
    assert static.offset().shape == made.w.shape[1:]
    first, last = static.texture(generator, 0), static.texture(generator, 3)
    torch.testing.assert_close(first, last)
    assert not torch.allclose(first, generator.synthesis(made.w))
