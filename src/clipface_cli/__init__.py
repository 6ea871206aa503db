"""Text-guided texturing, expression editing and animation of 3D morphable heads."""
