"""Limits on the memory and work that a foreign file may cause, and the error beyond them."""

from __future__ import annotations

from clipface_cli.errors import InputError

MAX_OPERATIONS = 1_000_000  # pickle instructions; the largest published checkpoints need 30,000
MAX_DEPTH = 64  # containers inside containers
SPARE_BYTES = 64 << 20  # arrays may exceed the size of the file by this much


class Refused(InputError):
    """A foreign file asks for something that data has no need of, or is damaged."""


class Budget:
    """Bytes that the arrays of one file may take: four times its size and 64 MB."""

    def __init__(self, file_size: int) -> None:
        self.left = 4 * file_size + SPARE_BYTES

    def spend(self, size: int) -> None:
        """Take `size` bytes; Refused when there are not as many left."""
        if size < 0 or size > self.left:
            raise Refused(f"it declares arrays of {size:,} bytes, more than a file of its size has")
        self.left -= size
