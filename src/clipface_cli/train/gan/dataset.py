"""Masked photos (or renders) on disk with the head and camera of each, as `preprocess` writes."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from clipface_cli.artifacts.dataset import PARAMETERS, TABLE
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.render import Camera
from clipface_cli.texture import load_state
from clipface_cli.train.gan.data_loader import ImageFiles


@dataclass(frozen=True)
class Dataset:
    """Images, and row i's head parameters and camera (N, 3)."""

    images: ImageFiles
    params: HeadParams
    camera: Tensor

    @classmethod
    def load(
        cls, folder: Path, resolution: int, head: HeadModel, cache_gib: float = 4.0
    ) -> "Dataset":
        """Find images/ and read params.safetensors; InputError when they disagree.

        Images are read when they are needed; `cache_gib` of them stay in memory. Parameters and
        cameras go where the head is.
        """
        table = folder / TABLE
        paths = sorted((folder / "images").glob("*/*.png"))
        if not table.is_file() or not paths:
            raise InputError(
                f"{folder} is no dataset: it needs params.safetensors and images/, or maps in uv/."
            )
        rows = load_state(table)
        missing = [name for name in PARAMETERS if name not in rows]
        if missing or len(rows["shape"]) != len(paths):
            problem = f"lacks {missing[0]}" if missing else "has another number of rows than images"
            raise InputError(f"{table} {problem}; write the dataset again.")
        sizes = (rows["shape"].shape[1], rows["expression"].shape[1])
        if sizes != (head.shape_size, head.expression_size):
            raise InputError(f"{folder} was fitted with another head ({sizes} coefficients).")
        params = HeadParams(rows["shape"], rows["expression"], rows["pose"])
        device = head.template.device
        images = ImageFiles(paths, resolution, cache_gib)
        return cls(images, params.to(device), rows["camera"].to(device))

    def __len__(self) -> int:
        return len(self.images)

    def heads(self, rows: Tensor, head: HeadModel) -> tuple[Tensor, Camera]:
        """Vertices (B, V, 3) and cameras, each tuple from one photo (never mixed)."""
        rows = rows.to(self.camera.device, non_blocking=True)
        return head.pose_head(self.params[rows]), Camera(self.camera[rows])
