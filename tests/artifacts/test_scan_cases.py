"""Scans from the wild: the colours that read_scan finds on each of the quad's two triangles."""

import shutil
from pathlib import Path

import pytest
from scan_colours import GREEN, RED, corner_colours, face_colours

from clipface_cli.artifacts.scan import read_scan
from clipface_cli.errors import InputError

CASES = Path(__file__).parents[1] / "data/cases"


@pytest.mark.parametrize("name", ["ok", "quantised_uv", "specular_glossiness", "texture_transform"])
def test_glb_shows_its_picture_however_it_is_given(name: str) -> None:
    scan = read_scan(CASES / f"glb_{name}.glb")
    assert corner_colours(scan) == [[GREEN, RED, RED], [GREEN, RED, GREEN]]


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("obj_hash_material/scan.obj", GREEN, RED),
        ("obj_two_mtllib/scan.obj", GREEN, RED),
        ("obj_hash_mtllib/scan.obj", GREEN, GREEN),
        ("obj_windows_path/scan.obj", GREEN, GREEN),
        ("obj_udim_token/scan.obj", GREEN, RED),
        ("obj_kd_only/scan.obj", GREEN, RED),
        ("obj_float_tiff/scan.obj", (204, 204, 204), (204, 204, 204)),
        ("ply_vertex_colours/scan.ply", GREEN, GREEN),
    ],
)
def test_each_face_has_its_colour(name: str, first: tuple[int], second: tuple[int]) -> None:
    assert face_colours(read_scan(CASES / name)) == [first, second]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("glb_draco.glb", "Draco-compressed"),
        ("ply_uv_no_picture/scan.ply", "has no picture"),
        ("ply_picture_missing/scan.ply", "gone.png, which is not there"),
        ("obj_16k/scan.obj", "too large: .* more than 68"),
        ("hostile/noview.glb", "9,600,000,000 bytes"),
    ],
)
def test_what_cannot_be_right_is_refused_by_name(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_scan(CASES / name)
    assert str(Path(name).parent) in str(caught.value)


@pytest.mark.parametrize(
    ("picture", "words"), [("eps.png", "is EPS"), ("png13k.png", "13300 x 13300, 177 megapixels")]
)
def test_hostile_pictures_are_not_decoded(tmp_path: Path, picture: str, words: str) -> None:
    for name in ("scan.obj", "scan.mtl"):
        shutil.copy(CASES / "obj_16k" / name, tmp_path / name)
    shutil.copy(CASES / "hostile" / picture, tmp_path / "tex.png")
    with pytest.raises(InputError, match=words):
        read_scan(tmp_path / "scan.obj")
