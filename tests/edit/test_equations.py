"""Presets `paper` and `released` against the equations written out straight, in float64."""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import torch
import written_out
from torch import Tensor, nn

from clipface_cli.adam import Adam
from clipface_cli.avatar import Subject, sample_subject
from clipface_cli.edit import (
    PAPER,
    RELEASED,
    Clip,
    EditModels,
    EditSettings,
    PromptReader,
    ablated,
    animate_settings,
    edit_mesh,
)
from clipface_cli.edit.animate import Animating
from clipface_cli.edit.edit import BatchedEdit
from clipface_cli.edit.mapper_set import MapperBatch
from clipface_cli.edit.objective import (
    directional_loss,
    expression_prior,
    image_direction,
    text_direction,
    total_loss,
)
from clipface_cli.edit.optimize import descend
from clipface_cli.edit.views import ViewSampler
from clipface_cli.guidance import Guidance, load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "clip_openai.npz"
STEPS, RESOLUTION, PROMPT = 5, 64, "Mona Lisa"
EXACT = {"rtol": 1e-5, "atol": 1e-8}  # sums in another order, divided by small directions
Steps = list[tuple[float, list[Tensor], Tensor, Tensor]]  # loss, gradients, codes, expression


def small_clip(folder: Path) -> Guidance:
    """OpenAI's towers at the size of the golden recording."""
    golden = np.load(GOLDEN)
    names = [name for name in golden.files if name.startswith("state/")]
    state = {n.removeprefix("state/"): torch.from_numpy(golden[n]) for n in names}
    torch.save(state, folder / "tiny.pt")
    return load_guidance(folder / "tiny.pt")


def in_double(guidance: Guidance) -> EditModels:
    """The head, a small random generator and a guidance in double precision."""
    torch.manual_seed(0)
    generator = Generator.create(64, 256, 16, z_dim=32, mapping_layers=2).double()
    generator.eval().requires_grad_(False)
    return EditModels(HeadModel.load().double(), generator, guidance.double())


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> EditModels:
    return in_double(small_clip(tmp_path_factory.mktemp("clip")))


@pytest.fixture(scope="module")
def embedded_models() -> EditModels:
    return in_double(load_guidance("builtin"))


@pytest.fixture(scope="module")
def person(models: EditModels) -> Subject:
    """A head with an expression of its own, so that the whole psi counts."""
    head, generator = models.head, models.generator
    z = torch.randn(1, 32, generator=torch.Generator().manual_seed(2)).double()
    w = generator.mapping(z)
    made = sample_subject(HeadModel.load(), Generator.load("builtin"), 7).params.to("cpu")
    psi = 0.3 * torch.randn(1, head.expression_size, generator=torch.Generator().manual_seed(3))
    made.shape, made.expression, made.pose = made.shape.double(), psi.double(), made.pose.double()
    return Subject(made, w, generator.synthesis(w).clamp(-1, 1))


def scenery(models: EditModels) -> written_out.Scenery:
    return written_out.Scenery(
        models.head, models.generator, models.guidance, models.renderer(RESOLUTION)
    )


def stacked(mapper: nn.Module) -> list[tuple[Tensor, Tensor]]:
    return [(layer.weight, layer.bias) for layer in mapper.layers]


def gradients(mappers: MapperBatch) -> list[Tensor]:
    """Of one edit, network by network as the writing-out has them."""
    found = []
    for mapper, count in ((mappers.texture, mappers.levels), (mappers.expression, 1)):
        for place in range(count):
            for layer in mapper.layers:
                found += [layer.weight.grad[place], layer.bias.grad[place]]
    return found


def ours(models: EditModels, person: Subject, settings: EditSettings) -> tuple[BatchedEdit, Steps]:
    """Five steps of the package."""
    stages = PromptReader(models, person, settings).stages(PROMPT, 0)
    batch = BatchedEdit(models, [person], stages, [0], settings)
    views = ViewSampler(settings, repeat(random.Random(0), STEPS), models.device)
    optimizer = Adam(batch.mappers.groups(settings.texture_rate, settings.expression_rate))
    steps: Steps = []
    for step in range(STEPS):
        evaluation = batch.step(optimizer, views[step])
        with torch.no_grad():
            w, psi = batch._moved()
        steps.append((float(evaluation.loss), gradients(batch.mappers), w, psi))
    return batch, steps


def straight(models: EditModels, person: Subject, settings: EditSettings, **how: bool) -> Steps:
    """Five steps of the writing-out, from the same random weights."""
    fresh = BatchedEdit(
        models,
        [person],
        PromptReader(models, person, settings).stages(PROMPT, 0),
        [0],
        replace(settings, pretraining=False),
    ).mappers
    texture = [written_out.layers_of(stacked(fresh.texture), i) for i in range(fresh.levels)]
    expression = written_out.layers_of(stacked(fresh.expression), 0)
    if settings.pretraining:
        for layers in (*texture, expression):
            layers[-1] = tuple(torch.zeros_like(part) for part in layers[-1])
    edit = written_out.Edit(scenery(models), texture, expression, **how)
    yaws, params = random.Random(0), person.params
    steps: Steps = []
    for _ in range(STEPS):
        head = params.shape, params.expression, params.pose, yaws.uniform(-25, 25)
        loss, found = edit.step(PROMPT, person.w, *head)
        with torch.no_grad():
            steps.append((loss, found, *edit.edited(person.w, params.expression)))
    return steps


def check(found: Steps, expected: Steps) -> None:
    for (loss, grads, w, psi), (their_loss, their_grads, their_w, their_psi) in zip(
        found, expected, strict=True
    ):
        assert loss == pytest.approx(their_loss, rel=1e-9)
        for ours_, theirs in zip(grads, their_grads, strict=True):
            torch.testing.assert_close(ours_, theirs, **EXACT)
        torch.testing.assert_close(w, their_w, **EXACT)
        torch.testing.assert_close(psi, their_psi, **EXACT)


def small(settings: EditSettings) -> EditSettings:
    return replace(settings, steps=STEPS, resolution=RESOLUTION)


@pytest.mark.parametrize(("settings", "norm"), [(PAPER, False), (RELEASED, True)])
@pytest.mark.parametrize("guidance", ["models", "embedded_models"])
def test_five_steps_of_an_edit(
    guidance: str,
    person: Subject,
    settings: EditSettings,
    norm: bool,
    request: pytest.FixtureRequest,
) -> None:
    models = request.getfixturevalue(guidance)
    _, found = ours(models, person, small(settings))
    check(found, straight(models, person, small(settings), norm=norm))
    assert not torch.equal(found[-1][2], person.w)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("pretraining", {}),
        ("direction", {"plain": True}),
        ("texture-code", {"told_psi": True}),
    ],
)
def test_the_papers_ablations(models: EditModels, person: Subject, name: str, how: dict) -> None:
    settings = small(ablated(PAPER, (name,)))
    _, found = ours(models, person, settings)
    check(found, straight(models, person, settings, **how))


def test_without_the_regulariser_the_loss_is_eq_7(models: EditModels, person: Subject) -> None:
    _, without = ours(models, person, small(ablated(PAPER, ("regularizer",))))
    _, whole = ours(models, person, small(PAPER))
    psi = person.params.expression
    assert whole[0][0] - without[0][0] == pytest.approx(0.01 * float(psi.square().sum()))


def test_five_steps_of_an_animation(models: EditModels, person: Subject) -> None:
    psi = 0.5 * torch.randn(3, models.head.expression_size, dtype=torch.float64)
    theta = 0.1 * torch.randn(3, 6, dtype=torch.float64)
    clip = Clip.of(psi, theta)
    settings = animate_settings("paper", models.guidance)
    settings = replace(settings, edit=small(settings.edit), chunk=2)
    stage = PromptReader(models, person, settings.edit).whole(PROMPT, 0)
    run = Animating(models, stage, person, clip, settings)
    mapper = run.made.mapper
    straight = written_out.Animation(
        scenery(models),
        [written_out.layers_of(stacked(mapper), i) for i in range(mapper.levels)],
    )
    torch.testing.assert_close(clip.weight, straight.importance(psi, theta))
    drawn: list[float] = []
    stream, theirs = random.Random(0), random.Random(0)
    views = ViewSampler(settings.edit, numbered(stream, drawn), models.device)
    optimizer = torch.optim.Adam(mapper.parameters(), settings.edit.texture_rate)
    for step in range(STEPS):
        done = descend(optimizer, run._evaluations(drawn[step], views[step]))
        theirs.random()
        frame = person.params.shape, psi, theta, theirs.uniform(-25, 25)
        loss, expected = straight.step(PROMPT, person.w, *frame)
        assert float(torch.cat([part.loss for part in done]).sum()) == pytest.approx(loss, rel=1e-9)
        found = [
            part.grad[level]
            for level in range(mapper.levels)
            for layer in mapper.layers
            for part in (layer.weight, layer.bias)
        ]
        for ours_, theirs_ in zip(found, expected, strict=True):
            torch.testing.assert_close(ours_, theirs_, **EXACT)
        with torch.no_grad():
            codes = straight.codes(person.w, psi, theta)
            torch.testing.assert_close(run.made.codes([0, 1, 2]), codes, **EXACT)


def numbered(stream: random.Random, drawn: list[float]) -> Iterator[random.Random]:
    for _ in range(STEPS):
        drawn.append(stream.random())
        yield stream


def test_the_equations_one_by_one(models: EditModels) -> None:
    torch.manual_seed(0)
    after, before, text = torch.randn(3, 4, 9).unbind(0)
    moved = image_direction(3 * after, 0.5 * before)
    expected = after / after.norm(dim=1, keepdim=True) - before / before.norm(dim=1, keepdim=True)
    torch.testing.assert_close(moved, expected)
    cosine = torch.cosine_similarity(moved, text, dim=1)
    torch.testing.assert_close(directional_loss(moved, text), 1 - cosine)
    torch.testing.assert_close(directional_loss(1e-5 * moved, text), 1 - cosine)
    psi, variance = torch.randn(4, 5), torch.rand(5) + 0.5
    torch.testing.assert_close(
        expression_prior(psi, variance),
        torch.einsum("be,ef,bf->b", psi, torch.linalg.inv(torch.diag(variance)), psi),
    )
    assert expression_prior(psi).tolist() == expression_prior(psi, torch.ones(5)).tolist()
    assert total_loss(torch.ones(1), torch.full((1,), 3.0), 0.01).item() == pytest.approx(1.03)
    sentences = ["A photo of a face that looks like Mona Lisa", "A photo of a face"]
    embedded = torch.nn.functional.normalize(models.guidance.encode_text(sentences), dim=1)
    torch.testing.assert_close(
        text_direction(models.guidance, sentences[0])[0], embedded[0] - embedded[1]
    )


def test_no_change_has_a_loss_of_one_and_a_slope() -> None:
    moved, text = torch.zeros(1, 4, requires_grad=True), torch.tensor([[0.0, 2.0, 0.0, 0.0]])
    loss = directional_loss(moved, text)
    loss.backward()
    assert loss.item() == 1
    assert moved.grad.tolist() == [[0.0, -0.5, 0.0, 0.0]]


def test_the_sentences_and_numbers_of_the_paper(models: EditModels, person: Subject) -> None:
    assert (PAPER.texture_rate, PAPER.expression_rate, PAPER.steps) == (1e-4, 5e-3, 5000)
    assert (PAPER.resolution, PAPER.views, PAPER.max_yaw) == (512, 1, 25)
    edit = edit_mesh(
        person, "red lips, angry", models.head, models.generator, models.guidance, small(PAPER)
    )
    assert edit.sentences == ("A photo of a face that looks like red lips, angry",)
    settings = animate_settings("paper", models.guidance)
    assert (settings.edit.steps, settings.edit.texture_rate, settings.frames) == (
        20_000,
        1e-4,
        None,
    )
