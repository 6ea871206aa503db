"""Triangles that pixels see: coverage, depth, weights."""

import torch

from clipface_cli.render import interpolate, rasterize


def test_weights_follow_nvdiffrast() -> None:
    """u and v weigh the first and second vertex, row 0 is at the bottom, ids start at 1."""
    pos = torch.tensor([[[-1.0, -1, 0.5, 1], [3, -1, 0.5, 1], [-1, 3, 0.5, 1]]])
    rast, rast_db = rasterize(pos, torch.tensor([[0, 1, 2]]), (4, 8))
    x, y = (torch.arange(8) + 0.5) / 16, (torch.arange(4) + 0.5) / 8
    assert torch.allclose(rast[0, ..., 0], 1 - x[None] - y[:, None])
    assert torch.allclose(rast[0, ..., 1], x[None].expand(4, 8))
    assert (rast[..., 2] == 0.5).all()
    assert (rast[..., 3] == 1).all()
    assert torch.allclose(rast_db, torch.tensor([-1 / 16, -1 / 8, 1 / 16, 0]))


def test_interpolated_positions_are_the_pixels(soup) -> None:
    pos, tri = soup(20, 12, 2, (-0.3, 2), 3)
    rast, _ = rasterize(pos, tri, (40, 40))
    at, _ = interpolate(pos, rast, tri)
    centre = (torch.arange(40) + 0.5) / 20 - 1
    covered = rast[..., 3] > 0
    assert (at[covered][:, 3] > 0).all()
    for value, expected in ((at[..., 0], centre[None]), (at[..., 1], centre[:, None])):
        error = (value / at[..., 3] - expected)[covered].abs()
        assert error.max() < 2 / 40 / 128  # snapping moves an edge by up to 1/512 pixel
    assert torch.allclose((at[..., 2] / at[..., 3])[covered], rast[..., 2][covered], atol=1e-5)


def test_a_shared_edge_covers_each_pixel_once(grid) -> None:
    pos, tri = grid(1, seed=1, jitter=0.03)
    pos = pos * torch.tensor([1.2, 1.2, 0, 1])
    pos[0, ::3, :2] = (pos[0, ::3, :2] * 16).round() / 16 + 1 / 64  # through pixel centres
    single = [rasterize(pos, triangle[None], (64, 64))[0][..., 3] for triangle in tri]
    corners = pos[0, tri, :2]
    ab, ac = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    one_way = torch.cat([area[: len(tri) // 2] > 0, area[len(tri) // 2 :] < 0])
    assert one_way.all(), "the sheet must not fold over for this test"
    assert (sum(single) == 1).all()


def test_vertices_on_pixel_centres() -> None:
    line = (torch.arange(9) * 2 + 1) / 8 - 1  # 8 pixels' centres and one beyond
    y, x = torch.meshgrid(line, line, indexing="ij")
    pos = torch.stack([x, y, 0 * x, 0 * x + 1], -1).reshape(1, -1, 4)
    i = torch.arange(72).reshape(8, 9)[:, :-1].flatten()
    tri = torch.cat([torch.stack([i, i + 1, i + 9], 1), torch.stack([i + 10, i + 9, i + 1], 1)])
    count = sum(rasterize(pos, triangle[None], (8, 8))[0][..., 3] for triangle in tri)
    inner = count[0, 1:-1, 1:-1]
    assert (inner == 1).all()


def test_clipping_leaves_no_gap(grid) -> None:
    """A sheet that passes below the camera covers the same pixels whole or cut in triangles."""
    pos, tri = grid(1, seed=2, columns=9, jitter=0.02)
    plane = torch.stack([pos[..., 0] * 4, torch.full_like(pos[..., 0], -0.5), pos[..., 1] * 3], -1)
    x, y, z = plane.unbind(-1)
    clip = torch.stack([x, y, -z * 1.01 - 0.1, -z], -1)
    count = sum(rasterize(clip, triangle[None], (48, 48))[0][..., 3] for triangle in tri)
    assert count.max() == 1
    covered = count[0, :, 24] > 0
    assert covered.any()
    first, last = covered.nonzero().flatten()[[0, -1]]
    assert covered[first : last + 1].all()


def test_the_nearest_wins_and_then_the_first(soup) -> None:
    pos = torch.tensor([[-1.0, -1, 0, 1], [3, -1, 0, 1], [-1, 3, 0, 1]])
    pos = torch.cat([pos, pos, pos])[None].clone()
    pos[0, 3:6, 2] = -0.2
    tri = torch.arange(9).reshape(3, 3)
    assert (rasterize(pos, tri, (8, 8))[0][..., 3] == 2).all()
    assert (rasterize(pos, tri[[0, 2]], (8, 8))[0][..., 3] == 1).all()


def test_depth_beyond_the_range_is_not_seen() -> None:
    pos = torch.tensor([[[-1.0, -1, -3, 1], [3, -1, -3, 1], [-1, 3, 5, 1]]])
    rast, _ = rasterize(pos, torch.tensor([[0, 1, 2]]), (32, 32))
    z = -3 + 8 * ((torch.arange(32) + 0.5) / 64)
    assert torch.equal(rast[0, :, 0, 3] > 0, z.abs() <= 1)


def test_runs_agree_to_the_bit(soup) -> None:
    pos, tri = soup(60, 90, 2, (0.3, 2), 8)

    def run() -> list[torch.Tensor]:
        leaf = pos.clone().requires_grad_()
        rast, rast_db = rasterize(leaf, tri, (64, 48))
        (rast.square().sum() + rast_db.square().sum()).backward()
        return [rast, rast_db, leaf.grad]

    assert all(map(torch.equal, run(), run()))
