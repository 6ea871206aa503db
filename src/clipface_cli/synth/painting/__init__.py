"""Painted UV skins: maps of the head, one painter for each feature, creature and costume looks."""
