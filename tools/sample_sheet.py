"""Draw docs/sample.jpg: a sheet of sampled heads.

    clipface sample -n 24 -o heads
    python tools/sample_sheet.py heads

Shows each head from the front and at three quarters.
"""

import argparse
from pathlib import Path

import torch
from PIL import Image

from clipface_cli.artifacts import Pixels, contact_sheet, load_pixels, read_obj
from clipface_cli.head import HeadModel
from clipface_cli.portrait import portraits

OUTPUT = Path(__file__).parents[1] / "docs/sample.jpg"
ACROSS = 4  # people
SIZE = 192


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("heads", type=Path)
    head, folder = HeadModel.load("builtin"), parser.parse_args().heads
    people = [views(head, path) for path in sorted(folder.glob("*.obj"))]
    cards = [people[i : i + ACROSS] for i in range(0, len(people), ACROSS)]
    rows = [[picture for card in row for picture in card] for row in cards]
    Image.fromarray(contact_sheet(rows)).save(OUTPUT, quality=80)


def views(head: HeadModel, path: Path) -> list[Pixels]:
    """Portraits (front, three-quarter) of one mesh."""
    mesh = read_obj(path)
    if mesh.texture is None:
        raise SystemExit(f"{path} has no texture.")
    vertices = torch.from_numpy(mesh.vertices).float()
    return portraits(head, vertices, load_pixels(mesh.texture), resolution=SIZE)


if __name__ == "__main__":
    main()
