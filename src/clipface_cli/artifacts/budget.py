"""Limits on what a file that someone else wrote may make this process hold in memory."""

from __future__ import annotations

from clipface_cli.errors import InputError

SPARE_BYTES = 64 << 20  # what a reader may hold beyond four times the size of its file


class Budget:
    """An amount, in bytes unless said otherwise, that one reading may spend and no more."""

    def __init__(self, left: int) -> None:
        self.left = left

    @classmethod
    def of_file(cls, size: int) -> Budget:
        """What the arrays of a file of `size` bytes may take: four times as much, and 64 MB."""
        return cls(4 * size + SPARE_BYTES)

    def admit(self, size: int) -> None:
        """Allow for the arrays of one more file of `size` bytes."""
        self.left += 4 * size

    def spend(self, amount: int, what: str) -> None:
        """Take `amount`; InputError, a clause that begins with `what`, where less is left."""
        if not 0 <= amount <= self.left:
            raise InputError(f"{what} would take {amount:,} bytes; {self.left:,} are allowed")
        self.left -= amount
