"""Small meshes that ask for much: refused at once, memory flat."""

import io
import json
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gltf_like import Gltf, textured
from PIL import Image

from clipface_cli.artifacts.scan import builder, read_scan
from clipface_cli.errors import InputError

MEMORY = 300 << 20


@pytest.fixture(autouse=True)
def _in_bounds() -> Iterator[None]:
    """Each test takes seconds, and megabytes."""
    tracemalloc.start()
    begun = time.monotonic()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEMORY
    assert time.monotonic() - begun < 20


def refused(path: Path, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_scan(path)


def test_accessors_larger_than_the_file(tmp_path: Path) -> None:
    made = textured()
    for accessor in made.json["accessors"]:
        accessor.pop("bufferView")
        accessor["count"] = 400_000_000
    refused(made.save(tmp_path / "a.glb"), "accessor that would take")


def test_many_accessors_of_one_large_view(tmp_path: Path) -> None:
    made = textured()
    view = made.view(bytes(4_000_000))
    place = {"bufferView": view, "componentType": 5126, "count": 300_000, "type": "VEC3"}
    primitive = made.json["meshes"][0]["primitives"][0]
    for _ in range(2000):
        made.json["accessors"].append(place)
        number = len(made.json["accessors"]) - 1
        shape = {**primitive, "attributes": {"POSITION": number, "COLOR_0": number}}
        made.json["meshes"][0]["primitives"].append({**shape, "material": 0})
    refused(made.save(tmp_path / "a.glb"), "coordinates|would take")


@pytest.mark.parametrize("what", ["nodes", "primitives"])
def test_one_mesh_many_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(builder, "MOST_PARTS", 500)
    made = textured()
    if what == "nodes":
        made.json["nodes"] = [{"mesh": 0}] * 600
        made.json["scenes"] = [{"nodes": list(range(600))}]
    else:
        made.json["meshes"][0]["primitives"] *= 600
    refused(made.save(tmp_path / "a.glb"), "more than 500 parts")


def test_nodes_that_double_at_every_level(tmp_path: Path) -> None:
    made = textured()
    made.json["nodes"] = [{"children": [n + 1, n + 1]} for n in range(60)] + [{"mesh": 0}]
    refused(made.save(tmp_path / "a.glb"), "two parents")


def test_pictures_that_inflate(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("L", (13000, 13000)).save(file, "PNG")
    made = Gltf()
    texture = {"index": made.picture(file.getvalue())}
    material = made.material(pbrMetallicRoughness={"baseColorTexture": texture})
    made.show(made.primitive(material, TEXCOORD_0=np.zeros((4, 2), "f4")))
    refused(made.save(tmp_path / "a.glb"), "13000 x 13000, 169 megapixels, more than 68")


def test_deep_json(tmp_path: Path) -> None:
    (tmp_path / "a.gltf").write_text('{"asset":' + "[" * 1_000_000)
    refused(tmp_path / "a.gltf", "JSON cannot be read")
    deep = json.dumps({"asset": {"version": "2.0"}, "nodes": [[[[]]]]})
    (tmp_path / "a.gltf").write_text(deep)
    refused(tmp_path / "a.gltf", r"nodes\[0\] is no object")


@pytest.mark.parametrize("corners", [20_000])
def test_polygons_without_end(tmp_path: Path, corners: int) -> None:
    (tmp_path / "a.obj").write_text("v 0 0 0 1 0 0\n" * 3 + "f" + " 1 2 3" * (corners // 3) + "\n")
    refused(tmp_path / "a.obj", "line 4")
    header = "ply\nformat binary_little_endian 1.0\nelement vertex 1\n"
    header += "".join(f"property float {axis}\n" for axis in "xyz")
    header += "element face 1\nproperty list uint uchar vertex_indices\nend_header\n"
    body = bytes(12) + np.uint32(corners).tobytes() + bytes(corners)
    (tmp_path / "a.ply").write_bytes(header.encode() + body)
    refused(tmp_path / "a.ply", "more than 10000 corners")


def test_names_without_end(tmp_path: Path) -> None:
    places = "v 0 0 0 1 0 0\n" * 3
    (tmp_path / "a.obj").write_text(
        f"mtllib {'a.mtl ' * 20000}\n{places}usemtl {' #' * 100_000}\nf 1 2 3\n"
    )
    assert len(read_scan(tmp_path / "a.obj").faces) == 1


def test_what_is_no_plain_file(tmp_path: Path) -> None:
    refused(tmp_path, "no plain file")
    refused(Path("/dev/zero"), "no plain file")
