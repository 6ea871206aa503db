"""Mesh files: what we write, trimesh and we read back the same; what others write, we read."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from pygltflib import GLTF2

from clipface_cli.artifacts import Mesh, load_pixels, read_obj, write_glb, write_obj, write_ply
from clipface_cli.errors import InputError


@pytest.fixture
def cube() -> Mesh:
    """A box whose top has its own texture coordinates, so that there is a seam."""
    box = trimesh.creation.box(extents=(0.2, 0.3, 0.25))
    vertices = np.asarray(box.vertices) + np.array([1e-4 / 3, 0.1, -0.02])
    uv = np.concatenate([vertices[:, [0, 2]] + 0.5, vertices[:, [0, 2]] * 0.5 + 0.25])
    faces = np.asarray(box.faces, np.int64)
    uv_faces = faces.copy()
    uv_faces[:4] += len(vertices)
    return Mesh(vertices, faces, uv, uv_faces)


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)


def test_obj_round_trip(tmp_path: Path, cube: Mesh, picture: np.ndarray) -> None:
    write_obj(tmp_path / "a head.obj", cube, picture)
    back = read_obj(tmp_path / "a head.obj")
    np.testing.assert_allclose(back.vertices, cube.vertices, atol=1e-6)
    np.testing.assert_allclose(back.uv, cube.uv, atol=1e-6)
    np.testing.assert_array_equal(back.faces, cube.faces)
    np.testing.assert_array_equal(back.uv_faces, cube.uv_faces)
    assert back.texture == tmp_path / "a head.png"
    np.testing.assert_array_equal(load_pixels(back.texture), picture)


def test_obj_in_trimesh(tmp_path: Path, cube: Mesh, picture: np.ndarray) -> None:
    write_obj(tmp_path / "head.obj", cube, picture)
    peer = trimesh.load_mesh(tmp_path / "head.obj", process=False)
    _assert_same_corners(peer, cube, picture)
    np.testing.assert_array_equal(np.asarray(peer.visual.material.image.convert("RGB")), picture)


def test_glb_in_trimesh(tmp_path: Path, cube: Mesh, picture: np.ndarray) -> None:
    write_glb(tmp_path / "head.glb", cube, picture)
    peer = trimesh.load_mesh(tmp_path / "head.glb", process=False)
    _assert_same_corners(peer, cube, picture)
    image = peer.visual.material.baseColorTexture.convert("RGB")
    np.testing.assert_array_equal(np.asarray(image), picture)


def test_glb_stores_v_downwards(tmp_path: Path, cube: Mesh, picture: np.ndarray) -> None:
    """glTF's texture origin is the upper left corner, whatever a library does on reading."""
    write_glb(tmp_path / "head.glb", cube, picture)
    gltf = GLTF2().load(str(tmp_path / "head.glb"))
    accessor = gltf.accessors[gltf.meshes[0].primitives[0].attributes.TEXCOORD_0]
    view = gltf.bufferViews[accessor.bufferView]
    blob = gltf.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
    uv = np.frombuffer(blob, np.float32)[: accessor.count * 2].reshape(-1, 2)
    expected = np.unique(
        (cube.uv[cube.uv_faces].reshape(-1, 2) * [1, -1] + [0, 1]).round(5), axis=0
    )
    np.testing.assert_allclose(np.unique(uv.round(5), axis=0), expected, atol=2e-5)


def test_ply_in_trimesh(tmp_path: Path, cube: Mesh, picture: np.ndarray) -> None:
    write_ply(tmp_path / "head.ply", cube, picture)
    peer = trimesh.load_mesh(tmp_path / "head.ply", process=False)
    np.testing.assert_allclose(peer.vertices[peer.faces], cube.vertices[cube.faces], atol=1e-6)


def test_same_bytes_twice(tmp_path: Path, cube: Mesh, picture: np.ndarray) -> None:
    for name in ("obj", "glb", "ply"):
        writer = {"obj": write_obj, "glb": write_glb, "ply": write_ply}[name]
        for folder in ("one", "two"):
            writer(tmp_path / folder / f"head.{name}", cube, picture)
        first, second = ((tmp_path / f / f"head.{name}").read_bytes() for f in ("one", "two"))
        assert first == second


FOREIGN = """# exported by something #1\r
mtllib My Scene.mtl\r
o thing\r
v 0 0 0 0.1 0.2 0.3\r
v\t1 0 0\r
v 1 1 0 1.0\r
v 0 1 0\r
vt 0 0 0\r
vt 1 0\r
vt 1 1\r
vt 0 1\r
vn 0 0 1\r
usemtl none\r
usemtl skin\r
s off\r
f -4/-4/1 -3/-3/1 \\\r
 -2/-2/1 -1/-1/1\r
l 1 2\r
"""


def test_reads_foreign_obj(tmp_path: Path) -> None:
    (tmp_path / "mesh.OBJ").write_text(FOREIGN, newline="")
    (tmp_path / "My Scene.mtl").write_text(
        "newmtl none\nnewmtl skin\nmap_Kd -s 1 1 1 maps\\face one.png\n", newline=""
    )
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps/face one.png").write_bytes(b"")
    mesh = read_obj(tmp_path / "mesh.OBJ")
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [0, 2, 3]])
    np.testing.assert_array_equal(mesh.uv_faces, mesh.faces)
    assert mesh.vertices.shape == (4, 3)
    assert mesh.texture == tmp_path / "maps/face one.png"


def test_obj_without_texture_coordinates(tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nvn 0 0 1\nf 1//1 2//1 3//1\n")
    mesh = read_obj(tmp_path / "a.obj")
    assert mesh.uv.shape == (0, 2)
    assert mesh.uv_faces.shape == (0, 3)
    assert mesh.texture is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no faces"),
        ("v 0 0\n", "line 1"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "damaged"),
        ("v 0 0 0\nv nan 0 0\nv 0 1 0\nf 1 2 3\n", "damaged"),
        ("v 0 0 0\nf 1 0 -1\n", "line 2"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nf 1/1 2/1 3/7\n", "damaged"),
    ],
)
def test_damaged_obj(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.obj").write_text(text)
    with pytest.raises(InputError, match=words):
        read_obj(tmp_path / "a.obj")


def test_missing_or_other_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_obj(tmp_path / "a.obj")
    (tmp_path / "a.stl").write_text("")
    with pytest.raises(InputError, match="is not an"):
        read_obj(tmp_path / "a.stl")


def _assert_same_corners(peer: trimesh.Trimesh, mesh: Mesh, picture: np.ndarray) -> None:
    np.testing.assert_allclose(peer.vertices[peer.faces], mesh.vertices[mesh.faces], atol=1e-6)
    np.testing.assert_allclose(peer.visual.uv[peer.faces], mesh.uv[mesh.uv_faces], atol=1e-6)
