"""The prompts that an edit compares (paper section 3.2)."""

SOURCE_PROMPT = "A photo of a face"


def target_prompt(prompt: str) -> str:
    """The target t_tgt for what a person typed; a whole "a photo of ..." is taken as it is."""
    prompt = " ".join(prompt.split())
    if prompt.lower().startswith("a photo of"):
        return prompt
    return f"{SOURCE_PROMPT} that looks like {prompt}"
