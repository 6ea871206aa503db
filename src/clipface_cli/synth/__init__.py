"""Procedural people: attributes, painted UV skins, captions, expressions, and the corpus."""
