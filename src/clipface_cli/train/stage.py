"""Where discriminators see textures: on the heads of photos, or spread out as they are."""

from pathlib import Path
from typing import Protocol

from torch import Tensor

from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer, usable_backend
from clipface_cli.train.dataset import Dataset
from clipface_cli.train.pictures import Pictures


class Stage(Protocol):
    """pictures: what is real; renderer: draws faces with the stage's head."""

    pictures: Pictures
    renderer: Renderer

    def show(self, textures: Tensor, rows: Tensor) -> Tensor:
        """Textures (B, 3, R, R) as they are judged beside the pictures of these rows."""

    def faces(self, shown: Tensor) -> Tensor:
        """Pictures, or what `show` gave, as images of faces (B, 3, R, R)."""


class PhotoStage:
    """The heads of a dataset through the renderer (paper section 3.1).

    Without nvdiffrast heads are drawn on the CPU, also where the textures lie on a GPU.
    """

    def __init__(self, dataset: Dataset, head: HeadModel, resolution: int) -> None:
        self.dataset, self.head, self.pictures = dataset, head, dataset.pictures
        self.renderer = Renderer(head, resolution, usable_backend(), exclude=head.inside_mouth)

    def show(self, textures: Tensor, rows: Tensor) -> Tensor:
        """Textures on the heads of these photos."""
        vertices, camera = self.dataset.heads(rows, self.head)
        vertices, camera = vertices.to(textures.device), camera.to(textures.device)
        image, _ = self.renderer(vertices, textures.float(), camera)
        return image.to(textures.dtype)

    def faces(self, shown: Tensor) -> Tensor:
        """They are."""
        return shown


class MapStage:
    """UV maps in a folder's uv/, all in the head's layout: they and textures are judged alike."""

    def __init__(self, folder: Path, head: HeadModel, resolution: int, cache_gib: float) -> None:
        self.head = head
        paths = sorted((folder / "uv").glob("*.png"))
        if not paths:
            raise InputError(f"{folder}/uv holds no PNG; put UV maps there.")
        self.pictures = Pictures(paths, resolution, cache_gib)
        self.renderer = Renderer(head, resolution, usable_backend(), exclude=head.inside_mouth)

    def show(self, textures: Tensor, rows: Tensor) -> Tensor:
        """As they are."""
        return textures

    def faces(self, shown: Tensor) -> Tensor:
        """Maps on the mean head, from the front."""
        vertices = (self.head.template - self.head.origin).to(shown.device)
        camera = Camera.front(len(shown)).to(shown.device)
        image, _ = self.renderer(vertices.expand(len(shown), -1, -1), shown.float(), camera)
        return image


def open_stage(folder: Path, head: HeadModel, resolution: int, cache_gib: float) -> Stage:
    """For a folder with UV maps or a dataset of photos; InputError when it is neither."""
    if (folder / "uv").is_dir():
        return MapStage(folder, head, resolution, cache_gib)
    return PhotoStage(Dataset.load(folder, resolution, head, cache_gib), head, resolution)
