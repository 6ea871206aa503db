"""Fantasy looks: which painter lays which look over a person."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from clipface_cli.synth.painting import characters, creatures
from clipface_cli.synth.painting.state import Painting
from clipface_cli.synth.tables import table

_PAINTERS: dict[str, Callable[[Painting], None]] = {
    "zombie": creatures.paint_zombie,
    "ghost": creatures.paint_ghost,
    "vampire": creatures.paint_vampire,
    "werewolf": creatures.paint_werewolf,
    "white walker": creatures.paint_white_walker,
    "statue": characters.paint_statue,
    "clown": characters.paint_clown,
    "robot": characters.paint_robot,
    "alien": creatures.paint_alien,
    "barbie doll": characters.paint_barbie,
    "mona lisa": characters.paint_mona_lisa,
    "witcher": characters.paint_witcher,
    "gothic makeup": characters.paint_gothic,
    "party makeup": characters.paint_party,
}


def paint_look(painting: Painting) -> None:
    """Overlay the person's look."""
    painter = _PAINTERS.get(painting.person.look)
    if painter is None:
        return
    before = painting.colour.copy()
    painter(painting)
    t = table("light").look
    strength = np.float32(min(1.0, t.base + t.strength * painting.person.look_strength))
    painting.colour[:] = before + (painting.colour - before) * strength
