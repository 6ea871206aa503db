"""People as named attributes, and how they are drawn from standard normal latents."""
