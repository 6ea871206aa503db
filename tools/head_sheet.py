"""Draw docs/head_shapes.png: the embedded head at -3 and +3 deviations of its first components.

    python tools/head_sheet.py

Each row is one component; each half shows the front, both sides and the view from above.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image

from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.portrait import portraits

OUTPUT = Path(__file__).parents[1] / "docs/head_shapes.png"
VIEWS = [(0, 0), (math.pi / 2, 0), (-math.pi / 2, 0), (0, -math.radians(75))]
SKIN = np.full((64, 64, 3), (198, 160, 138), np.uint8)
SIZE = 200


def main() -> None:
    """Write the sheet."""
    head = HeadModel.load("builtin")
    rows = []
    for component in range(10):
        row = []
        for deviations in (-3.0, 3.0):
            params = HeadParams.neutral()
            params.shape[0, component] = deviations
            row += portraits(head, head.pose_head(params)[0], SKIN, VIEWS, resolution=SIZE)
        rows.append(np.concatenate(row, axis=1))
    Image.fromarray(np.concatenate(rows)).save(OUTPUT, optimize=True)


if __name__ == "__main__":
    main()
