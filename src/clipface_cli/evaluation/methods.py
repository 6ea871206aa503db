"""Methods that `compare` runs and `edit --method` names: ours, its ablations, the baselines."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Protocol

from clipface_cli.avatar import Subject
from clipface_cli.baselines import BASELINES, Baseline, Budget, Text2Mesh, TexturedHead
from clipface_cli.baselines import Progress as BaselineProgress
from clipface_cli.edit import ABLATIONS, PRESETS, EditModels, ablated, edit_meshes, preset
from clipface_cli.errors import InputError

Callback = Callable[[int, float], None]
"""Called after a step with the number of steps done and the loss."""


@dataclass
class Outcome:
    """An edited head, and how it came to be.

    losses: by step; seconds: of wall time, networks loaded; settings: every number of the method;
    sentences: the texts that renders were compared with; notes: what a table must say of it;
    interrupted: Ctrl-C ended it, subject is the best so far.
    """

    subject: Subject
    losses: list[float]
    seconds: float
    settings: dict[str, Any]
    sentences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    scores: dict[str, float] = field(default_factory=dict)


class Method(Protocol):
    """Changes a textured head towards a prompt within a budget."""

    @property
    def title(self) -> str:
        """How tables call it."""

    @property
    def usual_steps(self) -> int:
        """How many steps it takes where the budget does not say."""

    def __call__(
        self,
        person: Subject,
        prompt: str,
        models: EditModels,
        budget: Budget,
        seed: int,
        callback: Callback | None = None,
    ) -> Outcome:
        """Raises InputError for a prompt or a head that the method cannot work with."""


@dataclass(frozen=True)
class PresetEdit:
    """ClipFace with a preset's settings, without the parts that `ablate` names."""

    preset: str
    ablate: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """How tables call it."""
        name = "ClipFace" if self.preset == "default" else f"ClipFace ({self.preset})"
        return name + "".join(f" without {part}" for part in self.ablate)

    @property
    def usual_steps(self) -> int:
        return PRESETS[self.preset].steps

    def __call__(
        self,
        person: Subject,
        prompt: str,
        models: EditModels,
        budget: Budget,
        seed: int,
        callback: Callback | None = None,
    ) -> Outcome:
        settings = ablated(preset(self.preset, models.guidance), self.ablate)
        if budget.steps is not None:
            settings = replace(settings, steps=budget.steps)
        settings = replace(settings, seconds=budget.seconds or 0.0, seed=seed)
        started = time.perf_counter()

        def report(now: Any) -> None:
            if callback is not None:
                callback(now.step, float(now.loss.mean()))

        (edit,) = edit_meshes(person, [(prompt, seed)], models, settings, report)
        return Outcome(
            edit.subject,
            [loss for loss, _ in edit.log],
            time.perf_counter() - started,
            asdict(settings),
            edit.sentences,
            interrupted=edit.interrupted,
            scores={"similarity": edit.similarity},
        )


@dataclass(frozen=True)
class BaselineEdit:
    """Another method of the paper's tables; it changes the texture and leaves the expression."""

    name: str
    title: str
    baseline: Baseline

    @property
    def usual_steps(self) -> int:
        return self.baseline.steps

    def __call__(
        self,
        person: Subject,
        prompt: str,
        models: EditModels,
        budget: Budget,
        seed: int,
        callback: Callback | None = None,
    ) -> Outcome:
        def report(now: BaselineProgress) -> None:
            if callback is not None:
                callback(now.step, now.loss)

        parts = person.params, person.texture, person.w
        start = TexturedHead(models.head, *parts, models.generator)
        result = self.baseline(start, prompt, models.guidance, budget, seed, report)
        entry = {"prompt": prompt, "guidance": models.guidance.name, "seed": seed}
        entry["method"] = self.name
        params = result.head.params
        edited = person.edited(params.expression, person.w, result.head.texture, entry)
        return Outcome(
            replace(edited, params=params),
            result.losses,
            result.seconds,
            result.settings,
            result.sentences,
            result.notes,
            result.interrupted,
        )


TITLES = {
    "flametex": "FlameTex",
    "clipmatrix": "ClipMatrix",
    "text2mesh": "Text2Mesh",
    "latent3d": "Latent3d",
}
"""How tables call the baselines; others by their own name."""
DISPLACED = "text2mesh-displacement"  # its full form; the paper compares without (appendix 8)


def _ablations(prefix: str, name: str) -> dict[str, Method]:
    """A preset without each part that it has."""
    settings = PRESETS[name]
    parts = (part for part, without in ABLATIONS.items() if without(settings) != settings)
    return {f"{prefix}-{part}": PresetEdit(name, (part,)) for part in parts}


ABLATION_METHODS: dict[str, Method] = _ablations("paper", "paper") | _ablations(
    "default", "default"
)
METHODS: dict[str, Method] = {
    "clipface": PresetEdit("default"),
    "clipface-paper": PresetEdit("paper"),
    "clipface-released": PresetEdit("released"),
    **{name: BaselineEdit(name, TITLES.get(name, name), b) for name, b in BASELINES.items()},
    DISPLACED: BaselineEdit(DISPLACED, "Text2Mesh with displacement", Text2Mesh(displacement=True)),
    **ABLATION_METHODS,
}
"""Every method by the name that users type."""


def method_of(name: str) -> Method:
    """The method of this name; InputError that lists near ones, or all but the ablations."""
    if name in METHODS:
        return METHODS[name]
    near = get_close_matches(name, METHODS, 3) or [n for n in METHODS if n not in ABLATION_METHODS]
    raise InputError(f"There is no method {name!r}; try {', '.join(near)}.")


def ablation_names(words: list[str]) -> list[str]:
    """Names of ablations: as given, or all of a preset where its name is given."""
    names: list[str] = []
    for word in words:
        group = [name for name in ABLATION_METHODS if name.startswith(f"{word}-")]
        if word not in ABLATION_METHODS and word not in ("paper", "default"):
            near = ", ".join(get_close_matches(word, ABLATION_METHODS, 3) or ABLATION_METHODS)
            raise InputError(f"--ablations: no {word!r}; give paper, default or one of {near}.")
        names += [word] if word in ABLATION_METHODS else group
    return list(dict.fromkeys(names))
