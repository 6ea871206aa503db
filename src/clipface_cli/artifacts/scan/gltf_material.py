"""The base colour of glTF materials: pictures, factors, and where on a picture a corner lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clipface_cli.artifacts.images import Pixels, decode_pixels, load_pixels
from clipface_cli.artifacts.scan.builder import WHITE, ScanBuilder, tinted
from clipface_cli.artifacts.scan.gltf_file import (
    GltfFile,
    Object,
    Values,
    object_in,
    vector,
    whole,
)
from clipface_cli.artifacts.scan.surface import Wrap, Wraps, encoded
from clipface_cli.errors import InputError

_WRAPS: dict[object, Wrap] = {33071: "clamp", 33648: "mirror", 10497: "repeat"}
_OTHER_SOURCES = ("EXT_texture_webp", "EXT_texture_avif")  # of pictures in other formats
_UNREAD_SOURCES = {"KHR_texture_basisu": "KTX", "MSFT_texture_dds": "DDS"}
_OPAQUE = (1.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Look:
    """picture: its number; coordinates: the set of texture coordinates, None for a plain colour.

    transform (2, 3): of those (u, v, 1), v downwards. stated: whether the file gives a colour.
    """

    picture: int
    coordinates: int | None
    transform: Values
    stated: bool

    def uv(self, given: Values) -> Values:
        """Texture coordinates (N, 2), v downwards, as ones with v upwards on the picture."""
        u, v = (given @ self.transform[:, :2].T + self.transform[:, 2]).T
        return np.stack([u, 1 - v], 1)


def look_of(file: GltfFile, builder: ScanBuilder, index: object) -> Look:
    """The look of a material; white where the file has none for a part."""
    material = {} if index is None else file.item("materials", index)
    texture, factor, stated = _base_colour(material)
    if texture is None:
        plain = builder.plain(tuple(encoded(factor).tolist()))
        return Look(plain, None, np.eye(2, 3), stated)
    more = object_in(object_in(texture, "extensions"), "KHR_texture_transform")
    coordinates = whole(more if "texCoord" in more else texture, "texCoord")
    picture = _picture(file, builder, texture.get("index"), tuple(factor.tolist()))
    return Look(picture, coordinates, _transform(more), True)


def _base_colour(material: Object) -> tuple[Object | None, Values, bool]:
    """Its texture, its factor (red, green, blue), and whether the material gives either.

    Light of its own stands for the base colour where only that has a picture: scans are sold as
    black surfaces that shine.
    """
    older = object_in(material, "extensions").get("KHR_materials_pbrSpecularGlossiness")
    if older is not None:
        source = object_in(object_in(material, "extensions"), "KHR_materials_pbrSpecularGlossiness")
        names = "diffuseTexture", "diffuseFactor"
    else:
        source = object_in(material, "pbrMetallicRoughness")
        names = "baseColorTexture", "baseColorFactor"
    if names[0] in source:
        return object_in(source, names[0]), vector(source, names[1], _OPAQUE)[:3], True
    if "emissiveTexture" in material:
        factor = vector(material, "emissiveFactor", (0.0, 0.0, 0.0))
        return object_in(material, "emissiveTexture"), factor, True
    return None, vector(source, names[1], _OPAQUE)[:3], names[1] in source


def _transform(given: Object) -> Values:
    """KHR_texture_transform as a matrix (2, 3): scaled, turned, moved."""
    scale, offset = vector(given, "scale", (1.0, 1.0)), vector(given, "offset", (0.0, 0.0))
    (angle,) = vector({"rotation": [given.get("rotation", 0.0)]}, "rotation", (0.0,))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.concatenate([turn * scale, offset[:, None]], 1)


def _picture(file: GltfFile, builder: ScanBuilder, index: object, factor: tuple[float, ...]) -> int:
    texture = file.item("textures", index)
    source = _source(texture)
    sampler = file.item("samplers", texture["sampler"]) if "sampler" in texture else {}
    wraps: Wraps = _wrap(sampler.get("wrapS", 10497)), _wrap(sampler.get("wrapT", 10497))
    image = file.item("images", source)

    def load(max_megapixels: float) -> Pixels:
        pixels = _decoded(file, image, f"images[{source}]", max_megapixels)
        return pixels if factor == WHITE else tinted(pixels, factor)

    return builder.picture((source, factor), load, wraps)


def _source(texture: Object) -> Any:
    """The number of a texture's image."""
    extensions = object_in(texture, "extensions")
    if "source" in texture:
        return texture["source"]
    for name in _OTHER_SOURCES:
        if name in extensions:
            return object_in(extensions, name).get("source")
    for name, kind in _UNREAD_SOURCES.items():
        if name in extensions:
            raise InputError(f"has its pictures as {kind} ({name}), which is not read; use PNG")
    raise InputError("has a texture without a picture; export it again")


def _decoded(file: GltfFile, image: Object, where: str, max_megapixels: float) -> Pixels:
    """The pixels (H, W, 3) of an image in the file or beside it."""
    uri = image.get("uri")
    if isinstance(uri, str) and not uri.startswith("data:"):
        return load_pixels(file.file(uri), max_megapixels)
    data = file.load(uri) if isinstance(uri, str) else bytes(file.view(image.get("bufferView")))
    try:
        return decode_pixels(data, max_megapixels)
    except InputError as error:
        raise InputError(f"has a picture ({where}) that cannot be used: {error}") from error


def _wrap(code: object) -> Wrap:
    return _WRAPS.get(code if isinstance(code, int) else None, "repeat")
