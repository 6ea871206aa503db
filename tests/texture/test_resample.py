"""Fast resampling against the plain statement of the filter, with both derivatives."""

import pytest
import torch

from clipface_cli.texture.resample import (
    downsample,
    downsample_ref,
    upsample,
    upsample_image,
    upsample_ref,
)


@pytest.mark.parametrize(
    ("fast", "reference"),
    [(upsample, upsample_ref), (upsample_image, upsample_ref), (downsample, downsample_ref)],
)
@pytest.mark.parametrize("size", [4, 10])
def test_same_filter(fast, reference, size):
    x = torch.randn(2, 3, size, size + 2)
    assert torch.allclose(fast(x), reference(x), atol=1e-6)


@pytest.mark.parametrize("fast", [upsample, downsample])
def test_gradients(fast):
    x = torch.randn(1, 2, 4, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(fast, x)
    assert torch.autograd.gradgradcheck(fast, x)
