"""Training of the texture generator, of the text-image model and of mappers."""
