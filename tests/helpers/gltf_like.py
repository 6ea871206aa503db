"""Small glTF files of one quad, written value by value: what exporters write and this tool does."""

import io
import json
import struct
from pathlib import Path

import numpy as np
from PIL import Image

CODES = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
PLACES = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], "f4")
UV = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], "f4")  # v downwards
CORNERS = np.array([0, 1, 2, 0, 2, 3], "u2")


def halves(left=(0, 200, 0), right=(255, 0, 0), size=64):
    """A picture of two colours."""
    pixels = np.empty((size, size, 3), np.uint8)
    pixels[:, : size // 2], pixels[:, size // 2 :] = left, right
    return pixels


def png(pixels):
    """The bytes of a picture file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


class Gltf:
    """Collects accessors and pictures; `quad` makes a document of one primitive."""

    def __init__(self):
        self.json = {"asset": {"version": "2.0"}, "bufferViews": [], "accessors": []}
        self.blob = b""

    def view(self, data, **more):
        """Append bytes; returns the number of their buffer view."""
        self.blob += b"\0" * (-len(self.blob) % 4)
        view = {"buffer": 0, "byteOffset": len(self.blob), "byteLength": len(data), **more}
        self.blob += data
        self.json["bufferViews"].append(view)
        return len(self.json["bufferViews"]) - 1

    def accessor(self, values, normalized=False):
        """Append an array (N,) or (N, k); returns the number of its accessor."""
        values = np.asarray(values)
        width = 1 if values.ndim == 1 else values.shape[1]
        found = {
            "bufferView": self.view(values.tobytes()),
            "componentType": CODES[values.dtype.str[1:]],
            "count": len(values),
            "type": KINDS[width],
        }
        if normalized:
            found["normalized"] = True
        self.json["accessors"].append(found)
        return len(self.json["accessors"]) - 1

    def picture(self, data, **texture):
        """Append a picture file; returns the number of a texture that shows it."""
        images = self.json.setdefault("images", [])
        images.append({"bufferView": self.view(data), "mimeType": "image/png"})
        textures = self.json.setdefault("textures", [])
        textures.append({"source": len(images) - 1, **texture})
        return len(textures) - 1

    def material(self, **material):
        """Append a material; returns its number."""
        self.json.setdefault("materials", []).append(material)
        return len(self.json["materials"]) - 1

    def primitive(self, material=None, places=None, corners=CORNERS, **attributes):
        """A primitive; attributes are numbers of accessors or arrays."""
        given = {"POSITION": PLACES if places is None else places, **attributes}
        made = {
            "attributes": {
                name: value if isinstance(value, int) else self.accessor(value)
                for name, value in given.items()
            }
        }
        if corners is not None:
            made["indices"] = self.accessor(corners)
        if material is not None:
            made["material"] = material
        return made

    def show(self, *primitives, **node):
        """Put primitives into the scene, on one node."""
        self.json.setdefault("meshes", []).append({"primitives": list(primitives)})
        nodes = self.json.setdefault("nodes", [])
        nodes.append({"mesh": len(self.json["meshes"]) - 1, **node})
        self.json.setdefault("scenes", [{"nodes": []}])[0]["nodes"].append(len(nodes) - 1)
        return self

    def save(self, path: Path):
        """Write a GLB; returns its path."""
        self.json["buffers"] = [{"byteLength": len(self.blob)}]
        text = json.dumps(self.json).encode()
        text += b" " * (-len(text) % 4)
        blob = self.blob + b"\0" * (-len(self.blob) % 4)
        chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
        chunks += struct.pack("<II", len(blob), 0x004E4942) + blob
        path.write_bytes(b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks)
        return path


def textured(base=None, uv=UV, normalized=False, more=None, **node):
    """A quad that shows green on the left and red on the right, and how its texture is given."""
    made = Gltf()
    texture = {"index": made.picture(png(halves())), **(base or {})}
    material = made.material(pbrMetallicRoughness={"baseColorTexture": texture, **(more or {})})
    coordinates = made.accessor(uv, normalized)
    return made.show(made.primitive(material, TEXCOORD_0=coordinates), **node)
