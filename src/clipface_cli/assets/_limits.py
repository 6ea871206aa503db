"""Limits on the work that a pickle may cause."""

MAX_OPERATIONS = 1_000_000  # pickle instructions; the largest published checkpoints need 30,000
MAX_DEPTH = 64  # containers inside containers
