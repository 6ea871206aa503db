"""A painting in progress: the canvas, the person, and the fields that several painters share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from clipface_cli.synth.painting.canvas import Canvas
from clipface_cli.synth.painting.fields import Field, to_linear
from clipface_cli.synth.people.person import Person

LUMA = np.array([0.3, 0.59, 0.11], np.float32)  # weights of linear light in grey


class Painting:
    """State that the painters share; `colour` (R, R, 3), linear light, is changed in place.

    hair, lips, creases, relief: masks (R, R) in 0..1 that earlier painters leave for later ones.
    """

    def __init__(self, canvas: Canvas, person: Person) -> None:
        self.canvas = canvas
        self.person = person
        self.colour: Field = np.ones((*canvas.x.shape, 3), np.float32)
        self.hair: Field = np.zeros_like(canvas.x)
        self.lips: Field = np.zeros_like(canvas.x)
        self.creases: Field = np.zeros_like(canvas.x)
        self.relief: Field = np.zeros_like(canvas.x)

    @cached_property
    def coarse(self) -> Field:
        """This person's 20 mm blotches: a mix of the canonical layouts."""
        return self._mixed(0)

    @cached_property
    def medium(self) -> Field:
        """This person's 6 mm blotches."""
        return self._mixed(3)

    def _mixed(self, first: int) -> Field:
        p = self.person
        weights = np.array([0.6 + p.mottle_1, p.mottle_2, p.mottle_3], np.float32)
        weights /= max(float(np.linalg.norm(weights)), 0.4)
        return np.tensordot(weights, self.canvas.wobble[first : first + 3], 1)

    @property
    def fine(self) -> Field:
        """Canonical 2.5 mm blotches."""
        return np.asarray(self.canvas.wobble[6])

    @cached_property
    def patches(self) -> Field:
        """This person's 30 mm patches for looks."""
        p = self.person
        weights = np.array([0.7 + p.pattern_1, p.pattern_2, p.pattern_3], np.float32)
        weights /= max(float(np.linalg.norm(weights)), 0.5)
        return np.tensordot(weights, self.canvas.patches, 1)

    def hair_colour(self) -> Field:
        return to_linear(self.person.colour("hair"))

    def over(self, colour: Field, amount: Field) -> None:
        """Lay a colour, (3,) or (R, R, 3) linear, over the painting by amount (R, R)."""
        self.colour += (colour - self.colour) * np.asarray(amount, np.float32)[..., None]

    def darken(self, amount: Field, per_channel: Sequence[float]) -> None:
        """Multiply by 1 - amount (R, R) x channel weights."""
        weights = np.array(per_channel, np.float32)
        self.colour *= 1 - np.asarray(amount, np.float32)[..., None] * weights
