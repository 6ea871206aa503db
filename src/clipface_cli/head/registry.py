"""The head formats that `HeadModel.load` reads besides our own: a format is one file and one line.

model.py cannot name the readers, which build a `HeadModel` themselves.
"""

from __future__ import annotations

from clipface_cli.head.flame import read_flame
from clipface_cli.head.model import READERS

__all__ = ["READERS"]

READERS["flame"] = read_flame  # the last to be asked: it says what a file that is not FLAME holds
