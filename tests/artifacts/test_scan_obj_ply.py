"""Ways in which OBJ and PLY files give pictures and colours, and names of other files."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from gltf_like import halves
from PIL import Image
from scan_colours import GREEN, RED, face_colours

from clipface_cli.artifacts import read_obj
from clipface_cli.artifacts.scan import read_scan
from clipface_cli.errors import InputError

PLACES = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
UV = "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
FACES = "f 1/1 2/2 3/3\nf 1/1 3/3 4/4\n"
PLAIN = "mtllib scan.mtl\n" + PLACES + UV + "usemtl m\n" + FACES


def picture(path: Path, colour: tuple[int, ...]) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.new("RGB", (8, 8), colour).save(path)
    return path


def write(folder: Path, obj: str = PLAIN, mtl: str = "newmtl m\nmap_Kd green.png\n") -> Path:
    """A scan beside a green and a red picture."""
    picture(folder / "green.png", GREEN), picture(folder / "red.png", RED)
    (folder / "scan.obj").write_text(obj)
    (folder / "scan.mtl").write_text(mtl)
    return folder / "scan.obj"


@pytest.mark.parametrize(
    "spelling",
    ["GREEN.PNG", "Green.Png", r"C:\scans\green.png", "/home/me/scans/green.png", "../x/green.png",
     r"\\server\green.png", "./green.png", "tex/../green.png", '"green.png"',
     "green.png # the skin"],
)  # fmt: skip
def test_pictures_are_found_however_they_are_spelt(tmp_path: Path, spelling: str) -> None:
    path = write(tmp_path, mtl=f"newmtl m\nmap_Kd {spelling}\n")
    assert face_colours(read_scan(path)) == [GREEN, GREEN]


@pytest.mark.parametrize("name", ["Haut grün.png", "skin #2 (1).png", "-skin.png", "1 2 3.png"])
def test_unusual_names(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, mtl=f"newmtl m\nmap_Kd -s 1 1 1 {name}\n")
    picture(tmp_path / name, RED)
    if name == "1 2 3.png":
        path.with_suffix(".mtl").write_text(f"newmtl m\nmap_Kd {name}\n")
    assert face_colours(read_scan(path)) == [RED, RED]


def test_names_in_latin_1(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.with_suffix(".mtl").write_bytes("newmtl m\nmap_Kd Grün.png\n".encode("latin-1"))
    picture(tmp_path / "Grün.png", RED)
    assert face_colours(read_scan(path)) == [RED, RED]


def test_a_library_and_its_pictures_in_folders(tmp_path: Path) -> None:
    obj = PLAIN.replace("scan.mtl", r"Materials\Skin.mtl")
    path = write(tmp_path, obj, "")
    picture(tmp_path / "textures/red.png", GREEN)
    (tmp_path / "materials").mkdir()
    for name in ("../Textures/red.png", "../textures/red.png", "textures/red.png"):
        (tmp_path / "materials/skin.mtl").write_text(f"newmtl m\nmap_Kd {name}\n")
        found = face_colours(read_scan(path))
        assert found[0] in (GREEN, RED)
        if name != "../Textures/red.png":
            assert found == [GREEN, GREEN]


@pytest.mark.parametrize(
    "libraries",
    ["mtllib a.mtl b.mtl", "mtllib a.mtl\nmtllib b.mtl", "mtllib a b.mtl c.mtl", "mtllib C.MTL",
     "mtllib gone.mtl a.mtl b.mtl"],
)  # fmt: skip
def test_libraries(tmp_path: Path, libraries: str) -> None:
    head = libraries + "\n" + PLACES + UV
    first, second = FACES.splitlines()
    path = write(tmp_path, f"{head}usemtl a\n{first}\nusemtl b\n{second}\n")
    (tmp_path / "a.mtl").write_text("newmtl a\nmap_Kd green.png\n")
    (tmp_path / "b.mtl").write_text("newmtl b\nmap_Kd red.png\n")
    (tmp_path / "a b.mtl").write_text("newmtl a\nmap_Kd green.png\n")
    both = "newmtl b\nmap_Kd red.png\nnewmtl a\nmap_Kd green.png\n"
    (tmp_path / "c.mtl").write_text(both)
    assert face_colours(read_scan(path)) == [GREEN, RED]


def test_a_library_is_read_once_however_often_it_is_named(tmp_path: Path) -> None:
    library = "newmtl m\nmap_Kd green.png\n" + "newmtl other\nKd 1 1 1\n" * 2000
    path = write(tmp_path, "mtllib scan.mtl\n" * 20000 + PLAIN, library)
    started = time.process_time()
    assert face_colours(read_scan(path)) == [GREEN, GREEN]
    spelt = "".join(f"mtllib {'./' * (n % 50)}scan.mtl #{n}\n" for n in range(20000))
    path.write_text(spelt + PLAIN)
    assert face_colours(read_scan(path)) == [GREEN, GREEN]
    assert time.process_time() - started < 5


def test_material_names_with_comments_and_hashes(tmp_path: Path) -> None:
    obj = PLACES + UV + "usemtl skin #1 # the face\nf 1/1 2/2 3/3 # first\n"
    obj = "mtllib scan.mtl # all\n" + obj + "usemtl skin #2\nf 1/1 3/3 4/4#second\n"
    mtl = "newmtl skin #1 # the first\nmap_Kd green.png\nnewmtl skin #2\nmap_Kd red.png\n"
    assert face_colours(read_scan(write(tmp_path, obj, mtl))) == [GREEN, RED]


def halved(tmp_path: Path, options: str, obj: str = PLAIN) -> Path:
    """A scan with options for a picture that is green at the left and red at the right."""
    path = write(tmp_path, obj, f"newmtl m\nmap_Kd {options} halves.png\n")
    Image.fromarray(halves()).save(tmp_path / "halves.png")
    return path


@pytest.mark.parametrize(
    ("options", "at"),
    [
        ("-s 1 1 1", {0.25: GREEN, 0.75: RED}),
        ("-s 2 2 2", {0.1: GREEN, 0.4: RED, 0.6: GREEN, 0.9: RED}),
        ("-s 0.5 1 1", {0.25: GREEN, 0.75: GREEN}),
        ("-s 0.5", {0.25: GREEN, 0.75: GREEN}),
        ("-o 0.5 0 0", {0.25: RED, 0.75: GREEN}),
        ("-blendu off -o 0.5 0 0 -s 0.5 1 1 -cc off", {0.25: RED, 0.75: RED}),
        ("-clamp on -s 3 1 1", {0.1: GREEN, 0.3: RED, 0.5: RED, 0.9: RED}),
        ("-mm 0 0.5", {0.25: (0, 100, 0), 0.75: (128, 0, 0)}),
        ("-mm 0.2 0.8", {0.25: (51, 211, 51), 0.75: (255, 51, 51)}),
        ("-bm 0.5 -imfchan l -texres 512 -boost 1 -t 0 0 0", {0.25: GREEN, 0.75: RED}),
    ],
)
def test_options_of_maps(tmp_path: Path, options: str, at: dict[float, tuple[int, ...]]) -> None:
    scan = read_scan(halved(tmp_path, options))
    for x, colour in at.items():  # on the quad's diagonal
        found = scan.colours(np.array([0]), np.array([[1 - x, 0, x]]))[0]
        np.testing.assert_allclose(127.5 * (found + 1), colour, atol=1)


def test_turbulence_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="turbulence"):
        read_scan(halved(tmp_path, "-t 1 1 1"))


UDIM = "mtllib scan.mtl\n" + PLACES + UV + "vt 1 0\nvt 2 1\nvt 1 1\n" + "usemtl m\n"
UDIM += "f 1/1 2/2 3/3\nf 1/5 3/6 4/7\n"


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("tex.<UDIM>.png", "tex.1001.png", "tex.1002.png"),
        ("tex_<udim>.png", "tex_1001.png", "tex_1002.png"),
        ("tex_<UVTILE>.png", "tex_u1_v1.png", "tex_u2_v1.png"),
        ("tex.1001.png", "tex.1001.png", "tex.1002.png"),
        (r"C:\maps\Tex.1001.PNG", "tex.1001.png", "tex.1002.png"),
    ],
)
def test_tiles(tmp_path: Path, name: str, first: str, second: str) -> None:
    path = write(tmp_path, UDIM, f"newmtl m\nmap_Kd {name}\n")
    picture(tmp_path / first, GREEN), picture(tmp_path / second, RED)
    assert face_colours(read_scan(path)) == [GREEN, RED]


def test_a_tile_that_is_missing_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, UDIM, "newmtl m\nmap_Kd tex.<UDIM>.png\n")
    picture(tmp_path / "tex.1001.png", GREEN)
    with pytest.raises(InputError, match=r"tex\.1002\.png, which is not there"):
        read_scan(path)


def test_a_number_in_a_name_is_no_tile_where_there_are_no_others(tmp_path: Path) -> None:
    path = write(tmp_path, UDIM, "newmtl m\nmap_Kd IMG_1001.png\n")
    picture(tmp_path / "IMG_1001.png", GREEN)
    assert face_colours(read_scan(path)) == [GREEN, GREEN]


def test_a_missing_picture_is_named_and_not_grey(tmp_path: Path) -> None:
    path = write(tmp_path, mtl="newmtl m\nKd 0.8 0.8 0.8\nmap_Kd gone.png\n")
    with pytest.raises(InputError, match=r"gone\.png, which is not there"):
        read_scan(path)


def test_colours_of_vertices(tmp_path: Path) -> None:
    places = "".join(f"{line} 0 0.78431373 0\n" for line in PLACES.splitlines())
    path = tmp_path / "scan.obj"
    path.write_text(places + "f 1 2 3\nf 1 3 4\n")
    assert face_colours(read_scan(path)) == [GREEN, GREEN]
    path.write_text(places.replace("0.78431373", "200") + "f 1 2 3 4\n")
    assert face_colours(read_scan(path)) == [GREEN, GREEN]
    path.write_text(PLACES.replace("\n", " 1.0\n") + "f 1 2 3 4\n")  # the weight, no colour
    with pytest.raises(InputError, match="texture coordinates"):
        read_scan(path)


def test_colours_of_vertices_go_before_kd_and_after_a_picture(tmp_path: Path) -> None:
    places = "".join(f"{line} 1 0 0\n" for line in PLACES.splitlines())
    obj = "mtllib scan.mtl\n" + places + UV + "usemtl plain\nf 1 2 3\nusemtl m\nf 1/1 3/3 4/4\n"
    path = write(tmp_path, obj, "newmtl plain\nKd 0 0 1\nnewmtl m\nmap_Kd green.png\n")
    assert face_colours(read_scan(path)) == [RED, GREEN]


def test_what_kd_says_beside_a_picture_is_left_over(tmp_path: Path) -> None:
    path = write(tmp_path, mtl="newmtl m\nKd 0.64 0.64 0.64\nmap_Kd green.png\n")
    assert face_colours(read_scan(path)) == [GREEN, GREEN]


def test_faces_without_any_colour_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="without a texture"):
        read_scan(write(tmp_path, mtl="newmtl other\nmap_Kd green.png\n"))


@pytest.mark.parametrize("kind", ["absolute", "upwards", "link", "library"])
def test_nothing_outside_the_folder_is_followed_unasked(tmp_path: Path, kind: str) -> None:
    outside = picture(tmp_path / "private/secret.png", RED)
    (tmp_path / "private/m.mtl").write_text("newmtl m\nmap_Kd secret.png\n")
    (tmp_path / "scan").mkdir()
    name = {"absolute": str(outside), "upwards": "../private/secret.png"}.get(kind, "own.png")
    path = write(tmp_path / "scan", mtl=f"newmtl m\nmap_Kd {name}\n")
    if kind == "link":
        (tmp_path / "scan/own.png").symlink_to(outside)
    if kind == "library":
        path.write_text(PLAIN.replace("scan.mtl", "../private/m.mtl"))
    for read in (read_scan, read_obj):
        with pytest.raises(InputError, match="--allow-outside"):
            read(path)
    assert face_colours(read_scan(path, allow_outside=True)) == [RED, RED]
    assert read_obj(path, allow_outside=True).texture.resolve() == outside.resolve()


def test_a_head_with_several_pictures_or_a_scaled_one_is_no_head(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--retopologise"):
        read_obj(halved(tmp_path, "-s 2 2 1"))
    cases = Path(__file__).parents[1] / "data/cases"
    with pytest.raises(InputError, match="--retopologise"):
        read_obj(cases / "obj_two_mtllib/scan.obj")


PLY = "ply\nformat ascii 1.0\n{comments}element vertex 4\n{vertex}element face {count}\n{face}"
PLY += "end_header\n"
XYZ = "".join(f"property float {axis}\n" for axis in "xyz")
INDICES = "property list uchar int vertex_indices\n"
CORNERS = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]


def ply(path: Path, rows: list[str], faces: list[str], **parts: str) -> Path:
    """An ASCII PLY; parts: properties of vertex and face, comments."""
    parts = {"vertex": XYZ, "face": INDICES, "comments": "", **parts}
    header = PLY.format(count=len(faces), **parts)
    path.write_text(header + "\n".join(rows + faces) + "\n")
    return path


@pytest.mark.parametrize("names", ["s t", "u v", "texture_u texture_v"])
@pytest.mark.parametrize("comment", ["TextureFile green.png", "TextureFile Green.PNG",
                                     r"TextureFile C:\scans\green.png"])  # fmt: skip
def test_ply_with_coordinates_of_vertices(tmp_path: Path, names: str, comment: str) -> None:
    picture(tmp_path / "green.png", GREEN)
    vertex = XYZ + "".join(f"property float {name}\n" for name in names.split())
    rows = [f"{x} {y} {z} {x} {y}" for x, y, z in CORNERS]
    parts = {"vertex": vertex, "comments": f"comment {comment}\n"}
    path = ply(tmp_path / "scan.ply", rows, ["4 0 1 2 3"], **parts)
    assert face_colours(read_scan(path)) == [GREEN, GREEN]


def test_ply_with_several_pictures_and_polygons(tmp_path: Path) -> None:
    picture(tmp_path / "green.png", GREEN), picture(tmp_path / "red.png", RED)
    face = INDICES + "property list uchar float texcoord\nproperty int texnumber\n"
    rows = [f"{x} {y} {z}" for x, y, z in CORNERS]
    faces = ["3 0 1 2 6 0 0 1 0 1 1 1", "4 0 1 2 3 8 0 0 1 0 1 1 0 1 0"]
    comments = "comment TextureFile green.png\ncomment TextureFile red.png\n"
    path = ply(tmp_path / "scan.ply", rows, faces, face=face, comments=comments)
    assert face_colours(read_scan(path)) == [RED, GREEN, GREEN]


@pytest.mark.parametrize(
    ("kind", "value"), [("uchar", "200"), ("ushort", "51400"), ("float", "0.78431373"),
                        ("float", "200")]
)  # fmt: skip
@pytest.mark.parametrize("where", ["vertex", "face"])
def test_ply_colours(tmp_path: Path, kind: str, value: str, where: str) -> None:
    colour = "".join(f"property {kind} {name}\n" for name in ("red", "green", "blue"))
    more = f" 0 {value} 0"
    rows = [f"{x} {y} {z}{more if where == 'vertex' else ''}" for x, y, z in CORNERS]
    faces = ["3 0 1 2" + (more if where == "face" else ""), "3 0 2 3" + (more * (where == "face"))]
    parts = {where: (XYZ if where == "vertex" else INDICES) + colour}
    assert face_colours(read_scan(ply(tmp_path / "scan.ply", rows, faces, **parts))) == [GREEN] * 2


@pytest.mark.parametrize("order", ["<", ">"])
def test_binary_ply_of_mixed_polygons(tmp_path: Path, order: str) -> None:
    name = {"<": "binary_little_endian", ">": "binary_big_endian"}[order]
    colour = "".join(f"property uchar {channel}\n" for channel in ("red", "green", "blue"))
    header = PLY.format(comments="", vertex=XYZ + colour, count=2, face=INDICES)
    data = header.replace("ascii", name).encode()
    for corner in CORNERS:
        data += np.array(corner, order + "f4").tobytes() + bytes(GREEN)
    for face in ([0, 1, 2], [0, 1, 2, 3]):
        data += bytes([len(face)]) + np.array(face, order + "i4").tobytes()
    (tmp_path / "scan.ply").write_bytes(data)
    assert face_colours(read_scan(tmp_path / "scan.ply")) == [GREEN] * 3
    (tmp_path / "scan.ply").write_bytes(data[:-3])
    with pytest.raises(InputError, match="cut off"):
        read_scan(tmp_path / "scan.ply")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("element vertex 4", "element vertex 99999999999"), "cut off"),
        (("element face 1", "element face 9999999999999"), "cut off"),
        (("format ascii", "format utf-9"), "header"),
        (("3 0 1 2", "3 0 1 9"), "not there"),
        (("3 0 1 2", "3 0 -1 2"), "not there"),
        (("3 0 1 2", "9999999 0 1 2"), "longer than the file"),
        (("0 0 0", "0 zero 0"), "no number"),
    ],
)
def test_damaged_ply(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    rows = [f"{x} {y} {z}" for x, y, z in CORNERS]
    path = ply(tmp_path / "scan.ply", rows, ["3 0 1 2"])
    path.write_text(path.read_text().replace(*change, 1))
    with pytest.raises(InputError, match=words):
        read_scan(path)


def test_a_mesh_that_is_a_link_brings_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "scan").mkdir()
    path = write(tmp_path / "scan")
    (tmp_path / "links").mkdir()
    for name in ("scan.obj", "scan.mtl", "green.png"):
        (tmp_path / "links" / name).symlink_to(tmp_path / "scan" / name)
    assert face_colours(read_scan(tmp_path / "links" / path.name)) == [GREEN, GREEN]
    shutil.rmtree(tmp_path / "scan")
    with pytest.raises(InputError, match="does not exist"):
        read_scan(tmp_path / "links" / path.name)
