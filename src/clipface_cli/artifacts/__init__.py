"""What the tool writes and reads: meshes, images, sidecars, sheets, run records."""
