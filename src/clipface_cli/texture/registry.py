"""The generator formats that `Generator.load` reads: a format is one file and one line.

Words and names ("builtin", an imported asset, a run folder) become files in `locate` before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from torch import Tensor

from clipface_cli.assets import file_format, header_of, read_imported
from clipface_cli.errors import InputError
from clipface_cli.texture.weights import load_state

Latent: TypeAlias = Literal["attributes", "noise"]
"""Meaning of z: "attributes" if its first numbers are the latent of the person who is painted (as
in `synth.person_from_latent`), "noise" if nothing is known of any of them."""


@dataclass(frozen=True)
class GeneratorWeights:
    """state: tensors by the published names; layout: "builtin" or "flame"; latent: z's meaning."""

    state: Mapping[str, Tensor]
    layout: str = "flame"
    latent: Latent = "noise"


def read_generator(path: Path) -> GeneratorWeights:
    """The weights in a file; InputError where it is of no format in `GENERATOR_FORMATS`."""
    for read in GENERATOR_FORMATS.values():
        if (weights := read(path)) is not None:
            return weights
    known = ", ".join(GENERATOR_FORMATS)
    raise InputError(f"{path} is a generator of no format known here ({known}).")


def _clipface(path: Path) -> GeneratorWeights | None:
    """A file that `Generator.save` wrote, or other safetensors with tensors of the same names."""
    header = header_of(path)
    if header is None or read_imported(path) is not None:
        return None
    return GeneratorWeights(load_state(path), header.get("layout", "builtin"), _latent(header))


def _latent(header: Mapping[str, str]) -> Latent:
    """The meaning of z by the header's `latent`.

    Files written before that key existed, the embedded one among them, tell it by their `origin`:
    the warm start, and nothing else, fits z's first numbers to attributes.
    """
    if "latent" in header:
        return "attributes" if header["latent"] == "attributes" else "noise"
    return "attributes" if header.get("origin", "").startswith("warm start") else "noise"


def _published(path: Path) -> GeneratorWeights | None:
    """ClipFace's published checkpoint, as downloaded or as imported; trained on FLAME's layout."""
    if file_format(path) == "unknown":
        return None
    return GeneratorWeights(load_state(path, "generator"))


GENERATOR_FORMATS: dict[str, Callable[[Path], GeneratorWeights | None]] = {
    "clipface": _clipface,
    "published": _published,
}
"""Readers by name, in the order in which they are asked; None for a file of another format."""
