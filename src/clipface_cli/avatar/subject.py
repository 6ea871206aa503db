"""The textured head that an edit starts from and ends with, in memory and on disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clipface_cli.artifacts import (
    Mesh,
    Pixels,
    Sidecar,
    decode_pixels,
    from_pixels,
    load_image,
    png_bytes,
    read_obj,
    read_sidecar,
    sidecar_path,
    to_pixels,
    write_obj,
    write_sidecar,
)
from clipface_cli.avatar.shapes import shapes_painted
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel, HeadParams, fit_vertices
from clipface_cli.texture import Generator, invert

REPAINTED = 3 / 255  # mean texture difference above which a sidecar's code is not used
REMEMBERED = 8  # edits that can be undone
MOVED = 1e-4  # metres, vertex difference above which a sidecar's parameters are not used


@dataclass
class Subject:
    """params of one head, its code w (1, L, 512), its texture (1, 3, R, R), edits so far.

    The texture may differ from the generator's for w: where an edit was limited to regions, or
    where the user painted. earlier: the head before the last edits, oldest first.
    """

    params: HeadParams
    w: Tensor
    texture: Tensor
    history: list[dict[str, Any]] = field(default_factory=list)
    generator: str = "builtin"
    earlier: list[Subject] = field(default_factory=list)

    def to(self, device: torch.device | str) -> Subject:
        """The same head on another device; earlier states stay where they are."""
        params = self.params.to(device)
        return replace(self, params=params, w=self.w.to(device), texture=self.texture.to(device))

    def edited(
        self, expression: Tensor, w: Tensor, texture: Tensor, entry: dict[str, Any]
    ) -> Subject:
        """The same person after one more edit, described by `entry`; undo restores this state."""
        return replace(
            self,
            params=self.params.with_expression(expression),
            w=w,
            texture=texture,
            history=[*self.history, entry],
            earlier=[*self.earlier, replace(self, earlier=[])][-REMEMBERED:],
        )

    def undone(self) -> Subject:
        """The state before the last edit; InputError where it was not saved."""
        if not self.earlier:
            raise InputError("There is no edit to undo; this head's sidecar remembers none.")
        return replace(self.earlier[-1], earlier=self.earlier[:-1])


def sample_subject(
    head: HeadModel, generator: Generator, seed: int, truncation: float = 0.8
) -> Subject:
    """A random person: shape and texture drawn from the seed, neutral expression and pose.

    Where sex and age of the painted person are known, the shape matches them.
    """
    random = torch.Generator().manual_seed(seed)
    params = HeadParams.neutral(1, head.shape_size, head.expression_size)
    shape = torch.randn(1, head.shape_size, generator=random, device="cpu")
    z = torch.randn(1, generator.z_dim, generator=random, device="cpu")
    params.shape = truncation * shapes_painted(head, generator, z, shape)
    with torch.no_grad():
        w = generator.mapping(z.to(generator.device), truncation)
        texture = generator.synthesis(w)
    return Subject(params, w, texture, generator=generator.source).to(generator.device)


def subject_of_code(
    head: HeadModel, generator: Generator, w: Tensor, seed: int, truncation: float = 0.8
) -> Subject:
    """The person of a code w (1, L, w_dim), with a random shape: sex and age are not known."""
    random = torch.Generator().manual_seed(seed)
    params = HeadParams.neutral(1, head.shape_size, head.expression_size)
    params.shape = truncation * torch.randn(1, head.shape_size, generator=random, device="cpu")
    w = w.to(generator.device)
    with torch.no_grad():
        texture = generator.synthesis(w)
    return Subject(params, w, texture, generator=generator.source).to(generator.device)


def check_codes(codes: Tensor, generator: Generator) -> None:
    """InputError where codes (N, L, w_dim) are another generator's."""
    if codes.shape[1:] != (generator.num_ws, generator.w_dim):
        raise InputError(
            f"These codes have {codes.shape[1]} levels of {codes.shape[2]} numbers, the generator "
            f"{generator.num_ws} of {generator.w_dim}; give the one that made them."
        )


def save_subject(path: Path, subject: Subject, head: HeadModel) -> None:
    """Write NAME.obj, NAME.mtl, NAME.png and the sidecar."""
    write_obj(path, Mesh.of_head(head, head.pose_head(subject.params)), subject.texture)
    write_sidecar(
        sidecar_path(path),
        Sidecar(
            head.head_id,
            subject.params.shape,
            subject.params.expression,
            subject.params.pose,
            subject.w,
            subject.generator,
            head.source,
            subject.params.displacement,
            subject.history,
            _texture_hash(subject.texture),
            [_packed(state) for state in subject.earlier],
        ),
    )


def load_subject(
    path: Path, head: HeadModel, generator: Generator, allow_outside: bool = False
) -> Subject:
    """Read a textured mesh: from its sidecar where that still describes it, else by fitting.

    The head lies on the CPU; a texture is inverted where the generator is. Raises InputError for a
    missing or unreadable file, another topology, or no texture, and for one outside the mesh's
    folder unless `allow_outside` is set.
    """
    mesh = read_obj(path, allow_outside)
    if mesh.texture is None:
        raise InputError(f"{path} names no texture (map_Kd in its .mtl); an edit needs one.")
    vertices, texture = torch.from_numpy(mesh.vertices).float(), load_image(mesh.texture)
    if texture.shape[2] != texture.shape[3]:
        raise InputError(f"{mesh.texture} is not square; a head's UV texture must be.")
    if texture.shape[2] != generator.resolution:
        size = (generator.resolution, generator.resolution)
        texture = torch.nn.functional.interpolate(texture, size, mode="bilinear", antialias=True)
    sidecar = sidecar_path(path)
    known = read_sidecar(sidecar) if sidecar.is_file() else None
    params = known_params(known, vertices, head) or fit_vertices(head, vertices).params
    w = _known_code(known, texture, generator)
    if w is None:
        w = invert(generator, texture.to(generator.device)).cpu()
    if known is None:
        return Subject(params, w, texture, generator=generator.source)
    subject = Subject(params, w, texture, known.history, generator.source)
    return replace(subject, earlier=_unpacked(known, subject))


def _texture_hash(texture: Tensor) -> str:
    return hashlib.sha256(to_pixels(texture).tobytes()).hexdigest()


def _packed(state: Subject) -> dict[str, Tensor]:
    """State of a head that undo restores: expression, w, and the texture as PNG."""
    png = torch.frombuffer(bytearray(png_bytes(to_pixels(state.texture))), dtype=torch.uint8)
    return {"expression": state.params.expression.clone(), "w": state.w.clone(), "png": png}


def _unpacked(known: Sidecar, subject: Subject) -> list[Subject]:
    """Heads before the last edits; shape and pose are those of now."""
    before = len(known.history) - len(known.earlier)
    states = []
    for step, state in enumerate(known.earlier):
        states.append(
            replace(
                subject,
                params=subject.params.with_expression(state["expression"]),
                w=state["w"],
                texture=from_pixels(_undo_picture(state["png"])),
                history=known.history[: max(before + step, 0)],
            )
        )
    return states


def _undo_picture(png: Tensor) -> Pixels:
    try:
        return decode_pixels(png.numpy().tobytes())
    except InputError as error:
        raise InputError(f"A picture for --undo in the sidecar: {error}.") from error


def known_params(known: Sidecar | None, vertices: Tensor, head: HeadModel) -> HeadParams | None:
    """The sidecar's parameters if they still give the mesh's vertices (V, 3), else None."""
    if known is None or known.head_id != head.head_id:
        return None
    params = HeadParams(known.shape, known.expression, known.pose, known.displacement)
    posed = head.pose_head(params)[0]
    if posed.shape != vertices.shape or (posed - vertices).abs().max() > MOVED:
        return None
    return params


def _known_code(known: Sidecar | None, texture: Tensor, generator: Generator) -> Tensor | None:
    """The sidecar's code if it still gives the mesh's texture."""
    if known is None or known.w is None:
        return None
    if known.w.shape[1:] != (generator.num_ws, generator.w_dim):
        return None
    if known.texture_hash == _texture_hash(texture):
        return known.w
    with torch.no_grad():
        painted = generator.synthesis(known.w.to(generator.device)).clamp(-1, 1).cpu()
    return None if (painted - texture).abs().mean() > 2 * REPAINTED else known.w
