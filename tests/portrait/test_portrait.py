import numpy as np
import pytest
import torch
from painted import PALE, long_haired
from scipy.spatial import cKDTree

from clipface_cli.geometry.occlusion import ambient_occlusion
from clipface_cli.head import HeadModel
from clipface_cli.portrait import PIVOT, THREE_QUARTER, portrait, portraits
from clipface_cli.portrait.curves import Curves
from clipface_cli.portrait.draw import stage
from clipface_cli.portrait.long_strands import comb
from clipface_cli.portrait.posed_head import PosedHead, pose_head
from clipface_cli.portrait.scene import AO, NORMAL, POSITION
from clipface_cli.portrait.topology import topology
from clipface_cli.portrait.tresses import ROOT_HEIGHT

SIZE = 96


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return HeadModel.load("builtin")


@pytest.fixture(scope="module")
def skin() -> torch.Tensor:
    colour = torch.tensor([220.0, 175.0, 150.0]) / 127.5 - 1
    return colour[:, None, None].expand(3, 64, 64).contiguous()


def _mean(picture: np.ndarray, top: float, low: float, left: float, right: float) -> float:
    rows, columns = (
        slice(int(top * SIZE), int(low * SIZE)),
        slice(int(left * SIZE), int(right * SIZE)),
    )
    return float(picture[rows, columns].mean())


def test_the_inside_of_the_mouth_is_occluded(head: HeadModel) -> None:
    fixed = topology(head)
    sky = ambient_occlusion(fixed.rest, fixed.rest_normals, fixed.own_faces)
    assert sky[fixed.masks["tongue"] > 0.9].mean() < 0.1
    assert sky[fixed.masks["nose"] > 0.9].mean() > 0.7


def test_lashes_are_rooted_on_both_lids_of_both_eyes(head: HeadModel) -> None:
    fixed = topology(head)
    assert {(line.upper, line.left) for line in fixed.lashes} == {
        (upper, left) for upper in (True, False) for left in (True, False)
    }
    for line in fixed.lashes:
        margin = fixed.rest[line.vertices]
        assert len(margin) > 8
        assert (margin[:, 0] > 0).all() == line.left
        assert margin[:, 2].max() > 0.0155  # in front of the eyeball


def test_a_portrait_repeats_to_the_bit_and_needs_no_torch(
    head: HeadModel, skin: torch.Tensor
) -> None:
    first = portrait(head, head.template, skin, resolution=SIZE)
    image = ((skin.permute(1, 2, 0) + 1) * 127.5).round().to(torch.uint8).numpy()
    assert first.shape == (SIZE, SIZE, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, portrait(head, head.template, skin, resolution=SIZE))
    again = portrait(head, head.template, image, resolution=SIZE)
    assert np.abs(first.astype(int) - again).max() <= 2


def test_backgrounds_are_true_colours(head: HeadModel, skin: torch.Tensor) -> None:
    for colour in ((255, 255, 255), (12, 40, 200)):
        picture = portrait(head, head.template, skin, resolution=SIZE, background=colour)
        assert np.abs(picture[2, 2].astype(int) - colour).max() <= 1


def test_views_turn_the_head(head: HeadModel, skin: torch.Tensor) -> None:
    front, aside = portraits(head, head.template, skin, resolution=SIZE)
    np.testing.assert_array_equal(
        aside, portrait(head, head.template, skin, THREE_QUARTER, resolution=SIZE)
    )
    backdrop = portrait(head, head.template - 10, skin, resolution=SIZE)
    seen = [(np.abs(view.astype(int) - backdrop).max(axis=2) > 30) for view in (front, aside)]
    middle = [np.flatnonzero(mask[: SIZE // 2].any(axis=0)).mean() for mask in seen]
    assert abs(middle[0] - SIZE / 2) < 1.5
    assert seen[1].sum() > seen[0].sum()


def test_the_key_light_comes_from_the_left(head: HeadModel, skin: torch.Tensor) -> None:
    picture = portrait(head, head.template, skin, resolution=SIZE)
    assert _mean(picture, 0.5, 0.6, 0.3, 0.4) > _mean(picture, 0.5, 0.6, 0.6, 0.7) + 5


def test_dark_skin_is_dark_and_keeps_its_highlights(head: HeadModel, skin: torch.Tensor) -> None:
    dark = portrait(head, head.template, skin * 0 - 0.7, resolution=SIZE)
    pale = portrait(head, head.template, skin, resolution=SIZE)
    face = slice(SIZE // 4, SIZE * 2 // 3), slice(SIZE * 2 // 5, SIZE * 3 // 5)
    assert dark[face].mean() < 0.6 * pale[face].mean()
    assert dark[face].max() > 2 * np.median(dark[face])


def test_an_open_mouth_is_dark(head: HeadModel, skin: torch.Tensor) -> None:
    still = portrait(head, head.template, skin, resolution=SIZE)
    wide = portrait(head, head.template + head.units["jawOpen"], skin, resolution=SIZE)
    mouth = (0.72, 0.76, 0.46, 0.54)
    assert _mean(wide, *mouth) < 0.5 * _mean(still, *mouth)


def test_hair_painted_over_the_ears_hangs_beside_the_neck(head: HeadModel) -> None:
    bald = np.full((64, 64, 3), PALE, np.uint8)
    beside = []
    for texture in (long_haired(head, 40), bald):
        picture = portrait(head, head.template, texture, resolution=SIZE, background=(0, 255, 0))
        neck = picture[SIZE * 3 // 4 : SIZE * 4 // 5].astype(int)
        beside.append((neck[..., 1] - neck[..., 0] > 128).sum())
    assert beside[0] < beside[1] - 20


def test_a_tint_of_the_hair_moves_no_outline(head: HeadModel) -> None:
    fixed = topology(head)
    dark, lighter = (
        pose_head(fixed, head.template, long_haired(head, shade)).vertices[
            :, POSITION : POSITION + 3
        ]
        for shade in (40, 70)
    )
    assert np.abs(dark - lighter).max() < 2e-4  # metres, at the hairline


def test_hair_stands_off_the_scalp_but_not_off_the_neck_in_the_shirt(head: HeadModel) -> None:
    fixed, own = topology(head), len(topology(head).rest)
    haired, bald = (
        pose_head(fixed, head.template, texture).vertices[:own, POSITION : POSITION + 3]
        for texture in (long_haired(head, 40), np.full((64, 64, 3), PALE, np.uint8))
    )
    lift = np.linalg.norm(haired - bald, axis=1)
    assert lift[fixed.bust.free == 0].max() == 0
    assert np.median(lift[fixed.masks["scalp"] > 0.9]) > 0.005


def test_light_finds_tongue_and_teeth_in_an_open_mouth_only(
    head: HeadModel, skin: torch.Tensor
) -> None:
    fixed, own = topology(head), len(topology(head).rest)
    closed, wide = (
        pose_head(fixed, vertices, skin).vertices[:own, AO]
        for vertices in (head.template, head.template + head.units["jawOpen"])
    )
    depth = fixed.rest[fixed.masks["lips"] > 0.5, 2].max() - fixed.rest[:, 2]
    inside = np.maximum(fixed.masks["tongue"], fixed.masks["teeth"]) > 0.9
    near, far = inside & (depth < 0.03), inside & (depth > 0.07)
    assert wide[near].min() > 0.15 > closed[near].mean()
    assert wide[far].mean() < 0.5 * wide[near].mean()


def test_a_head_without_masks_still_gets_its_portrait(
    skin: torch.Tensor,
) -> None:
    plain = HeadModel.load("builtin")
    plain.masks = {}
    assert topology(plain).lashes == ()
    assert portrait(plain, plain.template, skin, resolution=SIZE).std() > 10


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"vertices": torch.zeros(7, 3)}, "vertices"),
        ({"vertices": torch.full((4768, 3), float("nan"))}, "vertices"),
        ({"texture": torch.zeros(1, 8, 8)}, "texture"),
        ({"texture": np.zeros((8, 8), np.uint8)}, "texture"),
        ({"resolution": 0}, "resolution"),
    ],
)
def test_bad_arguments_are_named(
    head: HeadModel, skin: torch.Tensor, change: dict[str, object], word: str
) -> None:
    arguments = {"vertices": head.template, "texture": skin, "resolution": SIZE} | change
    with pytest.raises(ValueError, match=word):
        portrait(head, **arguments)


def _strands(head: HeadModel, texture: np.ndarray) -> tuple[PosedHead, Curves]:
    posed = pose_head(topology(head), head.template, texture)
    scene = stage(posed, np.eye(3, dtype=np.float32), SIZE)
    return posed, comb(topology(head), scene)


def test_long_strands_fall_from_the_scalp_over_the_outside_of_the_hair(head: HeadModel) -> None:
    posed, strands = _strands(head, long_haired(head, 40))
    shown = strands.points[strands.alphas > 0.2] + PIVOT
    assert len(shown) > 3000
    assert shown[:, 0, 1].min() > ROOT_HEIGHT - 0.01
    assert shown[:, -1, 1].max() < -0.15
    assert np.abs(np.diff(shown, axis=1)).max() < 0.03  # metres; no strand jumps
    _, below = cKDTree(posed.vertices[:, POSITION : POSITION + 3]).query(shown)
    surface, normals = (posed.vertices[below, at : at + 3] for at in (POSITION, NORMAL))
    assert np.quantile(((shown - surface) * normals).sum(axis=-1), 0.02) > 0


def test_short_hair_has_no_long_strands(head: HeadModel) -> None:
    _, strands = _strands(head, np.full((64, 64, 3), PALE, np.uint8))
    assert not len(strands.points)
