"""Hostile files: each is refused with a sentence, nothing runs, nothing is written."""

import contextlib
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from clipface_cli.assets import Refused, read_asset

GIB = 1 << 30


class Call:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.function, self.arguments


def command(marker: Path) -> str:
    return f"touch {marker}"


def dumped(value: object, protocol: int = 2) -> bytes:
    return pickle.dumps(value, protocol=protocol)


def wrapped(dtype: str, shape: str, raw: bytes) -> bytes:
    """A numpy array pickle with a state of our own."""
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tC\x01btR"
    kind = f"cnumpy\ndtype\n(U{chr(len(dtype))}{dtype}I0\nI1\ntR".encode("latin-1")
    state = b"(K\x01" + shape.encode() + kind + b"I00\n" + raw + b"tb"
    return b"\x80\x02" + array + state + b"."


def torch_file(tree: object) -> bytes:
    file = io.BytesIO()
    torch.save(tree, file)
    return file.getvalue()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tensor_pickle(storage: str, count: int, size: str, stride: str) -> bytes:
    """data.pkl of a torch archive with one tensor, as text instructions."""
    return (
        "(dS'w'\nctorch._utils\n_rebuild_tensor_v2\n"
        f"((S'storage'\nctorch\n{storage}\nS'0'\nS'cpu'\nI{count}\ntQI0\n{size}{stride}I00\n"
        "ccollections\nOrderedDict\n(tRtRs."
    ).encode()


def tar_with(*names: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return file.getvalue()


def safetensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(shape: list[object], offsets: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


def laughs() -> bytes:
    """A list of lists that doubles thirty times."""
    body = b"\x80\x02]q\x00"
    for level in range(30):
        body += b"](h" + bytes([level]) + b"h" + bytes([level]) + b"eq" + bytes([level + 1])
    return body + b"."


def sparse(shape: tuple[int, int]) -> bytes:
    from scipy.sparse import csc_matrix

    matrix = csc_matrix((5, 4))
    matrix._shape = shape
    keys = ("v_template", "shapedirs", "posedirs", "weights", "kintree_table", "f")
    return dumped({**{key: np.zeros((4, 3)) for key in keys}, "J_regressor": matrix})


def chained() -> bytes:
    """getattr(getattr(str, '__class__'), 'mro') by way of names."""
    return b"c__builtin__\ngetattr\n(c__builtin__\nstr\nS'mro'\ntR(tR."


HOSTILE: dict[str, Callable[[Path], bytes]] = {
    **{
        f"system-{protocol}": lambda marker, p=protocol: dumped(
            {"exp": Call(os.system, command(marker))}, p
        )
        for protocol in range(6)
    },
    "system-in-torch": lambda marker: torch_file({"w": Call(os.system, command(marker))}),
    "eval": lambda marker: dumped(Call(eval, f"open({str(marker)!r}, 'w')")),
    "exec": lambda marker: dumped([Call(exec, f"open({str(marker)!r}, 'w')")]),
    "inst": lambda marker: f"(S'{command(marker)}'\nios\nsystem\n.".encode(),
    "obj": lambda marker: f"(cos\nsystem\nS'{command(marker)}'\no.".encode(),
    "newobj": lambda marker: b"\x80\x02csubprocess\nPopen\n(U\x04true\x85\x81.",
    "build": lambda marker: b"\x80\x02cnumpy\nndarray\n}U\x08__init__cos\nsystem\nsb.",
    "getattr": lambda marker: chained(),
    "getattr-object": lambda marker: dumped(Call(getattr, "text", "upper")),
    "numpy-attribute": lambda marker: b"\x80\x02cnumpy.f2py\ncompile\n(U\x01xtR.",
    "dotted": lambda marker: b"\x80\x04\x8c\x05numpy\x8c\x13core.multiarray.os\x93.",
    "torch-load": lambda marker: b"\x80\x02ctorch.serialization\nload\n(U\x01xtR.",
    "storage-load-from-code": lambda marker: dumped(
        Call(torch.storage._load_from_bytes, torch_file(Call(os.system, command(marker))))
    ),
    "extension": lambda marker: b"\x80\x02\x82\x01.",
    "persistent": lambda marker: b"\x80\x02Pos.system\n.",
    "object-array": lambda marker: dumped({"v_template": np.array([{}, None], object)}),
    "object-array-file": lambda marker: npy(np.array([Call(os.system, command(marker))], object)),
    "boxed-call": lambda marker: npy(np.array(Call(os.system, command(marker)), object)),
    "huge-shape": lambda marker: wrapped("f8", "I4000000000\nI4000000000\n\x86", b"U\x01x"),
    "negative-shape": lambda marker: wrapped("f8", "I-1\n\x85", b"U\x00"),
    "void-dtype": lambda marker: wrapped("V9", "I1\n\x85", b"U\x09123456789"),
    "repeated-array": lambda marker: dumped([np.zeros(1 << 20)] * 1)[:-100],
    "deep-lists": lambda marker: b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".",
    "deep-tuples": lambda marker: b"\x80\x02)" + b"\x85" * 200_000 + b".",
    "many-dicts": lambda marker: b"\x80\x02(" + b"}" * 5_000_000 + b"l.",
    "doubling": lambda marker: laughs(),
    "itself": lambda marker: b"\x80\x02]q\x00h\x00a.",
    "tuple-key": lambda marker: b"\x80\x02}" + b")" + b"2\x86" * 40 + b"Ns.",
    "memo": lambda marker: b"\x80\x02Nr\xff\xff\xff\x7f" + b"j\xfe\xff\xff\x7f.",
    "lying-bytes": lambda marker: b"\x80\x04\x8e" + struct.pack("<Q", 64 * GIB) + b"x.",
    "lying-text": lambda marker: b"\x80\x04\x8d" + struct.pack("<Q", 64 * GIB) + b"x.",
    "lying-python2-text": lambda marker: b"\x80\x02T\xff\xff\xff\x7fx.",
    "long-number": lambda marker: b"\x80\x02\x8b\xff\xff\xff\x7fx.",
    "long-decimal": lambda marker: b"I" + b"9" * 1_000_000 + b"\n.",
    "empty": lambda marker: b"",
    "sparse": lambda marker: sparse((1 << 30, 1 << 30)),
    "tar": lambda marker: tar_with("../../evil.py"),
    "tar-absolute": lambda marker: tar_with("/etc/cron.d/evil"),
    "tar-plain": lambda marker: tar_with("model.pth"),
    "zip": lambda marker: zipped({"../evil.py": b"", "a/data.pkl": b"N."}),
    "zip-plain": lambda marker: zipped({"model.txt": b"text"}),
    "zip-bomb": lambda marker: zipped({"a.npy": bytes(GIB // 6)}, zipfile.ZIP_DEFLATED),
    "zip-of-code": lambda marker: zipped(
        {"laugh/0.pkl": dumped({"exp": Call(os.system, command(marker))})}
    ),
    "zip-of-torch-code": lambda marker: zipped(
        {"codes/0.pt": torch_file(Call(os.system, command(marker)))}
    ),
    "zip-bomb-of-codes": lambda marker: zipped({"0.pt": bytes(GIB // 6)}, zipfile.ZIP_DEFLATED),
    "zip-of-windows": lambda marker: zipped(
        {f"{i}.pt": torch_file(torch.zeros(1).expand(900, 18, 512)) for i in range(20)}
    ),
    "zip-in-zip": lambda marker: zipped({"0.pt": zipped({"0.pt": zipped({"0.pt": b"N."})})}),
    "npz-lies": lambda marker: zipped({"a.npy": npy_header("(1000000, 1000000)")}),
    "npz-code": lambda marker: zipped({"a.npy": npy(np.array([{}], object))}),
    "npy-header": lambda marker: npy_header("(1,").replace(b"}", b" "),
    "compressed-torch": lambda marker: zipped({"a/data.pkl": b"N."}, zipfile.ZIP_DEFLATED),
    "missing-storage": lambda marker: zipped(
        {"a/data.pkl": tensor_pickle("FloatStorage", 1, "(I1\nt", "(I1\nt")}
    ),
    "short-storage": lambda marker: zipped(
        {
            "a/data.pkl": tensor_pickle("FloatStorage", 100, "(I1\nt", "(I1\nt"),
            "a/data/0": bytes(8),
        }
    ),
    "tensor-outside": lambda marker: zipped(
        {"a/data.pkl": tensor_pickle("FloatStorage", 2, "(I9\nt", "(I1\nt"), "a/data/0": bytes(8)}
    ),
    "expanded-tensor": lambda marker: zipped(
        {
            "a/data.pkl": tensor_pickle(
                "FloatStorage", 2, "(I100000\nI100000\nt", "(I0\nI0\nt"
            ),
            "a/data/0": bytes(8),
        }
    ),
    "script-code": lambda marker: zipped(
        {"a/data.pkl": b"cos\nsystem\n(S'true'\ntR.", "a/constants.pkl": b")."}
    ),
    "header-length": lambda marker: safetensors({}, length=1 << 39),
    "header-outside": lambda marker: safetensors(entry([100], [0, 400])),
    "header-shape": lambda marker: safetensors(entry([1 << 40], [0, 4]), bytes(4)),
    "header-negative": lambda marker: safetensors(entry([-1], [0, 4]), bytes(4)),
    "header-text-shape": lambda marker: safetensors(entry(["1"], [0, 4]), bytes(4)),
    "header-dtype": lambda marker: safetensors(entry([1], [0, 4], "OBJECT"), bytes(4)),
    "header-gap": lambda marker: safetensors(entry([1], [4, 8]), bytes(8)),
    "header-tail": lambda marker: safetensors(entry([1], [0, 4]), bytes(8)),
    "header-nested": lambda marker: safetensors(b'{"a":' + b"[" * 100_000),
    "header-list": lambda marker: safetensors(b'{"__metadata__":[]}'),
    "text": lambda marker: b"Hello, I am a text file.\n",
    "html": lambda marker: b"<!DOCTYPE html><html>Sign in</html>\n",
    "obj-damaged": lambda marker: b"v 0 0 0\nv 1 0 0\nf 1 2 9\n",
}  # fmt: skip


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npy_header(shape: str) -> bytes:
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of hostile files; whatever runs leaves a file `ran`."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, build in HOSTILE.items():
        (folder / f"{name}.bin").write_bytes(build(folder / "ran"))
    return folder


IMPORT_ALL = """
import json, sys
from pathlib import Path
from clipface_cli.cli import app, run
codes = {}
for path in sorted(Path(sys.argv[1]).glob("*.bin")):
    print(f"== {path.stem}", file=sys.stderr, flush=True)
    codes[path.stem] = run(app, ["assets", "import", str(path)])
status = Path("/proc/self/status").read_text()  # ru_maxrss would count the parent's memory too
print(json.dumps({"codes": codes, "peak": int(status.split("VmHWM:")[1].split()[0]) * 1024}))
"""


def test_every_hostile_file_is_refused_in_little_memory(hostile: Path, asset_home: Path) -> None:
    before = sorted(hostile.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, str(hostile)],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    told = json.loads(done.stdout.splitlines()[-1])
    assert {name: code for name, code in told["codes"].items() if code != 2} == {}
    assert len(told["codes"]) == len(HOSTILE)
    assert told["peak"] < 500e6
    sentences = done.stderr.split("== ")[1:]
    for sentence in sentences:
        name, message = sentence.strip().split("\n")
        assert f"{name}.bin is" in message
        assert "Unexpected" not in message
    assert sorted(hostile.iterdir()) == before
    assert not asset_home.exists()


def test_the_sentence_names_what_the_file_asks_for(hostile: Path) -> None:
    with pytest.raises(Refused, match=r"system-2.bin is refused: it asks for '(posix|nt).system'"):
        read_asset(hostile / "system-2.bin")
    with pytest.raises(Refused, match="names that lead out of it; nothing was unpacked"):
        read_asset(hostile / "tar.bin")


def test_files_cut_off_anywhere_are_refused(tmp_path: Path) -> None:
    state = {"net.0.weight": torch.randn(16, 3), "b4.out.weight": torch.randn(1, 16)}
    torch.save(state, tmp_path / "new.pth")
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    frame = {"exp": np.zeros((1, 50)), "pose": np.zeros((1, 6))}
    (tmp_path / "frame.pkl").write_bytes(dumped(frame))
    np.savez(tmp_path / "frame.npz", **frame)
    for path in sorted(tmp_path.glob("*.*")):
        whole = path.read_bytes()
        assert read_asset(path).arrays
        cut = path.with_name(f"cut{path.suffix}")
        for length in {*range(0, len(whole), max(1, len(whole) // 40)), len(whole) - 1}:
            cut.write_bytes(whole[:length])
            with pytest.raises(Refused, match="refused"):
                read_asset(cut)


def test_flipped_bytes_never_do_more_than_be_refused(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    frame = dumped({"exp": np.zeros((1, 50)), "pose": np.zeros((1, 6)), "n": np.float64(1)})
    state = torch_file({"net.0.weight": torch.randn(4, 3), "b4.out.weight": torch.randn(1, 4)})
    path = tmp_path / "flipped.bin"
    for whole in (frame, state):
        for _ in range(150):
            damaged = bytearray(whole)
            for place in chance.integers(0, len(whole), 3):
                damaged[place] = chance.integers(256)
            path.write_bytes(damaged)
            with contextlib.suppress(Refused):
                read_asset(path)
