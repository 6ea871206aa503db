"""Seeded damage to files, for readers that must refuse or read whatever comes."""

import json
import random
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

from clipface_cli.errors import ClipfaceError

LIMIT_S = 5.0  # for one file, on a busy machine
WORDS = (
    b"0 -1 1e308 nan inf 4294967295 99999999999999999999 -2147483648 ../../x # \\ <UDIM> %s".split()
)
VALUES = (None, True, -1, 0, 1, 1.5, 1e308, 2**31, 2**40, 2**63, "", "x", "data:,", "\ud800")
VALUES += ([], {}, [[]])


def mutations(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Damaged copies: bytes changed, words replaced, parts cut, repeated, moved, the end lost."""
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        changed = data
        for _ in range(rng.choice((1, 1, 2, 4))):
            changed = rng.choice(CHANGES)(changed, rng)
        yield changed


def json_mutations(text: bytes, count: int, seed: int) -> Iterator[bytes]:
    """JSON of which some values are others, or gone."""
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        root = json.loads(text)
        for _ in range(rng.choice((1, 1, 2, 3))):
            _replace_one(root, rng)
        yield json.dumps(root).encode()


def glb(text: bytes, blob: bytes) -> bytes:
    """A GLB of JSON and binary data."""
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<II", len(blob), 0x004E4942) + blob
    return b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def survives(read: Callable[[], Any], what: str) -> bool:
    """Whether a reader takes the file; it may refuse it, but neither break nor take long."""
    begun = time.monotonic()
    try:
        read()
        taken = True
    except ClipfaceError:
        taken = False
    except Exception as error:
        raise AssertionError(f"{what}: {error!r}") from error
    assert time.monotonic() - begun < LIMIT_S, f"{what} takes too long"
    return taken


def _bytes(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 8))):
        if changed:
            changed[rng.randrange(len(changed))] = rng.choice((0, 255, 127, rng.randrange(256)))
    return bytes(changed)


def _word(data: bytes, rng: random.Random) -> bytes:
    words = data.split(b" ")
    words[rng.randrange(len(words))] = rng.choice(WORDS)
    return b" ".join(words)


def _cut(data: bytes, rng: random.Random) -> bytes:
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:start] + data[min(end, start + 64) :]


def _repeat(data: bytes, rng: random.Random) -> bytes:
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[start:end] * rng.choice((1, 3)) + data[end:]


def _move(data: bytes, rng: random.Random) -> bytes:
    a, b, c = sorted(rng.randrange(len(data) + 1) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _end(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


CHANGES = (_bytes, _bytes, _bytes, _word, _word, _cut, _repeat, _move, _end)


def _replace_one(root: Any, rng: random.Random) -> None:
    """Give one member of a JSON value, at any depth, another value, or take it away."""
    places = list(_places(root))
    if not places:
        return
    parent, key = rng.choice(places)
    if rng.random() < 0.2:
        del parent[key]
    elif rng.random() < 0.2:
        other, name = rng.choice(places)
        parent[key] = json.loads(json.dumps(other[name]))
    else:
        parent[key] = rng.choice(VALUES)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    entries = list(value.items() if isinstance(value, dict) else enumerate(value))
    for key, inner in entries:
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from _places(inner)
