"""Image domain of the discriminators: renders on photos' heads, or UV textures."""

from pathlib import Path
from typing import Protocol

from torch import Tensor

from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.train.gan.data_loader import ImageFiles
from clipface_cli.train.gan.dataset import Dataset


class ImageDomain(Protocol):
    """images: the real ones; renderer: draws the head's faces. All is on the head's device."""

    head: HeadModel
    images: ImageFiles
    renderer: Renderer

    def render_fakes(self, textures: Tensor, rows: Tensor) -> Tensor:
        """Fake images (B, 3, R, R) of textures (B, 3, R, R), beside the real ones of `rows` (B,).

        Values in [-1, 1].
        """

    def face_images(self, images: Tensor) -> Tensor:
        """Real or fake images of this domain as pictures of faces (B, 3, R, R) in [-1, 1]."""


class RenderDomain:
    """Masked photos, and textures rendered on the photos' heads (sec. 3.1)."""

    def __init__(self, dataset: Dataset, head: HeadModel, resolution: int) -> None:
        self.dataset, self.head, self.images = dataset, head, dataset.images
        self.renderer = Renderer(head, resolution, exclude=head.inside_mouth)

    def render_fakes(self, textures: Tensor, rows: Tensor) -> Tensor:
        """Textures (B, 3, R, R) on the heads of photos `rows` (B,), seen by the photos' cameras."""
        vertices, camera = self.dataset.heads(rows, self.head)
        image, _ = self.renderer(vertices, textures.float(), camera)
        return image.to(textures.dtype)

    def face_images(self, images: Tensor) -> Tensor:
        """The images (B, 3, R, R) themselves: they are pictures of faces already."""
        return images


class TextureDomain:
    """UV textures from a folder's uv/, in the head's layout, compared with fakes unrendered."""

    def __init__(self, folder: Path, head: HeadModel, resolution: int, cache_gib: float) -> None:
        self.head = head
        paths = sorted((folder / "uv").glob("*.png"))
        if not paths:
            raise InputError(f"{folder}/uv holds no PNG; put UV maps there.")
        self.images = ImageFiles(paths, resolution, cache_gib)
        self.renderer = Renderer(head, resolution, exclude=head.inside_mouth)

    def render_fakes(self, textures: Tensor, rows: Tensor) -> Tensor:
        """The textures (B, 3, R, R), unchanged."""
        return textures

    def face_images(self, images: Tensor) -> Tensor:
        """Textures (B, 3, R, R) rendered on the mean head, from the front."""
        vertices = self.head.template - self.head.origin
        camera = Camera.front(len(images), images.device)
        image, _ = self.renderer(vertices.expand(len(images), -1, -1), images.float(), camera)
        return image


def open_domain(folder: Path, head: HeadModel, resolution: int, cache_gib: float) -> ImageDomain:
    """The domain of a folder with UV maps or of a dataset of photos; InputError for others."""
    if (folder / "uv").is_dir():
        return TextureDomain(folder, head, resolution, cache_gib)
    return RenderDomain(Dataset.load(folder, resolution, head, cache_gib), head, resolution)
