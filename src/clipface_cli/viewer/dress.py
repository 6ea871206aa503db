"""The rig of a head as people are to see it: with the long hair that its texture paints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from clipface_cli.artifacts import Mesh, Part, Pixels, Rig
from clipface_cli.head import HeadModel
from clipface_cli.head.rig import HAIR
from clipface_cli.portrait import DressedHead, PaintedHair


def dress(head: HeadModel, *looks: tuple[Rig, Pixels]) -> list[Rig]:
    """Rigs of one head, each with its texture (H, W, 3), on the surface of a `DressedHead`.

    Where a texture paints hair over the ears, all have a part "hair", so that one can turn into
    another; else they are without its vertices.
    """
    surface = DressedHead(head)
    painted = [surface.painted(texture) for _, texture in looks]
    long = any(look.length > 0 for look in painted)
    return [
        _dressed(rig, surface, look, long) for (rig, _), look in zip(looks, painted, strict=True)
    ]


def _dressed(rig: Rig, surface: DressedHead, painted: PaintedHair, long: bool) -> Rig:
    follows = surface.follows if long else surface.follows[: surface.edges]
    hair = surface.hair.numpy()
    kept = slice(None) if long else ~hair
    faces = surface.faces.numpy()[kept]
    vertices = surface.with_hair(torch.from_numpy(rig.mesh.vertices), painted).numpy()

    def extended(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, follows @ values])

    parts = [
        replace(part, faces=np.pad(part.faces, (0, len(faces) - len(part.faces))))
        for part in rig.parts
    ]
    return replace(
        rig,
        mesh=Mesh(
            vertices[: len(rig.mesh.vertices) + follows.shape[0]],
            faces,
            surface.uv.double().numpy(),
            surface.uv_faces.numpy()[kept],
        ),
        targets={name: extended(moved) for name, moved in rig.targets.items()},
        weights=None if rig.weights is None else extended(rig.weights),
        parts=[*parts, Part("hair", hair, HAIR)] if long else parts,
    )
