"""Limits on what a file that someone else wrote may make this process hold in memory."""

from __future__ import annotations

from clipface_cli.errors import InputError

SPARE_BYTES = 64 << 20  # what the arrays of a file may exceed four times its size by


class Refused(InputError):
    """A foreign file asks for something that data has no need of, or is damaged."""


class Budget:
    """Bytes that one reading may take and no more."""

    def __init__(self, left: int) -> None:
        self.left = left

    @classmethod
    def of_file(cls, size: int) -> Budget:
        """The budget for the arrays of a file of `size` bytes: four times as much, and 64 MB."""
        return cls(4 * size + SPARE_BYTES)

    def admit(self, size: int) -> None:
        """Allow for the arrays of one more file of `size` bytes."""
        self.left += 4 * size

    def spend(self, size: int, what: str = "it declares arrays that") -> None:
        """Take `size` bytes; Refused, a clause that begins with `what`, where less is left."""
        if not 0 <= size <= self.left:
            raise Refused(f"{what} would take {size:,} bytes; {self.left:,} are allowed")
        self.left -= size
