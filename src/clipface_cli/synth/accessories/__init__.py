"""Pictures of people with hats and glasses, which teach the accessory detector."""

from clipface_cli.synth.accessories.draw import AccessoryPicture, draw_accessory
from clipface_cli.synth.accessories.hats import HATS

__all__ = ["HATS", "AccessoryPicture", "draw_accessory"]
