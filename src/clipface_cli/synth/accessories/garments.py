"""Hats, glasses and hair as simple meshes around a head, in metres, the face along +z."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clipface_cli.head import HeadModel
from clipface_cli.synth.tables import table

Points = NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True)
class Part:
    """points (N, 3), triangles (F, 3) counterclockwise from outside, uv (N, 2) in 0..1."""

    points: Points
    faces: NDArray[np.int64]
    uv: Points


@dataclass(frozen=True)
class Measures:
    """Of one head: eyes (2, 3), the person's right first, and the scalp's box low, high (3,)."""

    eyes: Points
    low: Points
    high: Points
    temple: float  # x of the side of the head at the height of the eyes

    @classmethod
    def of(cls, head: HeadModel, vertices: Points) -> Measures:
        """Measure vertices (V, 3) of an unturned head."""
        eyes, scalp = (head.masks[name].numpy() > 0.5 for name in ("eyes", "scalp"))
        sides = [vertices[eyes & (vertices[:, 0] * side > 0)] for side in (-1, 1)]
        box, t = vertices[scalp & (vertices[:, 1] > 0)], table("garments").temple
        level = np.abs(vertices[:, 1] - t.y) < t.height
        skin = level & (vertices[:, 2] < t.behind) & (head.masks["ears"].numpy() < 0.1)
        centres = np.stack([side.mean(0) * (1, 1, 0) + (0, 0, side[:, 2].max()) for side in sides])
        return cls(centres, box.min(0), box.max(0), float(np.abs(vertices[skin, 0]).max()))

    def taller(self, by: float) -> Measures:
        """The same head with its top `by` metres higher, for hats that stand off it."""
        return replace(self, high=self.high + np.array([0.0, by, 0.0]))


def grid(points: Points, closed: bool = False, both_sides: bool = False) -> Part:
    """Triangles between the rows of points (U, V, 3); closed joins the last row to the first."""
    across, along = points.shape[:2]
    index = np.arange(across * along).reshape(across, along)
    if closed:
        index = np.concatenate([index, index[:1]])
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    u, v = np.meshgrid(np.linspace(0, 1, across), np.linspace(0, 1, along), indexing="ij")
    part = Part(points.reshape(-1, 3), faces, np.stack([u, v], -1).reshape(-1, 2))
    return join([part, Part(part.points, faces[:, ::-1], part.uv)]) if both_sides else part


def join(parts: list[Part]) -> Part:
    """Several meshes as one."""
    starts = np.cumsum([0, *(len(part.points) for part in parts)])
    return Part(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=False)]),
        np.concatenate([part.uv for part in parts]),
    )


AROUND = 56  # points of a ring, the first behind the head, running to its left, front, right


def ring_angles() -> Points:
    """Angles (AROUND,) from straight ahead, positive to the person's left."""
    return np.linspace(-np.pi, np.pi, AROUND, endpoint=False)


@dataclass(frozen=True)
class Seat:
    """Where a hat sits: the rim's height in front and behind, and room around the head."""

    front: float
    back: float
    room: float

    def ring(self, m: Measures, scale: Points | float = 1.0, lift: Points | float = 0.0) -> Points:
        """A ring (AROUND, 3) around the head at the rim, scaled and lifted."""
        angle = ring_angles()
        middle, half = self.axes(m)
        x, z = np.sin(angle) * half[0] * scale, middle[1] + np.cos(angle) * half[1] * scale
        share = (np.cos(angle) + 1) / 2
        y = self.back + (self.front - self.back) * share + lift
        return np.stack([middle[0] + x, y, z], -1)

    def axes(self, m: Measures) -> tuple[Points, Points]:
        """Middle (2,) and half lengths (2,) of the rim's ellipse, both x and z in metres."""
        low, high = m.low[[0, 2]], m.high[[0, 2]]
        return (low + high) / 2, (high - low) / 2 + self.room


def crown(m: Measures, seat: Seat, profile: Points) -> Part:
    """A cap from the rim up: profile (K, 2) of radius and height, shares of the rim and the top."""
    middle, _ = seat.axes(m)
    top = m.high[1] + seat.room
    rings = []
    for radius, height in profile:
        ring = seat.ring(m)
        ring[:, [0, 2]] = middle + (ring[:, [0, 2]] - middle) * radius
        ring[:, 1] = ring[:, 1] * (1 - height) + top * height
        rings.append(ring)
    return grid(np.stack(rings, 1), closed=True)


def dome(roundness: float, steps: int = 10) -> Points:
    """A profile (steps, 2) for `crown`; roundness: 2 is a sphere's, more is boxier."""
    t = np.linspace(0, 1, steps)
    height = np.sin(t * np.pi / 2)
    return np.stack([(1 - height**roundness).clip(0) ** (1 / roundness), height], -1)


def brim(m: Measures, seat: Seat, width: Points, droop: Points) -> Part:
    """A flat ring out from the rim: width and droop (AROUND,) in metres."""
    (middle, _), under = seat.axes(m), table("garments").brim.under
    inner = seat.ring(m)
    away = inner[:, [0, 2]] - middle
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    rows = []
    for t in np.linspace(-under, 1, 6):
        row = inner.copy()
        row[:, [0, 2]] += away * (width * t)[:, None]
        row[:, 1] -= droop * t**2
        rows.append(row)
    return grid(np.stack(rows, 1), closed=True, both_sides=True)


def band(m: Measures, seat: Seat, height: float, thickness: float) -> Part:
    """A strip around the head from the rim up, bulging by its thickness, all in metres."""
    rows, radius = [], table("garments").band.radius
    for t in np.linspace(0, 1, 5):
        bulge = 1 + thickness * np.sin(np.pi * t) / radius
        rows.append(seat.ring(m, bulge, height * t))
    return grid(np.stack(rows, 1), closed=True)


def curtain(m: Measures, room: Points, top: float, bottom: Points, front: float) -> Part:
    """Cloth or hair that hangs around the head, open in front by `front` radians to each side.

    room (2,): distance to the head's box in x and z; top, bottom (AROUND,): heights of the edges;
    all in metres.
    """
    angle = np.linspace(front, 2 * np.pi - front, AROUND)
    middle, half = (m.low + m.high)[[0, 2]] / 2, (m.high - m.low)[[0, 2]] / 2
    c, rows = table("garments").curtain, []
    for t in np.linspace(0, 1, 8):
        turn = np.pi * (c.turn[0] + c.turn[1] * t)
        out = half[None] + room[:, None] * (c.room[0] + c.room[1] * np.sin(turn))
        x, z = np.sin(angle) * out[:, 0], middle[1] + np.cos(angle) * out[:, 1]
        rows.append(np.stack([middle[0] + x, top + (bottom - top) * t, z], -1))
    return grid(np.stack(rows, 1), both_sides=True)


@dataclass(frozen=True)
class Frame:
    """Of glasses, in metres: half sizes of a rim, its squareness (2 round), lift of the outer
    corner, drop of the lower half inwards, wire radius, share of it below, distance to the eye."""

    width: float
    height: float
    squareness: float
    lift: float
    taper: float
    wire: float
    below: float
    distance: float


def glasses(m: Measures, frame: Frame) -> tuple[Part, Part]:
    """Frame and lenses."""
    t = table("garments").glasses
    rims = [_rim(m, frame, side) for side in (0, 1)]
    wires = [_tube(rim, _wire(frame, len(rim)), closed=True) for rim in rims]
    inner = [rim[np.argmin(np.abs(rim[:, 0]))] for rim in rims]
    arc = np.linspace(inner[0], inner[1], 9)
    arc[:, 1] += t.bridge_up * np.sin(np.linspace(0, np.pi, 9)) + t.hinge * frame.height
    arc[:, 2] += t.bridge_out * np.sin(np.linspace(0, np.pi, 9))
    wires.append(_tube(arc, np.full(9, max(frame.wire, t.thinnest))))
    for rim, side in zip(rims, (-1, 1), strict=True):
        outer = rim[np.argmax(rim[:, 0] * side)] + (0, t.hinge * frame.height, 0)
        hinge = np.array([side * (m.temple + t.hinge_room), outer[1], outer[2] - t.hinge_back])
        ear = np.array([side * (m.temple + t.ear_room), outer[1] - t.ear_drop, t.ear_z])
        arm = np.concatenate([np.linspace(outer, hinge, 4), np.linspace(hinge, ear, 8)[1:]])
        wires.append(_tube(arm, np.full(len(arm), max(frame.wire, t.thinnest))))
    lenses = [_fan(rim - (0, 0, t.lens_back)) for rim in rims]
    return join(wires), join(lenses)


def _rim(m: Measures, frame: Frame, side: int) -> Points:
    """Closed line (32, 3) around a lens, counterclockwise from the front."""
    sign, t = (-1, 1)[side], table("garments").glasses
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    x = np.sign(cos) * np.abs(cos) ** (2 / frame.squareness)
    y = np.sign(sin) * np.abs(sin) ** (2 / frame.squareness)
    outward = x * sign
    lift = frame.lift * (outward.clip(0) * y.clip(0))
    half = frame.width * (1 + frame.taper * y * np.where(outward > 0, t.taper_outside, 1.0))
    px = m.eyes[side, 0] + sign * t.apart + x * half
    py = m.eyes[side, 1] - t.below + y * frame.height + lift
    pz = m.eyes[side, 2] + frame.distance - t.curved * px**2
    return np.stack([px, py, pz], -1)


def _wire(frame: Frame, count: int) -> Points:
    """Radius (count,) of the wire along a rim."""
    upper = (np.sin(np.linspace(0, 2 * np.pi, count, endpoint=False)) + 0.25).clip(0, 0.5) * 2
    return frame.wire * (frame.below + (1 - frame.below) * upper)


def _tube(line: Points, radius: Points, closed: bool = False) -> Part:
    """A wire of five sides along a line (N, 3)."""
    after = np.roll(line, -1, 0) - np.roll(line, 1, 0)
    if not closed:
        after[0], after[-1] = line[1] - line[0], line[-1] - line[-2]
    after /= np.linalg.norm(after, axis=1, keepdims=True) + 1e-12
    helper = np.where(np.abs(after[:, 2:]) < 0.9, [[0.0, 0, 1]], [[0.0, 1, 0]])
    first = np.cross(helper, after)
    first /= np.linalg.norm(first, axis=1, keepdims=True) + 1e-12
    second = np.cross(after, first)
    turn = np.linspace(0, 2 * np.pi, 6)
    sides = np.cos(turn)[:, None] * first[:, None] + np.sin(turn)[:, None] * second[:, None]
    return grid(line[:, None] + radius[:, None, None] * sides, closed)


def _fan(line: Points) -> Part:
    """A sheet (both sides) inside a closed line (N, 3)."""
    middle = line.mean(0)
    rows = np.stack([middle + (line - middle) * t for t in (0.02, 0.35, 0.7, 1.0)], 1)
    return grid(rows, closed=True, both_sides=True)


def scalp_shell(
    head: HeadModel, vertices: Points, normals: Points, height: Points, hairline: float
) -> Part:
    """Hair that stands off the scalp by height (V,) metres and grows down to a hairline (y)."""
    t = table("garments").shell
    grown = (vertices[:, 1] > hairline) | (vertices[:, 2] < t.behind)
    scalp = (head.masks["scalp"].numpy() > t.scalp) & grown
    faces = head.faces.numpy()
    faces = faces[scalp[faces].all(1)]
    used, index = np.unique(faces, return_inverse=True)
    points = vertices[used] + normals[used] * height[used, None]
    angle = np.arctan2(points[:, 0], points[:, 2] - t.axis) / (2 * np.pi) + 0.5
    uv = np.stack([angle, (points[:, 1] - t.lowest) / t.height], -1)
    return Part(points, index.reshape(-1, 3), uv.clip(0, 1))
