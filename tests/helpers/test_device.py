"""The net itself: it computes as the CPU does, and refuses what CUDA refuses."""

from copy import deepcopy
from pathlib import Path

import device
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import clipface_cli
from clipface_cli.texture import EqualizedLinear


@pytest.fixture
def there(standin_device):
    return standin_device


def test_it_computes_as_the_cpu(there) -> None:
    """A network with its backward pass and two steps of Adam."""

    def trained(where) -> tuple[torch.Tensor, ...]:
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.SiLU(), nn.Flatten(),
            nn.Linear(8 * 64, 5),
        ).to(where)  # fmt: skip
        images, grid = torch.rand(2, 3, 8, 8).to(where), torch.rand(2, 8, 8, 2).to(where)
        rows = torch.tensor([1, 0], device=where)
        optimizer = torch.optim.Adam(network.parameters(), fused=True)
        for _ in range(2):
            optimizer.zero_grad()
            seen = F.grid_sample(images, grid, align_corners=False)[rows]
            loss = network(F.interpolate(seen, scale_factor=1.0)).softmax(1)
            loss = torch.einsum("bi,ji->bj", loss, loss).square().mean()
            loss.backward()
            optimizer.step()
        return tuple(p.detach().cpu() for p in deepcopy(network).parameters())

    pairs = zip(trained("cpu"), trained(there), strict=True)
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in pairs)


def test_views_share_their_memory(there) -> None:
    x = torch.zeros(3, 4, device=there)
    x[1] += 2
    x[:, 2].mul_(3)
    weight = torch.ones(4, device=there, requires_grad=True)
    y = x * weight
    y[0] = weight * 5
    y.sum().backward()
    assert torch.equal(x.cpu()[1], torch.tensor([2.0, 2, 6, 2]))
    assert torch.equal(weight.grad.cpu(), torch.tensor([7.0, 7, 11, 7]))


def test_factories(there) -> None:
    made = [
        torch.arange(3, device=there),
        torch.arange(2, 8, 3.0, device=there),
        torch.eye(2, 3, device=there),
        torch.linspace(0, 1, 5, device=there),
        torch.full((2, 2), 3.0, device=there),
        torch.randperm(4, device=there),
        torch.tensor([[1, 2]], device=there),
    ]
    assert [tuple(x.shape) for x in made] == [(3,), (2,), (2, 3), (5,), (2, 2), (4,), (1, 2)]
    assert all(x.device == there and x.cpu().shape == x.shape for x in made)


def test_products(there) -> None:
    vector, matrix = torch.ones(3, device=there), torch.ones(3, 3, device=there)
    for product in (vector @ matrix, torch.matmul(vector, matrix), matrix @ vector):
        assert torch.equal(product.cpu(), torch.full((3,), 3.0))
    assert (vector @ vector).item() == 3
    with pytest.raises(NotImplementedError, match="changes a tensor's shape"):
        matrix.unsqueeze_(0)


@pytest.mark.parametrize("heads", [1, 2])
def test_attention(there, heads) -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, heads, 5, 4)
    found = F.scaled_dot_product_attention(q.to(there), k.to(there), v.to(there))
    assert torch.allclose(found.cpu(), F.scaled_dot_product_attention(q, k, v), atol=1e-6)


def test_what_cuda_refuses(there) -> None:
    x = torch.ones(3, device=there)
    with pytest.raises(RuntimeError, match="all tensors to be on the same device"):
        x + torch.ones(3)
    with pytest.raises(RuntimeError, match="all tensors to be on the same device"):
        torch.stack([x, torch.ones(3)])
    with pytest.raises(RuntimeError, match="all tensors to be on the same device"):
        torch.ones(3)[torch.tensor([0], device=there)]
    with pytest.raises((RuntimeError, TypeError), match="numpy"):
        x.numpy()
    with pytest.raises(RuntimeError, match="generator"):
        torch.randn(3, device=there, generator=torch.Generator())
    assert torch.equal((x + torch.tensor(1.0)).cpu(), torch.full((3,), 2.0))
    assert torch.randn(3, device=there, generator=torch.Generator(there)).device == there
    assert x[torch.tensor([0])].device == there


def test_waits_are_listed(there) -> None:
    x = torch.ones(3, device=there)
    with device.host_syncs() as waits:
        x.sum().item()
        x.cpu()
        x[x > 0]
        torch.ones(3).to(there)
        torch.ones(3).to(there, non_blocking=True)
        torch.zeros(3, device=there).copy_(torch.ones(3), non_blocking=True)
        x.new_full((3,), 2.0)
        x.to(torch.float64).sum().mul(2).clamp(0, 1)
        x.new_tensor([1.0])
    assert [wait.removeprefix("outside ") for wait in waits] == [
        "local_scalar_dense", "to_copy", "index", "to_copy", "to_copy"
    ]  # fmt: skip


def test_the_strict_mode_looks_at_the_package_alone() -> None:
    code = "made = torch.zeros(3), torch.zeros(3, device='cpu')[:2], torch.as_tensor(x)"
    inside = str(Path(clipface_cli.__file__).parent / "texture" / "made_up.py")
    names = {"torch": torch, "x": torch.ones(3)}
    with device.strict_device():
        torch.zeros(3)
        EqualizedLinear(2, 3)
        exec(compile(code, "elsewhere.py", "exec"), names)
        exec(compile(code.replace("zeros(3)", "zeros_like(x)"), inside, "exec"), names)
        with pytest.raises(AssertionError, match=r"torch\.zeros without a device at made_up\.py:1"):
            exec(compile(code, inside, "exec"), names)
