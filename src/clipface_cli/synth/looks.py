"""Fantasy looks: which painter lays which look over a person."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from clipface_cli.synth import figures, monsters
from clipface_cli.synth.sketch import Sketch

_PAINTERS: dict[str, Callable[[Sketch], None]] = {
    "zombie": monsters.paint_zombie,
    "ghost": monsters.paint_ghost,
    "vampire": monsters.paint_vampire,
    "werewolf": monsters.paint_werewolf,
    "white walker": monsters.paint_white_walker,
    "statue": figures.paint_statue,
    "clown": figures.paint_clown,
    "robot": figures.paint_robot,
    "alien": monsters.paint_alien,
    "barbie doll": figures.paint_barbie,
    "mona lisa": figures.paint_mona_lisa,
    "witcher": figures.paint_witcher,
    "gothic makeup": figures.paint_gothic,
    "party makeup": figures.paint_party,
}


def paint_look(sketch: Sketch) -> None:
    """Overlay the person's look."""
    painter = _PAINTERS.get(sketch.person.look)
    if painter is None:
        return
    before = sketch.colour.copy()
    painter(sketch)
    strength = np.float32(min(1.0, 0.35 + 0.75 * sketch.person.look_strength))
    sketch.colour[:] = before + (sketch.colour - before) * strength
