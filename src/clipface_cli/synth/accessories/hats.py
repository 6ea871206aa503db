"""Hats as meshes around a head: each kind drawn at random; numbers in `tables/accessories`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clipface_cli.synth.accessories import garments
from clipface_cli.synth.accessories.garments import Measures, Part, Points, Random, Seat
from clipface_cli.synth.tables import table

CROWN, BRIM, BAND = (0.0, 0.6), (0.6, 0.8), (0.8, 1.0)  # parts of the hat's texture, upwards


def _placed(part: Part, zone: tuple[float, float]) -> Part:
    """The part with its texture in a zone of the hat's."""
    v = zone[0] + 0.02 + part.uv[:, 1] * (zone[1] - zone[0] - 0.04)
    return replace(part, uv=np.stack([part.uv[:, 0], v], -1))


def _front_only(width: float, reach: float) -> Points:
    """Width (AROUND,) of a visor that reaches `reach` radians to each side."""
    share = np.cos(garments.ring_angles() / reach * np.pi / 2)
    return np.where(np.abs(garments.ring_angles()) < reach, width * share.clip(0) ** 0.5, 0.0)


def _beanie(m: Measures, seat: Seat, random: Random) -> list[Part]:
    t = table("accessories").beanie
    seat = replace(seat, room=seat.room + t.room)
    top = m.taller(random.uniform(*t.taller))
    parts = [_placed(garments.crown(top, seat, garments.dome(random.uniform(*t.roundness))), CROWN)]
    if random.random() < t.cuff_share:
        cuff = garments.band(m, seat, random.uniform(*t.cuff), t.thickness)
        parts.append(_placed(cuff, BAND))
    return parts


def _cap(m: Measures, seat: Seat, random: Random) -> list[Part]:
    t = table("accessories").cap
    parts = [_placed(garments.crown(m, seat, garments.dome(random.uniform(*t.roundness))), CROWN)]
    visor = _front_only(random.uniform(*t.visor), random.uniform(*t.reach))
    droop = random.uniform(*t.droop) + t.droop_aside * np.abs(garments.ring_angles())
    if random.random() < t.backwards:
        visor = np.roll(visor, garments.AROUND // 2)
    return [*parts, _placed(garments.brim(m, seat, visor, droop), BRIM)]


def _brimmed(m: Measures, seat: Seat, random: Random) -> list[Part]:
    t = table("accessories").brimmed
    height = random.uniform(*t.taller)
    top = m.taller(height)
    crown = garments.crown(top, seat, garments.dome(random.uniform(*t.roundness)))
    angle = garments.ring_angles()
    width = random.uniform(*t.brim) * (1 + random.uniform(*t.oval) * np.cos(2 * angle))
    droop = random.uniform(*t.droop) + random.uniform(*t.droop_aside) * np.sin(angle) ** 2
    parts = [_placed(crown, CROWN), _placed(garments.brim(m, seat, width, droop), BRIM)]
    if random.random() < t.band_share:
        strip = garments.band(m, seat, random.uniform(*t.band), t.thickness)
        parts.append(_placed(strip, BAND))
    return parts


def _peaked(m: Measures, seat: Seat, random: Random) -> list[Part]:
    """A uniform's cap: an upright band, a wider flat top, mostly a visor."""
    t = table("accessories").peaked
    lift = random.uniform(*t.band)
    wide = random.uniform(*t.wide)
    band = garments.band(m, seat, lift, t.thickness)
    profile = np.array(
        [[1.0, 0.0], [1.0, 0.35], [wide, 0.75], [wide, 0.9], [0.9 * wide, 1.0], [0, 1.05]]
    )
    top = m.taller(random.uniform(*t.taller))
    parts = [_placed(garments.crown(top, seat, profile), CROWN), _placed(band, BAND)]
    if random.random() < t.visor_share:
        visor = _front_only(random.uniform(*t.visor), random.uniform(*t.reach))
        droop = random.uniform(*t.droop) * np.ones(garments.AROUND)
        parts.append(_placed(garments.brim(m, seat, visor, droop), BRIM))
    return parts


def _headband(m: Measures, seat: Seat, random: Random) -> list[Part]:
    t = table("accessories").headband
    strip = garments.band(m, seat, random.uniform(*t.height), random.uniform(*t.thickness))
    return [_placed(strip, BAND)]


def _scarf(m: Measures, seat: Seat, random: Random) -> list[Part]:
    """Cloth over the head and down both cheeks."""
    t = table("accessories").scarf
    seat = Seat(random.uniform(*t.front), random.uniform(*t.back), seat.room)
    crown = garments.crown(m, seat, garments.dome(t.roundness))
    room = np.full(garments.AROUND, random.uniform(*t.room))
    bottom = np.full(garments.AROUND, -random.uniform(*t.length))
    drape = garments.curtain(m, room, seat.front, bottom, random.uniform(*t.opening))
    return [_placed(crown, CROWN), _placed(drape, CROWN)]


def _turban(m: Measures, seat: Seat, random: Random) -> list[Part]:
    t = table("accessories").turban
    bulge = random.uniform(*t.bulge)
    profile = np.array([[1.0, 0.0], [bulge, 0.3], [bulge, 0.6], [0.75, 0.95], [0, 1.05]])
    top = m.taller(random.uniform(*t.taller))
    return [_placed(garments.crown(top, seat, profile), CROWN)]


def _helmet(m: Measures, seat: Seat, random: Random) -> list[Part]:
    t = table("accessories").helmet
    seat = replace(seat, room=random.uniform(*t.room))
    parts = [_placed(garments.crown(m, seat, garments.dome(random.uniform(*t.roundness))), CROWN)]
    if random.random() < t.edge_share:
        edge = np.full(garments.AROUND, random.uniform(*t.edge))
        parts.append(_placed(garments.brim(m, seat, edge, t.edge_droop * edge), BRIM))
    return parts


def _hood(m: Measures, seat: Seat, random: Random) -> list[Part]:
    """Cloth that stands off the head, seen beside and above the face."""
    t = table("accessories").hood
    room = random.uniform(*t.room)
    seat = Seat(random.uniform(*t.front), t.back, room)
    crown = garments.crown(m, seat, garments.dome(t.roundness))
    around = np.full(garments.AROUND, room + t.drape_room)
    bottom = np.full(garments.AROUND, t.bottom)
    drape = garments.curtain(m, around, seat.front, bottom, random.uniform(*t.opening))
    return [_placed(crown, CROWN), _placed(drape, CROWN)]


SHAPES = {
    "beanie": _beanie,
    "cap": _cap,
    "brimmed": _brimmed,
    "peaked": _peaked,
    "headband": _headband,
    "scarf": _scarf,
    "turban": _turban,
    "helmet": _helmet,
    "hood": _hood,
}
HATS = tuple(SHAPES)
