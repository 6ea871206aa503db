"""One step of an edit against the published loop written plainly, same networks, same run.

    python benchmarks/edit.py [--steps N]

The plain loop follows the published training code's structure: a separate MLP for each level called
in a Python loop, the unedited texture generated and rendered again each step beside the edited one,
and both prompts encoded each step. Adam, one view, renders of the same size, threads and loss: once
with the embedded generator, once with random weights in the published sizes (512 x 512, 18 levels).
Ours generates textures only as fine as the renders need. JSON goes to benchmarks/out/edit.json:
seconds a step of both (best and median), ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from clipface_cli.edit import EditSettings, ExpressionMapper, Subject, TextureMapper, sample_subject
from clipface_cli.edit.edit import Bout
from clipface_cli.edit.scene import Scene
from clipface_cli.edit.target import Planner
from clipface_cli.guidance import (
    SOURCE_PROMPT,
    directional_loss,
    expression_prior,
    load_guidance,
    target_prompt,
)
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera
from clipface_cli.texture import Generator

OUTPUT = Path(__file__).parent / "out/edit.json"
PROMPT = "zombie"


class Plain:
    """The published loop without any sharing between steps or levels."""

    def __init__(self, scene: Scene, person: Subject) -> None:
        self.scene, self.person = scene, person
        width = scene.generator.w_dim
        self.levels = nn.ModuleList(TextureMapper(1, width) for _ in range(scene.generator.num_ws))
        self.expression = ExpressionMapper(width, scene.head.expression_size)
        groups = [
            {"params": self.levels.parameters(), "lr": 1e-4},
            {"params": self.expression.parameters(), "lr": 5e-3},
        ]
        self.optimizer = torch.optim.Adam(groups)

    def step(self) -> None:
        scene, person = self.scene, self.person
        target, source = scene.guidance.encode_text([target_prompt(PROMPT), SOURCE_PROMPT])
        offsets = [level(person.w[:, k : k + 1]) for k, level in enumerate(self.levels)]
        w = person.w + torch.cat(offsets, 1)
        expression = person.params.expression + self.expression(w)
        first = self._embed(scene.generator.synthesis(person.w), person.params.expression)
        second = self._embed(scene.generator.synthesis(w), expression)
        loss = directional_loss(second - first, (target - source)[None]).mean()
        loss = loss + 1.5e-2 * expression_prior(expression).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def _embed(self, texture: torch.Tensor, expression: torch.Tensor) -> torch.Tensor:
        params, scene = self.person.params, self.scene
        vertices = scene.head(params.shape, expression, params.pose)
        image, _ = scene.renderer(vertices, texture, Camera.turned([0.0]))
        return scene.guidance.encode_image(image)


def ours(scene: Scene, person: Subject) -> Callable[[], None]:
    """A step of `edit_mesh` with one view, as `Plain` has."""
    settings = EditSettings(views=1)
    target = Planner(scene, person, settings).stages(PROMPT, 0)[0]
    bout = Bout(scene, [person], [target], [0], settings)
    optimizer = bout.mappers.optimizer(settings.texture_rate, settings.expression_rate)
    return lambda: bout._step(optimizer, *bout._shots()) and None


def compare(generator: Generator, steps: int) -> dict[str, dict[str, float]]:
    """Seconds a step of both, turn by turn."""
    head = HeadModel.load("builtin")
    scene = Scene(head, generator, load_guidance("builtin"))
    person = sample_subject(head, generator, 7)
    runs = {"plain": Plain(scene, person).step, "clipface": ours(scene, person)}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for round_ in range(steps + 1):
        for name, step in runs.items():
            start = time.perf_counter()
            step()
            if round_:
                seconds[name].append(time.perf_counter() - start)
    report = {
        name: {"best_s": min(times), "median_s": statistics.median(times)}
        for name, times in seconds.items()
    }
    plain, clipface = report["plain"], report["clipface"]
    return report | {"ratio": {key: plain[key] / clipface[key] for key in plain}}


def main() -> None:
    """Time both loops on both generators."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=12)
    steps = parser.parse_args().steps
    torch.manual_seed(0)
    published = Generator.create(512, 16384, 512).eval().requires_grad_(False)
    report = {
        "embedded": compare(Generator.load("builtin"), steps),
        "published sizes": compare(published, max(3, steps // 3)),
    }
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
