"""Limits on the memory and work that a foreign file may cause, and the error beyond them."""

from __future__ import annotations

from clipface_cli.budget import Budget, Refused

MAX_OPERATIONS = 1_000_000  # pickle instructions; the largest published checkpoints need 30,000
MAX_DEPTH = 64  # containers inside containers

__all__ = ["MAX_DEPTH", "MAX_OPERATIONS", "Budget", "Refused"]
