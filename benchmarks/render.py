"""Time the renderer on the embedded head against a peer: a table, and JSON.

The peer is deodr where it is installed (pip install --no-deps deodr==0.2.3), else a rasteriser
in plain PyTorch. Both run in turn in this process; times are medians per image.
"""

import argparse
import atexit
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.render import (
    Camera,
    Renderer,
    antialias,
    antialias_construct_topology_hash,
    flip_v,
    interpolate,
    rasterize,
    texture,
)

Steps = dict[str, Callable[[], object]]

TEXELS = 512
WORK = ("forward", "+ texture", "+ vertices")
STARTUP = """
import time, torch
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
head, texture = HeadModel.load("builtin"), torch.zeros(1, 3, 512, 512)
start = time.perf_counter()
Renderer(head, 512)(head.template[None], texture, Camera.front())
print(time.perf_counter() - start)
"""


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--peer", choices=["deodr", "pytorch"])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/render.json"))
    parser.add_argument("--busy", action="store_true", help="keep one core busy meanwhile")
    parser.add_argument("--memory", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        print_peak_memory(*options.memory)
        return
    head = HeadModel.load("builtin")
    peer = options.peer or ("deodr" if find_spec("deodr") else "pytorch")
    if options.busy:
        busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        atexit.register(busy.kill)
    results = {
        "busy": options.busy,
        "machine": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "peer": peer,
        "against the peer": compare(head, peer, options.repeats),
        "scaling": scaling(head, options.repeats),
        "first image in a new process, seconds": startup(),
    }
    print(f"first image in a new process: {results['first image in a new process, seconds']:.2f} s")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=2))
    print(options.out)


def compare(head: HeadModel, peer: str, repeats: int) -> list[dict[str, Any]]:
    """Milliseconds an image, the peer's, their ratio, and peak memory, at each size."""
    rows = []
    print(f"{torch.get_num_threads()} threads; milliseconds an image, x as fast as {peer}")
    for resolution in (224, 512):
        for batch in (1, 8):
            sides = {
                "Renderer": ours_steps(head, resolution, batch),
                "one by one": operation_steps(head, resolution, batch),
                "peer": PEERS[peer](head, resolution),
            }
            times = alternate(sides, repeats)
            for side in ("Renderer", "one by one"):
                row: dict[str, Any] = {"side": side, "resolution": resolution, "batch": batch}
                for work in WORK:
                    mine, other = times[side, work] / batch, times["peer", work]
                    row[work] = {"ms": mine, "peer ms": other, "ratio": other / mine}
                cells = "".join(
                    f"  {work} {row[work]['ms']:6.2f} {row[work]['ratio']:5.1f}x" for work in WORK
                )
                print(f"{resolution:4} batch {batch:2} {side:10}{cells}", flush=True)
                rows.append(row)
            rows[-2]["peak MB"] = peak_memory(resolution, batch)
    return rows


def scaling(head: HeadModel, repeats: int) -> list[dict[str, Any]]:
    """Milliseconds an image at 512² as triangles, batch and threads grow."""
    rows = []
    meshes, mesh = {}, as_mesh(head)
    for factor in (1, 4, 16):
        meshes[factor] = mesh
        mesh = subdivided(mesh)
    cases = [(factor, 1, 0) for factor in meshes]
    cases += [(1, batch, 0) for batch in (2, 4, 8, 16, 32)]
    cases += [(1, 8, threads) for threads in (1, 2)]
    for factor, batch, threads in cases:
        with at_most(threads):
            steps = ours_steps(meshes[factor], 512, batch)
            times = alternate({"ours": steps}, max(3, repeats // 4))
            row = {work: times["ours", work] / batch for work in WORK}
            used = torch.get_num_threads()
        rows.append({"triangles": factor, "batch": batch, "threads": used, **row})
        cells = "".join(f"  {work} {row[work]:6.2f}" for work in WORK)
        print(f"triangles x{factor:2} batch {batch:2} threads {used}{cells}")
    return rows


@contextmanager
def at_most(threads: int) -> Iterator[None]:
    """Compute on this many threads; 0 leaves them as they are."""
    before = torch.get_num_threads()
    if threads:
        torch.set_num_threads(threads)
    yield
    torch.set_num_threads(before)


def startup() -> float:
    """Seconds to the first image after the imports, in a process that finds compiled kernels."""
    command = [sys.executable, "-c", STARTUP]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def alternate(sides: dict[str, Steps], repeats: int) -> dict[tuple[str, str], float]:
    """Median milliseconds of every step, taken in turns after a first call that may compile."""
    times: dict[tuple[str, str], list[float]] = {}
    for turn in range(repeats + 1):
        for side, steps in sides.items():
            for work, step in steps.items():
                start = time.perf_counter()
                step()
                if turn:
                    elapsed = 1000 * (time.perf_counter() - start)
                    times.setdefault((side, work), []).append(elapsed)
    return {key: statistics.median(values) for key, values in times.items()}


def peak_memory(resolution: int, batch: int) -> float:
    """Megabytes above the inputs at the peak of a gradient to texture and vertices."""
    command = [sys.executable, __file__, "--memory", str(resolution), str(batch)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_peak_memory(resolution: int, batch: int) -> None:
    """In a process of its own, with kernels loaded before: NaN where there is no /proc."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    head = HeadModel.load("builtin")
    ours_steps(head, 16, 1)[WORK[2]]()
    step = ours_steps(head, resolution, batch)[WORK[2]]
    if not reset.exists():
        print("nan")
        return

    def megabytes(field: str) -> float:
        line = next(x for x in status.read_text().splitlines() if x.startswith(field))
        return int(line.split()[1]) / 1024

    before = megabytes("VmRSS")
    reset.write_text("5")
    step()
    print(megabytes("VmHWM") - before)


def as_mesh(head: HeadModel) -> SimpleNamespace:
    """What a renderer needs of the head, and its template."""
    return SimpleNamespace(
        template=head.template, faces=head.faces, uv=head.uv, uv_faces=head.uv_faces, masks={}
    )


def subdivided(mesh: SimpleNamespace) -> SimpleNamespace:
    """Four triangles for each."""
    template, faces = _split(mesh.template, mesh.faces)
    uv, uv_faces = _split(mesh.uv, mesh.uv_faces)
    return SimpleNamespace(template=template, faces=faces, uv=uv, uv_faces=uv_faces, masks={})


def _split(points: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
    faces = faces.long()
    edges = faces[:, [[0, 1], [1, 2], [2, 0]]].sort(-1).values.reshape(-1, 2)
    unique, middle = edges.unique(dim=0, return_inverse=True)
    ab, bc, ca = (middle.view(-1, 3) + len(points)).unbind(1)
    a, b, c = faces.unbind(1)
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    split = torch.cat([torch.stack(part, 1) for part in parts])
    return torch.cat([points, points[unique].mean(1)]), split


def ours_steps(head: Any, resolution: int, batch: int) -> Steps:
    """The three kinds of work, on a batch."""
    torch.manual_seed(0)
    renderer = Renderer(head, resolution)
    vertices = head.template[None].repeat(batch, 1, 1)
    texture = torch.rand(1, 3, TEXELS, TEXELS) * 2 - 1
    camera = Camera.turned([3.0 * i for i in range(batch)])
    weights = torch.rand(batch, 3, resolution, resolution)

    def backward(*leaves: Tensor) -> None:
        for leaf in leaves:
            leaf.grad = None
        image, _ = renderer(leaves[1] if leaves[1:] else vertices, leaves[0], camera)
        image.backward(weights)

    texture_leaf, vertices_leaf = (x.clone().requires_grad_() for x in (texture, vertices))
    return {
        WORK[0]: lambda: renderer(vertices, texture, camera),
        WORK[1]: lambda: backward(texture_leaf),
        WORK[2]: lambda: backward(texture_leaf, vertices_leaf),
    }


def operation_steps(head: Any, resolution: int, batch: int) -> Steps:
    """The same by the four public operations, called one by one as nvdiffrast's users do."""
    torch.manual_seed(0)
    vertices = head.template[None].repeat(batch, 1, 1)
    tex = torch.rand(1, TEXELS, TEXELS, 3) * 2 - 1
    camera = Camera.turned([3.0 * i for i in range(batch)])
    tri, uv, uv_tri = head.faces.int(), flip_v(head.uv), head.uv_faces.int()
    topology = antialias_construct_topology_hash(tri)
    weights = torch.rand(batch, resolution, resolution, 3)

    def draw(vertices: Tensor, tex: Tensor) -> Tensor:
        pos = camera.to_clip(vertices)
        rast, _ = rasterize(pos, tri, (resolution, resolution))
        places, _ = interpolate(uv, rast, uv_tri)
        color = texture(tex, places) * (rast[..., 3:] > 0)
        return antialias(color, rast, pos, tri, topology)

    def backward(*leaves: Tensor) -> None:
        for leaf in leaves:
            leaf.grad = None
        draw(leaves[1] if leaves[1:] else vertices, leaves[0]).backward(weights)

    texture_leaf, vertices_leaf = (x.clone().requires_grad_() for x in (tex, vertices))
    return {
        WORK[0]: lambda: draw(vertices, tex),
        WORK[1]: lambda: backward(texture_leaf),
        WORK[2]: lambda: backward(texture_leaf, vertices_leaf),
    }


def deodr_steps(head: HeadModel, resolution: int) -> Steps:
    """The same for one image by deodr's compiled code, with our camera, without its checks.

    Its backward always goes to texture and to vertices in the image both.
    """
    from deodr.differentiable_renderer import Scene2D, renderScene, renderSceneB

    camera = Camera.turned([0.0])

    def project() -> tuple[Any, Any]:
        clip = camera.to_clip(head.template[None])[0].double()
        at = (clip[:, :2] * torch.tensor([1.0, -1.0]) + 1) * resolution / 2 - 0.5
        return at.numpy(), clip[:, 2].numpy() + 2

    ij, depths = project()
    faces, uv_faces = (x.numpy().astype(np.uint32) for x in (head.faces, head.uv_faces))
    opposite = antialias_construct_topology_hash(head.faces).numpy()
    rng = np.random.default_rng(0)
    count, vertices = len(faces), len(ij)
    scene = Scene2D(
        faces=faces,
        faces_uv=uv_faces,
        ij=ij,
        depths=depths,
        textured=np.ones(count, bool),
        uv=flip_v(head.uv).double().numpy() * (TEXELS - 1),
        shade=np.ones(vertices),
        colors=np.zeros((vertices, 3)),
        shaded=np.ones(count, bool),
        edgeflags=np.zeros((count, 3), bool),
        height=resolution,
        width=resolution,
        nb_colors=3,
        texture=rng.random((TEXELS, TEXELS, 3)),
        background_color=np.ones(3),
        clockwise=False,
        backface_culling=True,
    )
    weights = rng.random((resolution, resolution, 3))

    def forward() -> tuple[Any, Any]:
        scene.ij, scene.depths = project()
        scene.edgeflags = _outlines(scene.ij, faces, opposite)
        image = np.zeros((resolution, resolution, 3))
        depth = np.zeros((resolution, resolution))
        renderScene(scene, 1.0, image, depth, check_valid=False)
        return image, depth

    def backward() -> None:
        scene.clear_gradients()
        renderSceneB(scene, 1.0, *forward(), weights, check_valid=False)

    return {WORK[0]: forward, WORK[1]: backward, WORK[2]: backward}


def _outlines(ij: Any, faces: Any, opposite: Any) -> Any:
    """(F, 3) whether the edges 0-1, 1-2 and 2-0 are silhouettes, as deodr wants them."""
    a, b, c = (ij[faces[:, k]] for k in range(3))
    front = _turn(a, b, c) < 0  # y points down
    across = opposite[:, [2, 0, 1]]  # edge 0-1 lies opposite to corner 2
    return front[:, None] & ((across < 0) | ~front[across // 3])


def _turn(a: Any, b: Any, c: Any) -> Any:
    ab, ac = b - a, c - a
    return ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]


def pytorch_steps(head: HeadModel, resolution: int) -> Steps:
    """The same for one image by tensor operations alone, without antialiasing."""
    torch.manual_seed(0)
    texture = torch.rand(1, 3, TEXELS, TEXELS) * 2 - 1
    corners = flip_v(head.uv)[head.uv_faces.long()] * 2 - 1
    weights = torch.rand(1, 3, resolution, resolution)
    vertices = head.template

    def render(vertices: Tensor, texture: Tensor) -> Tensor:
        clip = Camera.front().to_clip(vertices[None])[0]
        points = torch.cat([(clip[:, :2] + 1) * resolution / 2 - 0.5, clip[:, 2:3]], 1)
        triangles = points[head.faces.long()]
        ids = _nearest_pytorch(triangles.detach(), resolution)
        covered = ids >= 0
        y, x = covered.nonzero().unbind(1)
        a, b, c = triangles[ids[covered]].unbind(1)
        at = torch.stack([x, y], 1)
        area = _turn(a[:, :2], b[:, :2], c[:, :2])
        u, v = _turn(b[:, :2], c[:, :2], at) / area, _turn(c[:, :2], a[:, :2], at) / area
        shares = torch.stack([u, v, 1 - u - v], 1)[..., None]
        uv = (corners[ids[covered]] * shares).sum(1)
        color = torch.nn.functional.grid_sample(
            texture, uv[None, None], padding_mode="border", align_corners=False
        )
        image = torch.ones(3, resolution, resolution)
        return image.masked_scatter(covered, color[0, :, 0]).flip(1)[None]

    def backward(*leaves: Tensor) -> None:
        render(leaves[1] if leaves[1:] else vertices, leaves[0]).backward(weights)

    leaves = [x.clone().requires_grad_() for x in (texture, vertices)]
    return {
        WORK[0]: lambda: render(vertices, texture),
        WORK[1]: lambda: backward(leaves[0]),
        WORK[2]: lambda: backward(*leaves),
    }


def _nearest_pytorch(triangles: Tensor, resolution: int) -> Tensor:
    """Id (H, W) of the nearest front-facing triangle at each pixel centre, -1 for none."""
    low = triangles[..., :2].amin(1).ceil().clamp(min=0).long()
    high = triangles[..., :2].amax(1).floor().clamp(max=resolution - 1).long()
    area = _turn(*(triangles[:, k, :2] for k in range(3)))
    size = (high - low + 1).clamp(min=0) * (area > 0)[:, None]
    counts = size.prod(1)
    ids = torch.repeat_interleave(counts)
    within = torch.arange(len(ids)) - (counts.cumsum(0) - counts)[ids]
    x, y = low[ids, 0] + within % size[ids, 0], low[ids, 1] + within // size[ids, 0]
    a, b, c = triangles[ids].unbind(1)
    at = torch.stack([x, y], 1)
    e0, e1 = _turn(b[:, :2], c[:, :2], at), _turn(c[:, :2], a[:, :2], at)
    e2 = area[ids] - e0 - e1
    inside = (e0 >= 0) & (e1 >= 0) & (e2 >= 0)
    depth = (e0 * a[:, 2] + e1 * b[:, 2] + e2 * c[:, 2]) / area[ids]
    key = ((depth + 2) * 2**28).long() * 2**24 + ids
    best = torch.full((resolution * resolution,), 2**62)
    best.scatter_reduce_(0, (y * resolution + x)[inside], key[inside], "amin")
    return torch.where(best < 2**62, best % 2**24, -1).view(resolution, resolution)


PEERS: dict[str, Callable[[HeadModel, int], Steps]] = {
    "deodr": deodr_steps,
    "pytorch": pytorch_steps,
}


if __name__ == "__main__":
    main()
