"""docs/photos.png: a fit over its photo and the masked image, for NASA's astronaut portrait."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from skimage.data import astronaut

from clipface_cli.artifacts import contact_sheet, save_image
from clipface_cli.head import HeadParams
from clipface_cli.photos.align import crop, whole
from clipface_cli.photos.overlay import wireframe
from clipface_cli.photos.preprocess import Settings, load_head, load_studio

SIZE = 400


def main() -> None:
    """Draw it."""
    settings = Settings(resolution=SIZE)
    close = np.ascontiguousarray(astronaut()[:260, 90:350])
    with TemporaryDirectory() as folder:
        Image.fromarray(close).save(Path(folder) / "a.png")
        piece = load_studio(settings).process(Path(folder), ["a.png"])
    head, tables = load_head(settings), piece.tables
    params = HeadParams(tables["shape"], tables["expression"], tables["pose"])
    photo = crop(close, whole(close), SIZE)
    fit = wireframe(photo, head, head.pose_head(params), tables["camera"])
    save_image("docs/photos.png", contact_sheet([[photo, fit, piece.images[0]]]))


if __name__ == "__main__":
    main()
