"""Encoders and parsers by the word the user types: `landmarks`, `photometric`, `deca:PATH`…"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from clipface_cli.assets import read_asset
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.photos.bisenet import BiSeNet
from clipface_cli.photos.deca import DecaEncoder, DecaNetwork
from clipface_cli.photos.landmark_encoder import LandmarkEncoder
from clipface_cli.photos.photometric_encoder import PhotometricEncoder


@dataclass
class Parser:
    """network: ImageNet-normalised images (B, 3, H, W) to logits (B, 19, H, W)."""

    name: str
    network: BiSeNet


Encoder = LandmarkEncoder | PhotometricEncoder | DecaEncoder


def load_encoder(source: str = "landmarks", head: HeadModel | None = None) -> Encoder:
    """`landmarks` or `photometric`; or `deca:PATH`, of `deca_model.tar` or the imported file; or
    `deca`, imported.

    head: the model to find parameters of; by default the imported FLAME for `deca` and the
    embedded head for the others. Raises InputError for another word, a missing file, or one that
    holds something else.
    """
    word, path = _known(source, "encoder", ENCODERS)
    return ENCODERS[word](path, head)


def load_parser(source: str) -> Parser:
    """`bisenet:PATH`, of the published `.pth` or the imported file, or `bisenet` once imported.

    Raises InputError for another word, a missing file, or one that holds something else.
    """
    word, path = _known(source, "parser", PARSERS)
    return PARSERS[word](path)


def _known(source: str, role: str, known: Collection[str]) -> tuple[str, str]:
    """The word, and the path behind its colon."""
    word, _, path = source.partition(":")
    if word not in known:
        raise InputError(f"There is no {role} {source!r}; give one of {', '.join(known)}.")
    return word, path


def _landmarks(_: str, head: HeadModel | None) -> Encoder:
    return LandmarkEncoder(head or HeadModel.load("builtin"))


def _photometric(_: str, head: HeadModel | None) -> Encoder:
    return PhotometricEncoder(head or HeadModel.load("builtin"))


def _deca(path: str, head: HeadModel | None) -> Encoder:
    return DecaEncoder(DecaNetwork.from_state(_state(path, "deca")), head)


def _bisenet(path: str) -> Parser:
    return Parser("bisenet", BiSeNet.from_state(_state(path, "bisenet")))


def _state(path: str, kind: str) -> dict[str, Tensor]:
    arrays = read_asset(path or kind, kind).arrays
    return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}


ENCODERS: dict[str, Callable[[str, HeadModel | None], Encoder]] = {
    "landmarks": _landmarks,
    "photometric": _photometric,
    "deca": _deca,
}
"""Constructors of encoders, from a path (may be empty) and a head, by the user's word."""

PARSERS: dict[str, Callable[[str], Parser]] = {"bisenet": _bisenet}
"""Constructors of parsers, from a path (may be empty), by the user's word."""
