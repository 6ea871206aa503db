"""Binary glTF: textured meshes with their materials, morph targets, joints and motion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pygltflib import (
    GLTF2,
    LINEAR,
    LINEAR_MIPMAP_LINEAR,
    REPEAT,
    Animation,
    AnimationChannel,
    AnimationChannelTarget,
    AnimationSampler,
    Asset,
    Attributes,
    Material,
    Node,
    PbrMetallicRoughness,
    Primitive,
    Sampler,
    Scene,
    Skin,
    Texture,
    TextureInfo,
)
from pygltflib import Mesh as GltfMesh
from torch import Tensor

from clipface_cli.artifacts._gltf_buffer import GltfBuffer
from clipface_cli.artifacts.files import replacing
from clipface_cli.artifacts.images import Pixels, to_pixels
from clipface_cli.artifacts.mesh import Mesh, split_at_seams
from clipface_cli.artifacts.rig import Floats, Motion, Part, Rig
from clipface_cli.geometry import vertex_normals

STILL = 1e-6  # metres a target moves a vertex at least, to be stored
STRAIGHT = 1e-3  # change of a unit normal at least, to be stored
INFLUENCES = 4  # joints a vertex follows at most
VARIANTS = "KHR_materials_variants"
ORIGINAL = "original"  # the variant that shows the texture before an edit


def write_glb(path: Path, mesh: Mesh, texture: Tensor | Pixels) -> None:
    """Write the mesh with its texture inside; vertices are split where the uv has a seam.

    texture: (1, 3, H, W) in [-1, 1] or 8-bit (H, W, 3).
    """
    pixels = to_pixels(texture) if isinstance(texture, Tensor) else texture
    write_rig(path, Rig.plain(mesh), pixels)


def write_rig(
    path: Path,
    rig: Rig,
    texture: Pixels,
    motion: Motion | None = None,
    original: Pixels | None = None,
) -> None:
    """Write a rig, its parts as primitives of one mesh, and the motion as its animation.

    texture, original: 8-bit sRGB (H, W, 3). The textures of a motion become material variants, one
    a group of frames, and `original`, the texture before an edit, another; programs that do not
    know variants show `texture`. The same content gives the same bytes.
    """
    with replacing(path) as partial:
        partial.write_bytes(rig_bytes(rig, texture, motion, original, path.stem))


def rig_bytes(
    rig: Rig,
    texture: Pixels,
    motion: Motion | None = None,
    original: Pixels | None = None,
    name: str = "head",
) -> bytes:
    """Contents of the file that `write_rig` writes; textures are 8-bit sRGB (H, W, 3)."""
    writer = _Writer(rig, name)
    pictures = list(motion.textures) if motion else []
    names = [f"texture {number:02}" for number in range(len(pictures))]
    if original is not None:
        pictures.append(original)
        names.append(ORIGINAL)
    materials = [writer.materials(picture) for picture in (texture, *pictures)]
    writer.add_mesh(materials, names)
    if rig.joints:
        writer.add_skin()
    if motion:
        writer.add_animation(motion)
    return writer.bytes()


@dataclass
class _Corners:
    """One part's vertices: triangles (f, 3) into them, index of each one's position and uv."""

    faces: NDArray[np.int64]
    positions: NDArray[np.int64]
    coordinates: NDArray[np.int64]


class _Writer:
    """Builds one file."""

    def __init__(self, rig: Rig, name: str) -> None:
        self.rig, self.name = rig, name
        self.gltf = GLTF2(asset=Asset(version="2.0", generator="ClipFace CLI"))
        self.buffer = GltfBuffer(self.gltf)
        self.gltf.samplers.append(
            Sampler(magFilter=LINEAR, minFilter=LINEAR_MIPMAP_LINEAR, wrapS=REPEAT, wrapT=REPEAT)
        )
        self.roughness = [self._roughness_map(part) for part in rig.parts]

    def bytes(self) -> bytes:
        self.buffer.finish()
        return b"".join(self.gltf.save_to_bytes())

    # --- materials ---

    def materials(self, picture: Pixels) -> list[int]:
        """A material for each part, all with this base colour."""
        count = len(self.gltf.textures)
        colour = self._texture(picture, f"colour{count or ''}")
        return [
            self._material(part, colour, rough)
            for part, rough in zip(self.rig.parts, self.roughness, strict=True)
        ]

    def _material(self, part: Part, colour: int, rough: int | None) -> int:
        surface = PbrMetallicRoughness(
            baseColorTexture=TextureInfo(index=colour), metallicFactor=0.0, roughnessFactor=1.0
        )
        if rough is None:
            surface.roughnessFactor = part.roughness
        else:
            surface.metallicRoughnessTexture = TextureInfo(index=rough)
        material = Material(name=part.name, pbrMetallicRoughness=surface, doubleSided=True)
        material.alphaCutoff = None
        self.gltf.materials.append(material)
        return len(self.gltf.materials) - 1

    def _roughness_map(self, part: Part) -> int | None:
        """glTF reads roughness from green and metalness from blue."""
        if not isinstance(part.roughness, np.ndarray):
            return None
        green = part.roughness
        pixels = np.stack([np.full_like(green, 255), green, np.zeros_like(green)], 2)
        return self._texture(pixels, f"{part.name}-roughness")

    def _texture(self, pixels: Pixels, name: str) -> int:
        self.gltf.textures.append(Texture(source=self.buffer.image(pixels, name), sampler=0))
        return len(self.gltf.textures) - 1

    # --- geometry ---

    def add_mesh(self, materials: list[list[int]], variants: list[str]) -> None:
        """The mesh and its node; materials[0] by default, the others as variants with a name."""
        normals = self._normals(np.zeros_like(self.rig.mesh.vertices))
        bent = {name: self._normals(moved) - normals for name, moved in self.rig.targets.items()}
        primitives = []
        for index, part in enumerate(self.rig.parts):
            primitive = self._primitive(part, normals, bent)
            primitive.material = materials[0][index]
            if variants:
                mappings = [
                    {"material": choice[index], "variants": [variant]}
                    for variant, choice in enumerate(materials[1:])
                ]
                primitive.extensions = {VARIANTS: {"mappings": mappings}}
            primitives.append(primitive)
        mesh = GltfMesh(name=self.name, primitives=primitives)
        if self.rig.targets:
            mesh.weights = [0.0] * len(self.rig.targets)
            mesh.extras = {"targetNames": list(self.rig.targets)}
        self.gltf.meshes.append(mesh)
        self.gltf.nodes.append(Node(name=self.name, mesh=0))
        self.gltf.scenes.append(Scene(nodes=[0]))
        self.gltf.scene = 0
        if variants:
            self.gltf.extensions = {VARIANTS: {"variants": [{"name": n} for n in variants]}}
            self.gltf.extensionsUsed = [VARIANTS]

    def _normals(self, moved: Floats) -> Floats:
        mesh = self.rig.mesh
        found = vertex_normals(mesh.vertices + moved, mesh.faces)
        found[np.abs(found).sum(1) == 0] = 0, 0, 1  # a vertex without area; glTF wants unit length
        return found

    def _primitive(self, part: Part, normals: Floats, bent: dict[str, Floats]) -> Primitive:
        mesh, corners = self.rig.mesh, self._corners(part)
        at = corners.positions
        attributes = Attributes(
            POSITION=self.buffer.vertices(mesh.vertices[at], bounds=True),
            NORMAL=self.buffer.vertices(normals[at]),
            TEXCOORD_0=self.buffer.vertices(mesh.uv[corners.coordinates] * [1, -1] + [0, 1]),
        )
        if self.rig.weights is not None:
            joints, weights = _strongest(self.rig.weights[at])
            attributes.JOINTS_0 = self.buffer.vertices(joints)
            attributes.WEIGHTS_0 = self.buffer.vertices(weights)
        targets = [
            {
                "POSITION": self.buffer.sparse(moved[at], STILL, bounds=True),
                "NORMAL": self.buffer.sparse(bent[name][at], STRAIGHT),
            }
            for name, moved in self.rig.targets.items()
        ]
        return Primitive(
            attributes=attributes, indices=self.buffer.indices(corners.faces), targets=targets
        )

    def _corners(self, part: Part) -> _Corners:
        mesh = self.rig.mesh
        some = Mesh(mesh.vertices, mesh.faces[part.faces], mesh.uv, mesh.uv_faces[part.faces])
        return _Corners(*split_at_seams(some))

    # --- joints and motion ---

    def add_skin(self) -> None:
        """Joint nodes beside the mesh's, and the skin that ties the mesh to them."""
        joints = self.rig.joints
        first = len(self.gltf.nodes)
        inverse = np.tile(np.eye(4), (len(joints), 1, 1))
        for index, joint in enumerate(joints):
            at = joint.position
            inverse[index, 3, :3] = -at  # column-major
            if joint.parent >= 0:
                at = at - joints[joint.parent].position
            self.gltf.nodes.append(
                Node(name=joint.name, translation=at.tolist(), rotation=joint.rotation.tolist())
            )
            if joint.parent >= 0:
                self.gltf.nodes[first + joint.parent].children.append(first + index)
        matrices = self.buffer.values(inverse.reshape(len(joints), 16))
        nodes = list(range(first, first + len(joints)))
        self.gltf.skins.append(Skin(inverseBindMatrices=matrices, joints=nodes, skeleton=first))
        self.gltf.nodes[0].skin = 0
        self.gltf.scenes[0].nodes.append(first)

    def add_animation(self, motion: Motion) -> None:
        """Weights and rotations, linear between frames."""
        times = np.arange(len(motion.weights)) / motion.fps
        animation = Animation(name="sequence")
        clock = self.buffer.values(times, bounds=True)
        self._channel(animation, 0, "weights", clock, motion.weights.ravel())
        places = {joint.name: 1 + index for index, joint in enumerate(self.rig.joints)}
        for name, rotations in motion.rotations.items():
            self._channel(animation, places[name], "rotation", clock, rotations)
        if len(motion.textures):
            animation.extras = {"fps": motion.fps, "variants": motion.groups.tolist()}
        self.gltf.animations.append(animation)

    def _channel(
        self, animation: Animation, node: int, path: str, clock: int, values: Floats
    ) -> None:
        output = self.buffer.values(values)
        animation.samplers.append(
            AnimationSampler(input=clock, output=output, interpolation="LINEAR")
        )
        target = AnimationChannelTarget(node=node, path=path)
        sampler: Any = len(animation.samplers) - 1
        animation.channels.append(AnimationChannel(sampler=sampler, target=target))


def _strongest(weights: Floats) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The strongest joints (N, 4) of each vertex and their weights, which sum to one."""
    order = np.argsort(-weights, axis=1, kind="stable")[:, :INFLUENCES]
    kept = np.take_along_axis(weights, order, 1)
    missing = INFLUENCES - kept.shape[1]
    if missing > 0:
        order = np.pad(order, ((0, 0), (0, missing)))
        kept = np.pad(kept, ((0, 0), (0, missing)))
    kept = (kept / kept.sum(1, keepdims=True)).astype(np.float32)
    return np.where(kept > 0, order, 0).astype(np.uint8), kept
