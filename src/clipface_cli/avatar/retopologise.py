"""A textured scan of any topology as a head that can be edited: register, bake, invert."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clipface_cli.artifacts import Mesh, Pixels, contact_sheet, save_image, to_pixels
from clipface_cli.artifacts.scan import Scan, read_scan
from clipface_cli.avatar.subject import Subject
from clipface_cli.errors import InputError
from clipface_cli.geometry.surface import Surface
from clipface_cli.head import HeadModel
from clipface_cli.head.register import Registration, register
from clipface_cli.photos.scans import locate_face
from clipface_cli.portrait import draw_scan
from clipface_cli.render import Camera
from clipface_cli.texture import Generator, invert
from clipface_cli.texture.bake import bake

LIMIT_MM = 2.0  # mean distance above which a scan is not taken
LEAST_FACE = 0.6  # share of the face's texels that must be covered
PORTRAIT = 512  # pixels a side of the pictures
_SIDES = (0.0, -38.0)  # degrees of yaw of the pictures


@dataclass
class Retopologised:
    """The head of a scan; the scan itself, as it lies on the head (metres).

    share, face_share: how much of the texture, and of the face's part, the scan covers. mean_mm,
    max_mm: how far the head's skin is from the scan.
    """

    subject: Subject
    scan: Scan
    share: float
    face_share: float
    mean_mm: float
    max_mm: float

    @property
    def facts(self) -> dict[str, Any]:
        """The report as plain numbers."""
        names = "share", "face_share", "mean_mm", "max_mm"
        return {name: round(getattr(self, name), 4) for name in names}

    def __str__(self) -> str:
        return (
            f"The scan covers {self.share:.0%} of the texture and {self.face_share:.0%} of the "
            f"face; the head lies {self.mean_mm:.2f} mm from it in the mean, at most "
            f"{self.max_mm:.1f} mm."
        )


def retopologise(
    path: Path, head: HeadModel, generator: Generator, allow_outside: bool = False
) -> Retopologised:
    """Read a scan and make a head of it, with the generator's code and the scan's own detail.

    Raises InputError when it cannot be read, has no texture, shows no face, or when the head does
    not come to lie on it.
    """
    scan, landmarks = locate_face(_pictured(path, allow_outside), head)
    found = register(head, Surface(scan.vertices, scan.faces), landmarks)
    scan = replace(scan, vertices=_undone(found, scan))
    vertices = head.pose_head(found.params)[0]
    baked = bake(head, vertices, scan, generator.resolution)
    if not (found.mean_mm < LIMIT_MM and baked.face_share > LEAST_FACE):
        raise InputError(
            f"The head does not come to lie on {path}: mean distance {found.mean_mm:.1f} mm (at "
            f"most {LIMIT_MM:.1f}), {baked.face_share:.0%} of the face covered (at least "
            f"{LEAST_FACE:.0%}); is the face whole and free of hair, glasses and helmet?"
        )
    device = generator.device
    w = invert(generator, baked.filled().to(device), known=baked.known.to(device))
    with torch.no_grad():
        texture = baked.completed(generator.synthesis(w).cpu())
    w = w.cpu()
    subject = Subject(found.params, w, texture, generator=generator.source)
    return Retopologised(subject, scan, baked.share, baked.face_share, found.mean_mm, found.max_mm)


def views(shown: Retopologised | Subject, head: HeadModel, resolution: int) -> list[Pixels]:
    """Pictures (R, R, 3), 8-bit sRGB, of a scan or of a head made of one, from two sides.

    resolution: R, pixels a side. Both are drawn in the same soft light.
    """
    scan = shown.scan if isinstance(shown, Retopologised) else _as_scan(shown, head)
    return [draw_scan(scan, Camera.turned(yaw), resolution, finer=2) for yaw in _SIDES]


def save_comparison(path: Path, made: Retopologised, head: HeadModel) -> None:
    """A picture of the scan above the head made of it, from two sides."""
    rows = [views(shown, head, PORTRAIT) for shown in (made, made.subject)]
    save_image(path, contact_sheet(rows, captions=["scan", "head"]))


def _pictured(path: Path, allow_outside: bool) -> Scan:
    """The scan, which must have more to show than one colour for each part."""
    scan = read_scan(path, allow_outside)
    by_vertices = scan.tint is not None and np.ptp(scan.tint, axis=(0, 1)).max() > 0
    if not by_vertices and all(picture.size == 3 for picture in scan.pictures):
        raise InputError(f"{path} has plain colours and no picture; a head needs a texture.")
    return scan


def _undone(found: Registration, scan: Scan) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The scan's vertices (V, 3) where the head with these parameters lies by itself."""
    shift, rotation = found.translation.double().numpy(), found.rotation.double().numpy()
    moved: np.ndarray[Any, np.dtype[np.float64]] = (scan.vertices - shift) @ rotation / found.scale
    return moved


def _as_scan(subject: Subject, head: HeadModel) -> Scan:
    mesh = Mesh.of_head(head, head.pose_head(subject.params))
    whose = np.zeros(len(mesh.faces), np.int64)
    return Scan(
        mesh.vertices, mesh.faces, mesh.uv[mesh.uv_faces], [to_pixels(subject.texture)], whose
    )
