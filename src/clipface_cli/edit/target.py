"""What a prompt asks of one person, stage by stage: directions, where to start, where to paint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from clipface_cli.edit.moods import Moods
from clipface_cli.edit.regions import spoken_of
from clipface_cli.edit.scene import FRONT, Goal, Scene, Shots
from clipface_cli.edit.settings import EditSettings
from clipface_cli.edit.subject import Subject
from clipface_cli.errors import InputError
from clipface_cli.guidance import split_prompt, target_prompt

TELLING = 0.2  # length of a word's direction, of what people differ by, from which it counts


@dataclass(frozen=True)
class Target:
    """One stage of a prompt.

    wanted (D,): the image direction, as long as it should become; offset (w_dim,), mood (E,):
    change of code and of expression to start at; moody, looky in [0, 1]: how much it is about the
    expression and about the texture; regions: where the texture may change, () for everywhere;
    expressive: whether the expression may change.
    """

    prompt: str
    wanted: Tensor
    offset: Tensor
    mood: Tensor
    moody: float = 0.0
    looky: float = 1.0
    regions: tuple[str, ...] = ()
    expressive: bool = True


class Planner:
    """Turns prompts into stages for one person; measures the person's moods once."""

    def __init__(self, scene: Scene, person: Subject, settings: EditSettings) -> None:
        self.scene, self.person, self.settings = scene, person, settings
        self._moods: Moods | None = None

    def stages(self, prompt: str, seed: int) -> list[Target]:
        """A stage for the face as a whole, then one for what only colours parts of it.

        Raises InputError for an empty prompt or one that the guidance cannot read.
        """
        parts = self._parts(prompt)
        local = [part for part in parts if spoken_of(part)]
        whole = [part for part in parts if part not in local]
        if self.settings.only or not self.scene.guidance.calibrated:
            stage = self._stage(parts, seed, expressive=bool(whole))
            return [replace(stage, regions=self.settings.only)]
        stages = [self._stage(whole, seed, expressive=True)] if whole else []
        if local:
            regions = tuple(dict.fromkeys(name for part in local for name in spoken_of(part)))
            stage = self._stage(local, seed, expressive=False)
            stages.append(replace(stage, regions=regions))
        return stages

    def whole(self, prompt: str, seed: int) -> Target:
        """All that a prompt asks for in one stage over the whole texture."""
        parts = self._parts(prompt)
        return self._stage(parts, seed, expressive=not all(map(spoken_of, parts)))

    def _parts(self, prompt: str) -> Sequence[str]:
        if not prompt.strip():
            raise InputError("The prompt is empty; say what the face should look like.")
        guidance = self.scene.guidance
        guidance.encode_text([target_prompt(prompt)])  # which refuses what it cannot read
        if not guidance.calibrated:
            return [prompt]
        parts = split_prompt(prompt)
        if self.settings.change != "both":
            return parts
        return [piece for part in parts for piece in self._mood_and_look(part)]

    def _mood_and_look(self, part: str) -> list[str]:
        """A part that names a mood and a look, in two: "sad old clown" -> "sad", "old clown"."""
        words = part.split()
        felt = [self._felt(word) for word in words] if len(words) > 1 else []
        if 0.0 not in felt or 1.0 not in felt:
            return [part]
        mood = " ".join(word for word, sure in zip(words, felt, strict=True) if sure == 1)
        look = " ".join(word for word, sure in zip(words, felt, strict=True) if sure != 1)
        return [mood, look]

    @torch.no_grad()
    def _felt(self, word: str) -> float | None:
        """How surely a word means a mood, 0 where it means a look; None where it says little."""
        if self.scene.guidance.understood(word).empty:
            return None
        direction = self.scene.direction(word)
        if direction.norm() < TELLING * self.scene.crowd.usual:
            return None
        return self.moods.expression(self.scene.aim.reach * direction)[1]

    def _stage(self, parts: Sequence[str], seed: int, expressive: bool) -> Target:
        """The sum of what the parts ask for."""
        expressive = expressive and self.settings.change != "texture"
        found = [self._part(part, seed, expressive) for part in parts]
        return Target(
            ", ".join(parts),
            torch.stack([t.wanted for t in found]).sum(0),
            torch.stack([t.offset for t in found]).sum(0) / (1 + self.scene.aim.identity),
            torch.stack([t.mood for t in found]).sum(0),
            max(t.moody for t in found),
            max(t.looky for t in found),
            expressive=expressive,
        )

    @torch.no_grad()
    def _part(self, prompt: str, seed: int, expressive: bool) -> Target:
        scene, head = self.scene, self.scene.head
        direction = scene.direction(prompt)
        nothing = torch.zeros(scene.generator.w_dim), torch.zeros(head.expression_size)
        asked = float(direction.norm())
        if not scene.guidance.calibrated or asked < 1e-6:
            return Target(prompt, direction[0], *nothing)
        reach, mood, moody = scene.aim.reach, nothing[1], 0.0
        if expressive:
            mood, moody = self.moods.expression(reach * direction)
        length = moody * reach * asked + (1 - moody) * scene.crowd.reach(direction)
        wanted = direction * length / asked
        if not self.settings.near:
            return Target(prompt, wanted[0], *nothing, moody, 1 - moody)
        offset = (1 - moody) * scene.crowd.offset(wanted, seed)
        return Target(prompt, wanted[0], offset, mood, moody, 1 - moody)

    @property
    def moods(self) -> Moods:
        """How the guidance answers to this person's expressions."""
        if self._moods is None:
            person, front = self.person, Shots.plain([FRONT])

            def look(offsets: Tensor) -> Tensor:
                expressions = (person.params.expression + offsets).split(1)
                seen = [
                    self.scene.look(person.params, person.texture, e, front) for e in expressions
                ]
                return torch.cat(seen)[:, 0]

            self._moods = Moods.of(self.scene.head, look)
        return self._moods


def goal(scene: Scene, targets: list[Target]) -> Goal:
    """Targets stacked."""
    with torch.no_grad():
        texts = scene.guidance.encode_text([target_prompt(t.prompt) for t in targets])
    return Goal(
        torch.stack([t.wanted for t in targets]),
        texts,
        torch.stack([t.offset for t in targets]),
        torch.stack([t.mood for t in targets]),
        torch.tensor([t.looky for t in targets]),
        torch.tensor([float(t.expressive) for t in targets]),
    )
