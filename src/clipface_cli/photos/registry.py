"""Encoders and parsers by the word the user types: `landmarks`, `photometric`, `deca:PATH`…"""

from __future__ import annotations

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


def load_encoder(
    source: str = "landmarks", head: HeadModel | None = None
) -> LandmarkEncoder | PhotometricEncoder | DecaEncoder:
    """`landmarks` or `photometric`; or `deca:PATH`, of `deca_model.tar` or the imported file; or
    `deca`, imported.

    head: the model to find parameters of; by default the imported FLAME for `deca` and the
    embedded head for the others. Raises InputError for another word, a missing file, or one that
    holds something else.
    """
    own: type[LandmarkEncoder] | type[PhotometricEncoder]
    for own in (LandmarkEncoder, PhotometricEncoder):
        if source == own.name:
            return own(head or HeadModel.load("builtin"))
    return DecaEncoder(DecaNetwork.from_state(_state(source, "deca", "encoder")), head)


def load_parser(source: str) -> Parser:
    """`bisenet:PATH`, of the published `.pth` or the imported file, or `bisenet` once imported.

    Raises InputError for another word, a missing file, or one that holds something else.
    """
    return Parser("bisenet", BiSeNet.from_state(_state(source, "bisenet", "parser")))


def _state(source: str, kind: str, role: str) -> dict[str, Tensor]:
    word, _, path = source.partition(":")
    if word != kind:
        others = "landmarks, photometric, " if role == "encoder" else ""
        raise InputError(f"There is no {role} {source!r}; give {others}{kind} or {kind}:PATH.")
    arrays = read_asset(path or kind, kind).arrays
    return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
