"""Ways in which glTF files give surfaces and base colours, and damaged ones."""

import json
from pathlib import Path

import gltf_like
import numpy as np
import pytest
from gltf_like import CORNERS, PLACES, UV, Gltf, halves, png, textured

from clipface_cli.artifacts.scan import Scan, read_scan
from clipface_cli.errors import InputError

GREEN, RED = (0, 200, 0), (255, 0, 0)
SPOTS = np.array([[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]])  # of the unit quad
QUAD = [GREEN, RED, RED, GREEN]


def colours_at(scan: Scan, spots: np.ndarray = SPOTS) -> list[tuple[int, ...]]:
    """8-bit colours of the surface at places (N, 2) of the quad's plane."""
    found = []
    for spot in spots:
        for face, corners in enumerate(scan.vertices[scan.faces][..., :2]):
            edges = np.stack([corners[1] - corners[0], corners[2] - corners[0]], 1)
            b, c = np.linalg.solve(edges, spot - corners[0])
            if min(b, c, 1 - b - c) >= -1e-6:
                colour = scan.colours(np.array([face]), np.array([[1 - b - c, b, c]]))[0]
                found.append(tuple(np.round(127.5 * (colour + 1)).astype(int).tolist()))
                break
    return found


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_normalised_texture_coordinates(tmp_path: Path, kind: str) -> None:
    uv = (UV * np.iinfo(kind).max).astype(kind)
    scan = read_scan(textured(uv=uv, normalized=True).save(tmp_path / "a.glb"))
    assert colours_at(scan) == QUAD


@pytest.mark.parametrize("kind", ["i1", "i2", "u1", "u2"])
@pytest.mark.parametrize("normalized", [False, True])
def test_quantised_mesh(tmp_path: Path, kind: str, normalized: bool) -> None:
    """KHR_mesh_quantization: places scaled back by the node, UVs by the texture transform."""
    most = np.iinfo(kind).max
    step = 1.0 if normalized else 1 / most
    transform = {"scale": [step, step]}
    made = Gltf()
    texture = {"index": made.picture(png(halves()))}
    texture["extensions"] = {"KHR_texture_transform": transform}
    places = made.accessor((PLACES * most).astype(kind), normalized)
    uv = made.accessor((UV * most).astype(kind), normalized)
    material = made.material(pbrMetallicRoughness={"baseColorTexture": texture})
    made.show(made.primitive(material, places, TEXCOORD_0=uv), scale=[step, step, step])
    made.json["extensionsRequired"] = ["KHR_mesh_quantization", "KHR_texture_transform"]
    scan = read_scan(made.save(tmp_path / "a.glb"))
    np.testing.assert_allclose(np.ptp(scan.vertices, 0), [1, 1, 0], atol=1e-6)
    assert colours_at(scan) == QUAD


def test_texture_transform(tmp_path: Path) -> None:
    """Scaled, turned by a quarter against the clock on the picture, and moved: its lower left."""
    transform = {"offset": [0, 1], "rotation": np.pi / 2, "scale": [0.5, 0.5]}
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[32:, :16], pixels[32:, 16:32] = GREEN, RED
    made = Gltf()
    texture = {"index": made.picture(png(pixels))}
    texture["extensions"] = {"KHR_texture_transform": transform}
    material = made.material(pbrMetallicRoughness={"baseColorTexture": texture})
    made.show(made.primitive(material, TEXCOORD_0=UV))
    # u' = v / 2 and v' = 1 - u / 2: the quad's top (v = 0) shows the left of the lower left quarter
    assert colours_at(read_scan(made.save(tmp_path / "a.glb"))) == [RED, RED, GREEN, GREEN]


@pytest.mark.parametrize("where", ["texture", "transform"])
def test_other_sets_of_texture_coordinates(tmp_path: Path, where: str) -> None:
    made = Gltf()
    texture = {"index": made.picture(png(halves()))}
    if where == "texture":
        texture["texCoord"] = 1
    else:
        texture |= {"texCoord": 0, "extensions": {"KHR_texture_transform": {"texCoord": 1}}}
    material = made.material(pbrMetallicRoughness={"baseColorTexture": texture})
    zero = np.zeros_like(UV)
    made.show(made.primitive(material, TEXCOORD_0=zero, TEXCOORD_1=UV))
    assert colours_at(read_scan(made.save(tmp_path / "a.glb"))) == QUAD


def test_a_texture_without_its_coordinates_is_refused(tmp_path: Path) -> None:
    made = textured({"texCoord": 3})
    with pytest.raises(InputError, match="TEXCOORD_3"):
        read_scan(made.save(tmp_path / "a.glb"))


def test_factors_multiply_light(tmp_path: Path) -> None:
    """0.5 of the light of sRGB 255 is 188, of 200 is 146."""
    made = textured(more={"baseColorFactor": [0.5, 0.5, 0.5, 1]})
    scan = read_scan(made.save(tmp_path / "a.glb"))
    assert colours_at(scan) == [(0, 146, 0), (188, 0, 0), (188, 0, 0), (0, 146, 0)]


def test_specular_glossiness_goes_before_metal(tmp_path: Path) -> None:
    made = Gltf()
    texture = {"index": made.picture(png(halves()))}
    older = {"diffuseTexture": texture, "diffuseFactor": [1, 0, 1, 1]}
    material = made.material(
        pbrMetallicRoughness={"baseColorFactor": [0, 0, 1, 1]},
        extensions={"KHR_materials_pbrSpecularGlossiness": older},
    )
    made.show(made.primitive(material, TEXCOORD_0=UV))
    found = colours_at(read_scan(made.save(tmp_path / "a.glb")))
    assert found == [(0, 0, 0), RED, RED, (0, 0, 0)]


@pytest.mark.parametrize("kind", ["f4", "u1", "u2"])
@pytest.mark.parametrize("alpha", [False, True])
def test_vertex_colours(tmp_path: Path, kind: str, alpha: bool) -> None:
    """Linear: half the light is sRGB 188."""
    made = Gltf()
    most = 1 if kind == "f4" else np.iinfo(kind).max
    colours = np.tile([[0.5, 0, 1]], (4, 1))
    if alpha:
        colours = np.concatenate([colours, np.ones((4, 1))], 1)
    stored = (colours * most).round(0 if kind != "f4" else 3).astype(kind)
    colour = made.accessor(stored, kind != "f4")
    made.show(made.primitive(COLOR_0=colour))
    found = colours_at(read_scan(made.save(tmp_path / "a.glb")))
    assert all(np.abs(np.subtract(colour, (188, 0, 255))).max() <= 1 for colour in found)


def test_vertex_colours_times_a_picture(tmp_path: Path) -> None:
    made = textured()
    primitive = made.json["meshes"][0]["primitives"][0]
    primitive["attributes"]["COLOR_0"] = made.accessor(np.full((4, 3), 0.5, "f4"))
    found = colours_at(read_scan(made.save(tmp_path / "a.glb")))
    assert found == [(0, 146, 0), (188, 0, 0), (188, 0, 0), (0, 146, 0)]


def test_several_primitives_materials_and_pictures(tmp_path: Path) -> None:
    made = Gltf()
    uv = made.accessor(UV)
    places = made.accessor(PLACES)
    for colour, corners in ((GREEN, CORNERS[:3]), (RED, CORNERS[3:])):
        texture = {"index": made.picture(png(halves(colour, colour)))}
        material = made.material(pbrMetallicRoughness={"baseColorTexture": texture})
        made.show(made.primitive(material, places, corners, TEXCOORD_0=uv))
    plain = made.material(pbrMetallicRoughness={"baseColorFactor": [0, 0, 1, 1]})
    made.show(made.primitive(plain, PLACES + np.array([1, 0, 0], "f4")))
    scan = read_scan(made.save(tmp_path / "a.glb"))
    spots = np.array([[0.8, 0.2], [0.2, 0.8], [1.5, 0.2]])
    assert colours_at(scan, spots) == [GREEN, RED, (0, 0, 255)]
    assert len(scan.pictures) == 3


@pytest.mark.parametrize(
    ("wrap", "expected"),
    [(10497, [GREEN, RED]), (33648, [RED, GREEN]), (33071, [RED, RED])],
)
def test_wrapping_outside_the_picture(tmp_path: Path, wrap: int, expected: list) -> None:
    made = textured(uv=UV + np.array([1, 0], "f4"))
    made.json["samplers"] = [{"wrapS": wrap}]
    made.json["textures"][0]["sampler"] = 0
    scan = read_scan(made.save(tmp_path / "a.glb"))
    assert colours_at(scan, np.array([[0.1, 0.5], [0.9, 0.5]])) == expected


def test_the_skin_decides_where_a_skinned_mesh_lies(tmp_path: Path) -> None:
    """The node's own scale and shift count for nothing; its joint moves it by two."""
    made = textured(scale=[100, 100, 100], translation=[5, 5, 5], skin=0)
    attributes = made.json["meshes"][0]["primitives"][0]["attributes"]
    attributes["JOINTS_0"] = made.accessor(np.zeros((4, 4), "u1"))
    attributes["WEIGHTS_0"] = made.accessor(np.tile(np.array([255, 0, 0, 0], "u1"), (4, 1)), True)
    bind = np.eye(4, dtype="f4")
    bind[3, :3] = [-1, 0, 0]  # column-major
    made.json["nodes"].append({"translation": [3, 0, 0]})
    made.json["skins"] = [
        {"joints": [1], "inverseBindMatrices": made.accessor(bind.reshape(1, 16))}
    ]
    scan = read_scan(made.save(tmp_path / "a.glb"))
    np.testing.assert_allclose(scan.vertices.min(0), [2, 0, 0])
    np.testing.assert_allclose(scan.vertices.max(0), [3, 1, 0])


def test_places_of_nodes_add_up(tmp_path: Path) -> None:
    made = textured(scale=[2, 2, 2])
    made.json["nodes"] += [{"children": [0], "translation": [1, 0, 0]}]
    made.json["nodes"] += [
        {"children": [1], "rotation": [0, 0, np.sqrt(0.5), np.sqrt(0.5)]},
    ]
    made.json["scenes"] = [{"nodes": []}, {"nodes": [2]}]
    made.json["scene"] = 1
    scan = read_scan(made.save(tmp_path / "a.glb"))
    np.testing.assert_allclose(scan.vertices.min(0), [-2, 1, 0], atol=1e-6)
    np.testing.assert_allclose(scan.vertices.max(0), [0, 3, 0], atol=1e-6)


@pytest.mark.parametrize(("mode", "corners"), [(5, [0, 1, 3, 2]), (6, [0, 1, 2, 3])])
def test_strips_and_fans(tmp_path: Path, mode: int, corners: list[int]) -> None:
    made = textured()
    primitive = made.json["meshes"][0]["primitives"][0]
    primitive |= {"mode": mode, "indices": made.accessor(np.array(corners, "u4"))}
    scan = read_scan(made.save(tmp_path / "a.glb"))
    assert colours_at(scan) == QUAD
    a, b, c = scan.vertices[scan.faces].transpose(1, 0, 2)
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()


def test_default_morphs_are_applied(tmp_path: Path) -> None:
    made = textured()
    mesh = made.json["meshes"][0]
    mesh["primitives"][0]["targets"] = [{"POSITION": made.accessor(PLACES * 2)}]
    mesh["weights"] = [0.5]
    assert read_scan(made.save(tmp_path / "a.glb")).vertices.max() == 2


def test_sparse_accessors(tmp_path: Path) -> None:
    made = textured()
    rows, values = np.array([2], "u2"), np.array([[1, 7, 0]], "f4")
    made.json["accessors"][made.json["meshes"][0]["primitives"][0]["attributes"]["POSITION"]][
        "sparse"
    ] = {
        "count": 1,
        "indices": {"bufferView": made.view(rows.tobytes()), "componentType": 5123},
        "values": {"bufferView": made.view(values.tobytes())},
    }
    assert read_scan(made.save(tmp_path / "a.glb")).vertices.max() == 7


def test_interleaved_attributes(tmp_path: Path) -> None:
    made = textured()
    packed = np.concatenate([PLACES, UV], 1).astype("f4")
    view = made.view(packed.tobytes(), byteStride=20)
    attributes = made.json["meshes"][0]["primitives"][0]["attributes"]
    for name, offset in (("POSITION", 0), ("TEXCOORD_0", 12)):
        accessor = made.json["accessors"][attributes[name]]
        accessor |= {"bufferView": view, "byteOffset": offset}
    assert colours_at(read_scan(made.save(tmp_path / "a.glb"))) == QUAD


def test_text_file_with_files_beside_it(tmp_path: Path) -> None:
    made = textured()
    made.json["buffers"] = [{"byteLength": len(made.blob), "uri": "the%20data.bin"}]
    (tmp_path / "the data.bin").write_bytes(made.blob)
    (tmp_path / "Skin.png").write_bytes(png(halves()))
    made.json["images"] = [{"uri": "skin.PNG"}]
    (tmp_path / "a.gltf").write_text(json.dumps(made.json))
    assert colours_at(read_scan(tmp_path / "a.gltf")) == QUAD
    (tmp_path / "the data.bin").unlink()
    with pytest.raises(InputError, match=r"the%20data\.bin, which is not there"):
        read_scan(tmp_path / "a.gltf")


def test_emissive_pictures_of_surfaces_that_shine(tmp_path: Path) -> None:
    made = Gltf()
    texture = {"index": made.picture(png(halves()))}
    material = made.material(
        pbrMetallicRoughness={"baseColorFactor": [0, 0, 0, 1]},
        emissiveTexture=texture,
        emissiveFactor=[1, 1, 1],
    )
    made.show(made.primitive(material, TEXCOORD_0=UV))
    assert colours_at(read_scan(made.save(tmp_path / "a.glb"))) == QUAD


def test_files_outside_the_folder_are_followed_when_allowed(tmp_path: Path) -> None:
    made = textured()
    made.json["images"] = [{"uri": "../skin.png"}]
    (tmp_path / "skin.png").write_bytes(png(halves()))
    (tmp_path / "scan").mkdir()
    path = made.save(tmp_path / "scan/a.glb")
    with pytest.raises(InputError, match="--allow-outside"):
        read_scan(path)
    assert colours_at(read_scan(path, allow_outside=True)) == QUAD


def broken(change) -> Gltf:
    made = textured()
    change(made.json)
    return made


def extension(name: str):
    return lambda root: root.update(extensionsRequired=[name])


def many_nodes(root) -> None:
    """A tree 50,000 nodes deep, whose last has the mesh."""
    nodes = [{"children": [n + 1]} for n in range(50000)] + [{"mesh": 0}]
    root.update(nodes=nodes, scenes=[{"nodes": [0]}])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (extension("KHR_draco_mesh_compression"), "Draco-compressed"),
        (extension("EXT_meshopt_compression"), "meshopt-compressed"),
        (extension("KHR_texture_basisu"), "KHR_texture_basisu"),
        (extension("VENDOR_wavelets"), "VENDOR_wavelets"),
        (lambda root: root["asset"].update(version="1.0"), "glTF 1.0"),
        (lambda root: root.pop("materials"), r"materials\[0\]"),
        (lambda root: root["nodes"].append({"children": [1]}), "circle"),
        (lambda root: root["nodes"].extend([{"children": [0]}, {"children": [0]}]), "two parents"),
        (lambda root: root["accessors"][0].update(count=10**11), "an accessor"),
        (lambda root: root["accessors"][0].update(count=-1), "count"),
        (lambda root: root["accessors"][1].update(count=5), "not all there"),
        (lambda root: root["bufferViews"][0].update(byteLength=10**9), "bufferViews"),
        (lambda root: root["accessors"][1].update(componentType=[5126]), "known type"),
        (lambda root: root["images"][0].update(uri="data:image/png;base64,####"), "images"),
        (lambda root: root["images"][0].update(uri="http://a.example/skin.png"), "not there"),
        (lambda root: root.update(nodes=[]), "no node"),
        (lambda root: root.update(scenes=[{}]), "no triangles"),
        (lambda root: root["textures"][0].pop("source"), "without a picture"),
        (
            lambda root: (
                root["textures"][0].update(
                    source=None, extensions={"KHR_texture_basisu": {"source": 0}}
                )
                or root["textures"][0].pop("source")
            ),
            "KTX",
        ),
    ],
)
def test_damaged_and_unread(tmp_path: Path, change, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_scan(broken(change).save(tmp_path / "a.glb"))
    assert str(tmp_path) in str(caught.value)


def test_deep_trees_are_no_trouble(tmp_path: Path) -> None:
    assert len(read_scan(broken(many_nodes).save(tmp_path / "a.glb")).faces) == 2


def test_no_colour_at_all_is_refused(tmp_path: Path) -> None:
    made = Gltf()
    made.show(made.primitive(TEXCOORD_0=gltf_like.UV))
    with pytest.raises(InputError, match="without a picture or colour"):
        read_scan(made.save(tmp_path / "a.glb"))
