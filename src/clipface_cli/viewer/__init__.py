"""Heads to look at: what the local page shows, hair on the mesh, films of animations."""

from clipface_cli.viewer.dress import dress
from clipface_cli.viewer.shown import Compared, find_shown, listing, shown_mesh, with_original

__all__ = ["Compared", "dress", "find_shown", "listing", "shown_mesh", "with_original"]
