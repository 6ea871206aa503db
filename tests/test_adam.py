"""Adam against PyTorch's own."""

import torch
from torch import Tensor

from clipface_cli.adam import Adam


def test_steps_are_those_of_torch() -> None:
    torch.manual_seed(0)
    target = torch.randn(7)

    def run(make: type) -> list[Tensor]:
        first, second, idle = (torch.zeros(7).requires_grad_() for _ in range(3))
        groups = [{"params": [first, idle], "lr": 0.1}, {"params": [second], "lr": 0.02}]
        optimizer = make(groups, betas=(0.8, 0.99))
        for step in range(20):
            optimizer.param_groups[1]["lr"] = 0.02 / (1 + step)
            optimizer.zero_grad()
            ((first - target).square().sum() + (second * target - 1).square().sum()).backward()
            optimizer.step()
        return [first, second, idle]

    for ours, theirs in zip(run(Adam), run(torch.optim.Adam), strict=True):
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-6)
