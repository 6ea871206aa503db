"""Shared by all trainings: loop, checkpoints, processes, metrics log, random streams."""
