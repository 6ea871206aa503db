"""Damaged meshes, materials and pictures: read or refused in a sentence, never more."""

import io
import json
from pathlib import Path

import gltf_like
import numpy as np
import pytest
from gltf_like import UV, Gltf, halves, png, textured
from mutate import glb, json_mutations, mutations, survives
from PIL import Image

from clipface_cli.artifacts import Mesh, load_pixels, read_obj, write_ply
from clipface_cli.artifacts.images import decode_pixels
from clipface_cli.artifacts.scan import read_scan
from clipface_cli.photos.reading import read_photo

COUNT = 200
OBJ = b"""mtllib scan.mtl other.mtl
v 0 0 0 1 0 0
v 1 0 0 1 0 0
v 1 1 0 0 1 0
v 0 1 0 0 1 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
usemtl skin #1
f 1/1 2/2 3/3
usemtl tiled
f 1/1 3/3 4/4
usemtl plain
f -4 -3 -2
"""
MTL = b"""newmtl skin #1
Kd 0.8 0.8 0.8
map_Kd -s 2 2 1 -o 0.1 0 0 -mm 0 1 -clamp on green.png
newmtl tiled
map_Kd -blendu on tex.<UDIM>.png
newmtl plain
Kd 1 0 0
"""
ASCII_PLY = b"""ply
format ascii 1.0
comment TextureFile green.png
element vertex 4
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
element face 2
property list uchar int vertex_indices
property list uchar float texcoord
property int texnumber
end_header
0 0 0 0 200 0
1 0 0 0 200 0
1 1 0 0 200 0
0 1 0 0 200 0
3 0 1 2 6 0 0 1 0 1 1 0
4 0 1 2 3 8 0 0 1 0 1 1 0 1 0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scan and the files that it names."""
    for name in ("green.png", "tex.1001.png"):
        Image.fromarray(halves(size=8)).save(tmp_path / name)
    (tmp_path / "scan.obj").write_bytes(OBJ)
    (tmp_path / "scan.mtl").write_bytes(MTL)
    (tmp_path / "scan.ply").write_bytes(ASCII_PLY)
    return tmp_path


def rich() -> Gltf:
    """A GLB with a skin, morphs, vertex colours, a sparse accessor and a texture transform."""
    more = {"extensions": {"KHR_texture_transform": {"scale": [2, 2], "rotation": 0.1}}}
    made = textured(more, skin=0, weights=[0.5])
    primitive = made.json["meshes"][0]["primitives"][0]
    attributes = primitive["attributes"]
    attributes["COLOR_0"] = made.accessor(np.full((4, 4), 200, "u1"), True)
    attributes["JOINTS_0"] = made.accessor(np.zeros((4, 4), "u1"))
    attributes["WEIGHTS_0"] = made.accessor(np.eye(4, dtype="f4"))
    primitive["targets"] = [{"POSITION": made.accessor(gltf_like.PLACES)}]
    bind = made.accessor(np.eye(4, dtype="f4").reshape(1, 16))
    made.json["nodes"].append({"translation": [1, 0, 0], "children": []})
    made.json["skins"] = [{"joints": [1], "inverseBindMatrices": bind}]
    made.json["extensionsRequired"] = ["KHR_texture_transform"]
    made.json["extensionsUsed"] = ["KHR_texture_transform", "KHR_materials_pbrSpecularGlossiness"]
    made.json["samplers"] = [{"wrapS": 33648}]
    made.json["textures"][0]["sampler"] = 0
    rows, values = np.array([2], "u2"), np.array([[1, 7, 0]], "f4")
    indices = {"bufferView": made.view(rows.tobytes()), "componentType": 5123}
    sparse = {"count": 1, "indices": indices, "values": {"bufferView": made.view(values.tobytes())}}
    made.json["accessors"][attributes["POSITION"]]["sparse"] = sparse
    glossy = {"diffuseTexture": {"index": 0}, "diffuseFactor": [1, 1, 0.5, 1]}
    other = made.material(extensions={"KHR_materials_pbrSpecularGlossiness": glossy})
    return made.show(made.primitive(other, TEXCOORD_0=UV), matrix=list(np.eye(4).ravel()))


def damaged(path: Path, data: bytes, seed: int, read=read_scan) -> list[bool]:
    """Whether each damaged copy of a file is taken."""
    taken = []
    for number, changed in enumerate(mutations(data, COUNT, seed)):
        path.write_bytes(changed)
        taken.append(survives(lambda: read(path), f"{path.name}, mutation {number} of {seed}"))
    return taken


@pytest.mark.parametrize("name", ["scan.obj", "scan.ply", "scan.mtl", "green.png"])
def test_text_and_pictures_of_scans(folder: Path, name: str) -> None:
    for seed, mesh in enumerate(["scan.ply"] if name == "scan.ply" else ["scan.obj"]):
        assert survives(lambda mesh=mesh: read_scan(folder / mesh), mesh)
        taken = damaged(
            folder / name,
            (folder / name).read_bytes(),
            seed,
            lambda path, mesh=mesh: read_scan(folder / mesh),
        )
        assert False in taken


def test_heads(folder: Path) -> None:
    (folder / "scan.mtl").write_text("newmtl skin #1\nmap_Kd green.png\n")
    taken = damaged(folder / "scan.obj", OBJ, 2, read_obj)
    assert True in taken
    assert False in taken


def test_binary_ply(folder: Path) -> None:
    uv, faces = UV.astype(np.float64), gltf_like.CORNERS.reshape(-1, 3).astype(np.int64)
    mesh = Mesh(gltf_like.PLACES.astype(np.float64), faces, uv, faces)
    write_ply(folder / "binary.ply", mesh, halves(size=8))
    data = (folder / "binary.ply").read_bytes()
    assert survives(lambda: read_scan(folder / "binary.ply"), "binary.ply")
    assert False in damaged(folder / "binary.ply", data, 3)
    uneven = data[: data.index(b"end_header")].replace(
        b"element face 2", b"element extra 2\nproperty list uchar short some\nelement face 2"
    )
    body = data[data.index(b"end_header") :]
    extra = bytes([1, 5, 0, 2, 6, 0, 7, 0])
    start = len(b"end_header\n") + 4 * 15
    data = uneven + body[:start] + extra + body[start:]
    (folder / "uneven.ply").write_bytes(data)
    assert survives(lambda: read_scan(folder / "uneven.ply"), "uneven.ply")
    assert False in damaged(folder / "uneven.ply", data, 4)


def test_glb(folder: Path) -> None:
    made = rich()
    path = made.save(folder / "scan.glb")
    assert survives(lambda: read_scan(path), "scan.glb")
    assert False in damaged(path, path.read_bytes(), 5)
    text = json.dumps(made.json).encode()
    for number, changed in enumerate(json_mutations(text, 3 * COUNT, 6)):
        path.write_bytes(glb(changed, made.blob))
        survives(lambda: read_scan(path), f"JSON mutation {number}")


@pytest.mark.parametrize(
    "kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "PPM", "JPEG2000", "AVIF", "TGA"]
)
def test_pictures(tmp_path: Path, kind: str) -> None:
    file = io.BytesIO()
    Image.fromarray(halves(size=32)).save(file, kind)
    path = tmp_path / f"a.{'tga' if kind == 'TGA' else 'png'}"
    path.write_bytes(file.getvalue())
    assert survives(lambda: load_pixels(path), kind)
    assert False in damaged(path, file.getvalue(), 7, load_pixels)
    damaged(path, file.getvalue(), 8, read_photo)


@pytest.mark.parametrize("mode", ["I;16", "I", "F", "LA", "CMYK", "1", "P"])
def test_pictures_of_other_kinds(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(halves(size=16)).convert("L").convert(mode.split(";", maxsplit=1)[0])
    image = image if mode != "I;16" else Image.fromarray(np.asarray(image).astype(np.uint16))
    file = io.BytesIO()
    image.save(file, "TIFF")
    path = tmp_path / "a.tif"
    path.write_bytes(file.getvalue())
    assert survives(lambda: load_pixels(path), mode)
    damaged(path, file.getvalue(), 9, load_pixels)


def test_pictures_in_memory() -> None:
    for number, changed in enumerate(mutations(png(halves(size=16)), COUNT, 10)):
        survives(lambda changed=changed: decode_pixels(changed), f"mutation {number}")
