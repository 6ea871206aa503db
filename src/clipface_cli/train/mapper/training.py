"""Optimise mappers over many heads (sec. 3.2 and 4): an edit's step, on new heads each time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from clipface_cli.artifacts import save_image
from clipface_cli.avatar.subject import sample_subject
from clipface_cli.edit import EditModels, Mappers, PromptMapper, PromptReader
from clipface_cli.edit.composition import seen_size, synthesize
from clipface_cli.edit.initialization.prompt_mapper import FILE
from clipface_cli.edit.optimize import Heads, Objective, descend, limited_motion
from clipface_cli.edit.stages import Stage, StageBatch
from clipface_cli.edit.views import ViewSampler
from clipface_cli.train.common.checkpoints import RunFolder, TrainState
from clipface_cli.train.common.distributed import SINGLE_PROCESS, SingleProcess
from clipface_cli.train.common.loop import Budget, StepMetrics, prepare_cpu, run_loop
from clipface_cli.train.common.sample_streams import SampleStreams
from clipface_cli.train.mapper.contact_sheet import contact_sheet
from clipface_cli.train.mapper.heads import HeadSampler
from clipface_cli.train.mapper.settings import MapperSettings

Edited = tuple[Tensor, Tensor]  # codes (B, L, w_dim) and expressions (B, E)
Report = Callable[[int, int, str], None]
"""Called after every step with (step, steps, metrics of the last report as text)."""


@dataclass(frozen=True)
class Run:
    """Folder of a training, whether to resume it, its processes, and a callback."""

    folder: Path
    resume: bool = False
    processes: SingleProcess = SINGLE_PROCESS
    report: Report | None = None


_PROMPT_STREAM = 1 << 30  # first index of the streams that draw prompts; heads' start at 0


def train_mapper(
    prompt: str,
    models: EditModels,
    run: Run,
    settings: MapperSettings,
    codes: Tensor | None = None,
    start: Mappers | None = None,
) -> Mappers:
    """Optimise the mappers of one prompt; writes them, metrics and checkpoints into the folder.

    The whole prompt is learned at once, over the whole texture. codes (N, L, w_dim): to train on
    instead of random ones; start: zero-offset mappers to begin with. Raises
    InputError for a prompt or codes that do not fit, KeyboardInterrupt after saving on Ctrl-C.
    """
    stage = _reader(models, settings).whole(prompt, settings.seed)
    stages = StageBatch.of(models, settings.edit, [stage] * settings.heads)
    mappers = Mappers.fresh(models.generator, models.head, stage.expressive, settings.seed)
    if settings.edit.pretraining:
        mappers.pretrain_zero()
    if start is not None:
        mappers.start_from(start)
    if settings.edit.initialization:
        mappers.begin_at(stage.start.w_offset, stage.start.expression_offset)
    modules: dict[str, nn.Module] = {"texture": mappers.texture}
    if mappers.expression is not None:
        modules["expression"] = mappers.expression

    def edited(w: Tensor, expression: Tensor, _: StageBatch) -> Edited:
        return mappers(w, expression)

    edit = settings.edit
    sampler = HeadSampler(models, settings, run.processes, codes)
    training = MapperTraining(models, settings, edited, lambda step: stages, sampler)
    groups = mappers.groups(edit.texture_rate, edit.expression_rate)
    optimizer = torch.optim.Adam(groups, fused=True)
    training.optimize(run, modules, optimizer, {"prompts": [prompt]})
    if run.processes.is_first:
        mappers.save(run.folder, prompt)
    return mappers


def train_prompt_mapper(
    prompts: Sequence[str],
    models: EditModels,
    run: Run,
    settings: MapperSettings,
) -> PromptMapper:
    """Optimise one mapper of all prompts, which generalises to others; writes it and its metrics.

    Raises KeyboardInterrupt after saving on Ctrl-C.
    """
    reader, head, known = _reader(models, settings), models.head, dict[str, Stage]()
    sampler = HeadSampler(models, settings, run.processes, None)
    mapper = PromptMapper.fresh(head, models.generator, models.guidance, settings.seed)
    mapper.to(models.device)

    def stages(step: int) -> StageBatch:
        indices = [_PROMPT_STREAM + index for index in sampler.indices()]
        draws = SampleStreams.for_step(settings.seed, step, indices).uniform()
        chosen = [prompts[int(draw * len(prompts))] for draw in draws.tolist()]
        for prompt in chosen:
            known.setdefault(prompt, reader.whole(prompt, 0))
        return StageBatch.of(models, settings.edit, [known[prompt] for prompt in chosen])

    def edited(w: Tensor, expression: Tensor, asked: StageBatch) -> Edited:
        planned = asked.w_offset, asked.expression_offset
        moved, change = mapper(w, asked.direction, *planned, asked.appearance_weight)
        change = asked.expressive[:, None] * (asked.expression_offset + change)
        change = limited_motion(head, change, settings.edit.motion_limit)
        return w + asked.w_offset + moved, expression + change

    training = MapperTraining(models, settings, edited, stages, sampler)
    optimizer = torch.optim.Adam(mapper.parameters(), settings.edit.texture_rate)
    training.optimize(run, {"mapper": mapper}, optimizer, {"prompts": list(prompts)})
    if run.processes.is_first:
        mapper.save(run.folder / FILE)
    return mapper


def _reader(models: EditModels, settings: MapperSettings) -> PromptReader:
    """Reader of prompts for the mean head; its results are used for every head."""
    mean = sample_subject(models.head, models.generator, 0, truncation=0.0)
    return PromptReader(models, mean, settings.edit)


@dataclass
class MapperTraining:
    """Gradient descent over edits of new heads in every step.

    edited: mapped codes and expressions; stages: target directions and weights of a step.
    """

    models: EditModels
    settings: MapperSettings
    edited: Callable[[Tensor, Tensor, StageBatch], Edited]
    stages: Callable[[int], StageBatch]
    heads: HeadSampler

    def optimize(
        self,
        run: Run,
        modules: Mapping[str, nn.Module],
        optimizer: torch.optim.Optimizer,
        about: Mapping[str, object],
    ) -> None:
        """Run all steps; writes checkpoints, metrics and contact sheets into the run's folder."""
        prepare_cpu()
        edit, state = self.settings.edit, TrainState(modules, {"mapper": optimizer})
        folder = RunFolder(
            run.folder, {**about, **_flat(self.settings)}, writes=run.processes.is_first
        )
        folder.begin(state, run.resume)
        streams = (random.Random(f"{self.settings.seed} {step}") for step in range(edit.steps))
        views = ViewSampler(edit, streams, self.models.device)
        rates = [group["lr"] for group in optimizer.param_groups]
        objective, text = Objective(self.models, edit), ""

        def step(spent: float) -> StepMetrics:
            if self.settings.decay:
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate * (1 + math.cos(math.pi * spent)) / 2
            measured = self._step(objective, optimizer, views, state.step)
            if run.report:
                run.report(state.step + 1, edit.steps, text)
            return measured

        def log(metrics: Mapping[str, float]) -> None:
            nonlocal text
            folder.log({"step": state.step, "minutes": state.minutes, **metrics})
            save_image(folder.sample(state.step), self._sheet())
            text = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())

        run_loop(state, folder, Budget(edit.steps), step, log, self.settings.every, run.processes)

    def _step(
        self,
        objective: Objective,
        optimizer: torch.optim.Optimizer,
        views: ViewSampler,
        step: int,
    ) -> StepMetrics:
        params, start = self.heads.draw(step)
        stages, seen = self.stages(step), views[step]
        with torch.no_grad():
            initial = Heads(params, start, self._texture(start))
            before = objective.embed(initial, seen)
        w, expression = self.edited(start, params.expression, stages)
        edited = Heads(params.with_expression(expression), w, self._texture(w))
        evaluation = objective.evaluate(stages, initial, edited, seen, before)
        mean = replace(evaluation, loss=evaluation.loss / len(start))
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        (done,) = descend(
            optimizer, [mean], lambda: self.heads.processes.average_gradients(parameters)
        )
        return {"loss": done.loss.sum(), "similarity": done.similarity.mean()}

    def _texture(self, w: Tensor) -> Tensor:
        generator = self.models.generator
        return synthesize(generator, w, seen_size(generator, self.settings.edit))

    @torch.no_grad()
    def _sheet(self) -> Tensor:
        stages = self.stages(0)

        def edited(w: Tensor, expression: Tensor) -> Edited:
            return self.edited(w, expression, stages)

        return contact_sheet(self.models, self.heads, edited, self.settings.edit)


def _flat(settings: MapperSettings) -> dict[str, object]:
    """Settings without nesting, as config.json holds them."""
    own = asdict(settings)
    edit: dict[str, object] = own.pop("edit")
    return {**edit, **own}
