"""The list of embedded and external assets: licence, use, and where to obtain each."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """files: embedded file names, empty for what the user imports under the kind `name`."""

    name: str
    licence: str
    unlocks: str
    obtain: str = ""
    files: tuple[str, ...] = ()

    @property
    def embedded(self) -> bool:
        return bool(self.files)


_CLIPFACE = "CC BY-NC-SA 4.0 (ClipFace)"
_FLAME = "FLAME licence, non-commercial"
_FLAME_SITE = "https://flame.is.tue.mpg.de, after registration"
_CLIPFACE_SITE = "https://github.com/shivangi-aneja/ClipFace, section 4 of its README"

ENTRIES = (
    Entry("builtin-head", "CC0 1.0", "the default --head", files=("head.safetensors",)),
    Entry(
        "builtin-generator", "Apache-2.0", "the default --generator",
        files=("generator.safetensors", "latent_bank.safetensors"),
    ),
    Entry(
        "builtin-guidance", "Apache-2.0", "the default --guidance",
        files=("guidance.safetensors", "evaluator.safetensors", "words.safetensors"),
    ),
    Entry(
        "flame", f"{_FLAME}; the 2023 Open model CC BY 4.0", "the research head, by the name flame",
        f"generic_model.pkl of FLAME 2020, or flame2023.pkl: {_FLAME_SITE}",
    ),
    Entry(
        "flame-uv", _FLAME, "FLAME's own texture layout, which published textures need",
        f"head_template.obj of the FLAME texture space: {_FLAME_SITE}",
    ),
    Entry(
        "flame-landmarks", "with DECA or FLAME, non-commercial", "published landmarks on FLAME",
        "landmark_embedding.npy of DECA, or flame_static_embedding.pkl",
    ),
    Entry(
        "flame-masks", _FLAME, "published regions on FLAME",
        f"FLAME_masks.pkl (vertex masks): {_FLAME_SITE}",
    ),
    Entry(
        "flame-texture", _FLAME, "linear textures (FlameTex, eq. 24) to compare with",
        f"FLAME_texture.npz of the FLAME texture space: {_FLAME_SITE}",
    ),
    Entry(
        "deca", "DECA licence, non-commercial", "head parameters from photos",
        "deca_model.tar: https://github.com/yfeng95/DECA, section Usage",
    ),
    Entry(
        "bisenet", "MIT (code); CelebAMask-HQ data is non-commercial",
        "masks of photos",
        "79999_iter.pth: https://github.com/zllrunning/face-parsing.PyTorch",
    ),
    Entry(
        "clip", "MIT", "guidance by any prompt; CLIP scores",
        "ViT-B-32.pt: https://github.com/openai/CLIP, or the folder of "
        "https://huggingface.co/openai/clip-vit-base-patch32",
    ),
    Entry(
        "inception", "Apache-2.0", "FID and KID as papers print them (evaluate, compare)",
        "pt_inception-2015-12-05-6726825d.pth: https://github.com/mseitzer/pytorch-fid, Releases",
    ),
    Entry(
        "generator", _CLIPFACE, "the paper's textures (--generator NAME)",
        f"the texture generator: {_CLIPFACE_SITE}",
    ),
    Entry(
        "mapper", _CLIPFACE, "the paper's edits (edit --mapper NAME)",
        f"the texture and expression manipulation models: {_CLIPFACE_SITE}",
    ),
    Entry(
        "motion-mapper", _CLIPFACE, "textures that follow a sequence (animate --mapper NAME)",
        f"the video manipulation models, or their zero-offset start: {_CLIPFACE_SITE}",
    ),
    Entry(
        "latents", _CLIPFACE, "the paper's heads to start from, by name",
        f"the UV texture latent codes, a zip: {_CLIPFACE_SITE}",
    ),
    Entry(
        "expressions", _CLIPFACE, "the paper's sequences, by name",
        f"the video manipulation dataset, a folder a sequence: {_CLIPFACE_SITE}",
    ),
)  # fmt: skip

# Published SHA-256 of files whose makers publish one.
PUBLISHED = {
    "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af": "OpenAI ViT-B/32",
    "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f": "OpenAI ViT-B/16",
    "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836": "OpenAI ViT-L/14",
    "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02": "OpenAI ViT-L/14@336px",
}


def home() -> Path:
    """The folder of imported assets: $CLIPFACE_HOME, else the platform's data folder."""
    if chosen := os.environ.get("CLIPFACE_HOME"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "~")).expanduser() / "clipface"
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/clipface").expanduser()
    return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "clipface"


def entry(name: str) -> Entry | None:
    """The entry of that name."""
    return next((e for e in ENTRIES if e.name == name), None)
