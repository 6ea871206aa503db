import torch

from clipface_cli.guidance import (
    SOURCE_PROMPT,
    directional_loss,
    expression_prior,
    global_loss,
    target_prompt,
)


def test_directional_loss_is_one_minus_cosine():
    image = torch.tensor([[1.0, 0.0], [0.0, -3.0], [2.0, 2.0], [0.0, 0.0]])
    text = torch.tensor([[0.0, 5.0]])
    expected = torch.tensor([1.0, 2.0, 1 - 0.5**0.5, 1.0])
    assert torch.allclose(directional_loss(image, text), expected, atol=1e-6)


def test_directional_loss_has_finite_gradient_where_nothing_changed():
    image = torch.zeros(1, 4, requires_grad=True)
    directional_loss(image, torch.ones(1, 4)).sum().backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()


def test_global_loss_ignores_scale():
    image, text = torch.randn(3, 8), torch.randn(3, 8)
    assert torch.allclose(global_loss(image, text), global_loss(4 * image, 0.1 * text), atol=1e-6)


def test_expression_prior_is_mahalanobis():
    expression = torch.tensor([[1.0, 2.0], [0.0, 3.0]])
    assert expression_prior(expression).tolist() == [5.0, 9.0]
    assert expression_prior(expression, torch.tensor([1.0, 4.0])).tolist() == [2.0, 2.25]


def test_target_prompt():
    assert SOURCE_PROMPT == "A photo of a face"
    assert target_prompt("  Mona   Lisa ") == "A photo of a face that looks like Mona Lisa"
    assert target_prompt("A photo of an old man") == "A photo of an old man"
