"""Heads laid out in UV."""

import torch

from clipface_cli.render import rasterize, uv_map, uv_raster

SIZE = 64


def test_values_lie_where_the_layout_has_their_vertices(sphere) -> None:
    """Heights fall from the top row to the last; the ball's layout covers the whole square."""
    head = sphere()
    image, covered = uv_map(head, head.template[:, 1:2], SIZE)
    assert image.shape == covered.shape == (1, 1, SIZE, SIZE)
    assert covered.all()
    rows = image[0, 0]
    assert (rows[1:] < rows[:-1]).all()
    down = (torch.arange(SIZE) + 0.5) / SIZE * torch.pi
    assert torch.allclose(rows, 0.1 * down.cos()[:, None].expand(SIZE, SIZE), atol=1e-3)


def test_nothing_is_where_no_triangle_is(sphere) -> None:
    head = sphere()
    head.uv = head.uv * 0.5  # the lower left quarter
    image, covered = uv_map(head, torch.ones(len(head.template), 2), SIZE)
    half = SIZE // 2
    assert covered[0, 0, half:, :half].all()
    assert int(covered.sum()) == half * half
    assert torch.equal(image[0, 1] > 0, covered[0, 0])
    assert torch.allclose(image[0, 0, half:, :half], torch.tensor(1.0))


def test_it_is_the_rasteriser_turned_over(sphere) -> None:
    head = sphere()
    flat = torch.cat(
        [head.uv * 2 - 1, torch.zeros(len(head.uv), 1), torch.ones(len(head.uv), 1)], 1
    )
    expected, _ = rasterize(flat[None], head.uv_faces, (SIZE, SIZE))
    assert torch.equal(uv_raster(head, SIZE), expected.flip(1))
