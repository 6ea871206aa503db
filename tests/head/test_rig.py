"""Rigs in glTF: what a program that follows the specification sees is what the head model says."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from pygltflib import GLTF2

from clipface_cli.artifacts import Motion, Pixels, Rig, write_glb, write_rig
from clipface_cli.head import HeadModel, HeadParams, motion_of, rig_of

VALIDATOR = "gltf-validator@2.0.0-dev.3.10"
TENTH_MM = 1e-4
FRAMES = 7
_TYPES = {5126: np.float32, 5125: np.uint32, 5123: np.uint16, 5121: np.uint8}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return HeadModel.load()


@pytest.fixture(scope="module")
def params(head: HeadModel) -> HeadParams:
    """Somebody who smiles a little, looks aside and has the jaw turned."""
    random = torch.Generator().manual_seed(5)
    expression = head.expression_from_units({"smile": 0.6, "browInnerUp": 0.3})[None]
    pose = torch.tensor([[0.05, 0.3, -0.1, 0.12, 0.0, 0.02]])
    return HeadParams(torch.randn(1, head.shape_size, generator=random), expression, pose)


@pytest.fixture(scope="module")
def rig(head: HeadModel, params: HeadParams) -> Rig:
    return rig_of(head, params, head.pose_head(params)[0])


@pytest.fixture(scope="module")
def sequence(head: HeadModel) -> tuple[torch.Tensor, torch.Tensor]:
    """A laugh with a turn of the head: expression (T, E), pose (T, 6)."""
    laugh = {"smile": 1.3, "cheekSquint": 1.0, "mouthUpperUp": 0.6, "jawOpen": 0.4}
    rise = torch.linspace(0, 1, FRAMES)[:, None]
    turn = torch.tensor([[0.1, -0.6, 0.05, 0.15, 0.0, 0.0]])
    return rise * head.expression_from_units(laugh), rise * turn


@pytest.fixture(scope="module")
def motion(head: HeadModel, rig: Rig, sequence: tuple[torch.Tensor, torch.Tensor]) -> Motion:
    still = motion_of(head, rig, *sequence, fps=25)
    textures = [np.full((8, 8, 3), level, np.uint8) for level in (40, 120, 200)]
    groups = np.minimum(np.arange(FRAMES) // 3, 2)
    return Motion(still.fps, still.weights, still.rotations, textures, groups)


@pytest.fixture(scope="module")
def picture() -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def files(
    rig: Rig, motion: Motion, picture: Pixels, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """static.glb, rig.glb and animation.glb."""
    folder = tmp_path_factory.mktemp("glb")
    write_glb(folder / "static.glb", rig.mesh, picture)
    write_rig(folder / "rig.glb", rig, picture)
    write_rig(folder / "animation.glb", rig, picture, motion)
    return folder


class Reader:
    """Reads accessors, and poses vertices, as the specification says."""

    def __init__(self, path: Path) -> None:
        self.gltf = GLTF2().load(str(path))
        self.blob = self.gltf.binary_blob()

    def _raw(self, view: int, kind: int, count: int, width: int) -> np.ndarray:
        start = self.gltf.bufferViews[view].byteOffset or 0
        flat = np.frombuffer(self.blob, _TYPES[kind], count * width, start)
        return flat.reshape(count, width)

    def values(self, index: int) -> np.ndarray:
        accessor = self.gltf.accessors[index]
        width = _WIDTHS[accessor.type]
        if accessor.bufferView is not None:
            return self._raw(accessor.bufferView, accessor.componentType, accessor.count, width)
        dense = np.zeros((accessor.count, width), _TYPES[accessor.componentType])
        sparse = accessor.sparse
        rows = self._raw(sparse.indices.bufferView, sparse.indices.componentType, sparse.count, 1)
        dense[rows[:, 0]] = self._raw(
            sparse.values.bufferView, accessor.componentType, sparse.count, width
        )
        return dense

    def vertices(self, frame: int | None = None) -> np.ndarray:
        """Corners (F, 3, 3) of all primitives, at rest weights and pose or at a key frame."""
        weights, rotations = self._state(frame)
        joints = self._joints(rotations)
        corners = []
        for primitive in self.gltf.meshes[0].primitives:
            at = self.values(primitive.attributes.POSITION).astype(np.float64)
            for weight, target in zip(weights, primitive.targets or [], strict=True):
                at = at + weight * self.values(target["POSITION"])
            if joints is not None:
                each = joints[self.values(primitive.attributes.JOINTS_0)]
                share = self.values(primitive.attributes.WEIGHTS_0)
                blended = np.einsum("vk,vkrc->vrc", share, each)
                at = np.einsum("vrc,vc->vr", blended[:, :3, :3], at) + blended[:, :3, 3]
            corners.append(at[self.values(primitive.indices)[:, 0].reshape(-1, 3)])
        return np.concatenate(corners)

    def _state(self, frame: int | None) -> tuple[np.ndarray, dict[int, np.ndarray]]:
        weights, rotations = np.array(self.gltf.meshes[0].weights or []), {}
        if frame is None:
            return weights, rotations
        animation = self.gltf.animations[0]
        for channel in animation.channels:
            output = self.values(animation.samplers[channel.sampler].output)
            if channel.target.path == "weights":
                weights = output.reshape(-1, len(weights))[frame]
            else:
                rotations[channel.target.node] = output[frame]
        return weights, rotations

    def _joints(self, rotations: dict[int, np.ndarray]) -> np.ndarray | None:
        if not self.gltf.skins:
            return None
        skin = self.gltf.skins[0]
        inverse = self.values(skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
        world: dict[int, np.ndarray] = {}

        def visit(node: int, above: np.ndarray) -> None:
            found = self.gltf.nodes[node]
            local = trimesh.transformations.translation_matrix(found.translation)
            turn = rotations.get(node, np.array(found.rotation))
            world[node] = (
                above @ local @ trimesh.transformations.quaternion_matrix(turn[[3, 0, 1, 2]])
            )
            for child in found.children:
                visit(child, world[node])

        visit(skin.skeleton, np.eye(4))
        return np.stack([world[node] for node in skin.joints]) @ inverse


def _corners(rig: Rig, vertices: torch.Tensor) -> np.ndarray:
    """Corners of all parts, in the order of the primitives."""
    faces = np.concatenate([rig.mesh.faces[part.faces] for part in rig.parts])
    return vertices.double().numpy()[faces]


def test_rest_pose_is_the_head(files: Path, head: HeadModel, params: HeadParams, rig: Rig) -> None:
    expected = _corners(rig, head.pose_head(params)[0])
    np.testing.assert_allclose(Reader(files / "rig.glb").vertices(), expected, atol=1e-6)


@pytest.mark.parametrize("frame", [0, 3, FRAMES - 1])
def test_key_frames_equal_the_head_model(
    files: Path,
    head: HeadModel,
    params: HeadParams,
    rig: Rig,
    sequence: tuple[torch.Tensor, torch.Tensor],
    frame: int,
) -> None:
    expression, pose = (values[frame : frame + 1] for values in sequence)
    expected = _corners(rig, head(params.shape, expression, pose)[0])
    made = Reader(files / "animation.glb").vertices(frame)
    assert np.abs(made - expected).max() < TENTH_MM / 10


def test_units_are_named_targets(files: Path, head: HeadModel, rig: Rig) -> None:
    mesh = Reader(files / "rig.glb").gltf.meshes[0]
    assert mesh.extras["targetNames"] == [*head.units, "neutral"]
    assert len(head.units) == 52
    assert all(len(primitive.targets) == 53 for primitive in mesh.primitives)


def test_neutral_takes_the_expression_away(
    files: Path, head: HeadModel, params: HeadParams, rig: Rig
) -> None:
    still = np.zeros_like(params.expression)
    bare = head(params.shape, torch.from_numpy(still), params.pose)[0]
    moved = rig.mesh.vertices + rig.targets["neutral"]
    rest = rig_of(head, HeadParams(params.shape, torch.from_numpy(still), params.pose), bare)
    np.testing.assert_allclose(moved, rest.mesh.vertices, atol=1e-6)
    assert "neutral" not in rest.targets


def test_parts_cover_the_head_once(rig: Rig) -> None:
    assert [part.name for part in rig.parts] == ["skin", "eyes", "teeth", "mouth"]
    assert (np.stack([part.faces for part in rig.parts]).sum(0) == 1).all()
    assert all(part.faces.any() for part in rig.parts)


def test_materials(files: Path, picture: Pixels) -> None:
    gltf = Reader(files / "rig.glb").gltf
    skin, eyes, *_ = (material.pbrMetallicRoughness for material in gltf.materials)
    assert skin.metallicRoughnessTexture is not None
    assert eyes.roughnessFactor < 0.2
    assert {m.pbrMetallicRoughness.baseColorTexture.index for m in gltf.materials} == {
        skin.baseColorTexture.index
    }
    peer = trimesh.load(files / "rig.glb").geometry
    assert len(peer) == 4
    shown = next(iter(peer.values())).visual.material.baseColorTexture.convert("RGB")
    np.testing.assert_array_equal(np.asarray(shown), picture)


def test_textures_of_a_sequence_are_variants(files: Path, motion: Motion) -> None:
    gltf = Reader(files / "animation.glb").gltf
    assert len(gltf.extensions["KHR_materials_variants"]["variants"]) == len(motion.textures)
    assert gltf.animations[0].extras == {"fps": 25, "variants": motion.groups.tolist()}
    assert len(gltf.materials) == 4 * (1 + len(motion.textures))


def test_sampled_at_its_rate(files: Path) -> None:
    reader = Reader(files / "animation.glb")
    times = reader.values(reader.gltf.animations[0].samplers[0].input)[:, 0]
    np.testing.assert_allclose(times, np.arange(FRAMES) / 25, atol=1e-6)


def test_same_bytes(files: Path, rig: Rig, motion: Motion, picture: Pixels, tmp_path: Path) -> None:
    write_rig(tmp_path / "animation.glb", rig, picture, motion)
    assert (tmp_path / "animation.glb").read_bytes() == (files / "animation.glb").read_bytes()


def test_khronos_validator(files: Path, tmp_path: Path) -> None:
    """No errors and no warnings for static, morph-target and animated files."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Khronos' validator needs node and npm")
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(tmp_path)]
    got = subprocess.run([*install, VALIDATOR], capture_output=True, text=True, check=False)
    if got.returncode:
        pytest.skip(f"npm could not install {VALIDATOR}: {got.stderr.strip()[:200]}")
    script = (
        "const v = require('gltf-validator'), fs = require('fs');"
        "(async () => { const all = {}; for (const f of process.argv.slice(1))"
        "all[f] = (await v.validateBytes(new Uint8Array(fs.readFileSync(f)))).issues;"
        "console.log(JSON.stringify(all)); })();"
    )
    names = sorted(str(path) for path in files.glob("*.glb"))
    done = subprocess.run(
        [node, "-e", script, *names], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    reports = json.loads(done.stdout)
    assert len(reports) == 3
    for name, issues in reports.items():
        assert issues["numErrors"] == issues["numWarnings"] == 0, (name, issues["messages"][:5])
