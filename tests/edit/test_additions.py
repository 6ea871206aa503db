"""Terms that preset `default` adds to the loss, against plain definitions."""

import torch
from toy_guidance import MeanColour

from clipface_cli.edit import additions
from clipface_cli.edit.objective import directional_loss, text_direction


def test_plain_similarity_ignores_lengths() -> None:
    image, text = torch.randn(3, 8), torch.randn(3, 8)
    loss = additions.plain_similarity_loss(4 * image, 0.1 * text)
    torch.testing.assert_close(loss, 1 - torch.cosine_similarity(image, text, dim=1))


def test_the_floor_counts_for_short_directions_alone() -> None:
    text = torch.tensor([[0.0, 2.0]])
    moved = torch.tensor([[0.0, 0.5], [3.0, 4.0]])  # lengths 0.5 and 5, the floor is 1
    loss = additions.floored_directional_loss(moved, text, 0.5)
    assert loss.tolist() == [0.5, directional_loss(moved, text)[1].item()]


def test_length_is_what_is_missing_along_the_text() -> None:
    text = torch.tensor([[0.0, 2.0]])
    moved = torch.tensor([[5.0, 0.5], [0.0, 3.0], [0.0, -2.0]])
    torch.testing.assert_close(additions.length_loss(moved, text), torch.tensor([0.75, 0.0, 2.0]))


def test_the_ensemble_is_a_mean_over_sentences() -> None:
    guidance = MeanColour(calibrated=False)
    pairs = [(f"{start} red face", f"{start} face") for start in additions.ENSEMBLE]
    expected = torch.stack([text_direction(guidance, *pair) for pair in pairs]).mean(0)
    made = additions.ensemble_direction(guidance, "A photo of a red face")
    torch.testing.assert_close(made, expected)
    other = "A drawing of a red face"
    torch.testing.assert_close(
        additions.ensemble_direction(guidance, other), text_direction(guidance, other)
    )
