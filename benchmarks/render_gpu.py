"""What `Renderer` costs on a GPU over bare nvdiffrast calls: a table, and JSON."""

import argparse
import json
import statistics
from collections.abc import Callable
from pathlib import Path

import nvdiffrast.torch as dr
import torch
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer, flip_v

WORK = ("forward", "+ texture", "+ vertices")
RESOLUTION = TEXELS = 512


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/render_gpu.json"))
    options = parser.parse_args()
    head = HeadModel.load("builtin")
    ours_image(head)(*scene(head, 1, "forward"))  # compiles nvdiffrast
    context = dr.RasterizeCudaContext()
    rows = []
    for batch in (1, 8, 32):
        ours, bare = ours_image(head), bare_image(head, context)
        for work in WORK:
            inputs = scene(head, batch, work)
            times = {
                name: milliseconds(step(draw, inputs), options.repeats)
                for name, draw in (("ours", ours), ("bare", bare))
            }
            overhead = times["ours"] / times["bare"] - 1
            rows.append({"batch": batch, "work": work, **times, "overhead": overhead})
            print(
                f"batch {batch:2}  {work:10}  {times['ours']:6.2f} ms  bare {times['bare']:6.2f} ms"
                f"  overhead {overhead:6.1%}",
                flush=True,
            )
    results = {"device": torch.cuda.get_device_name(), "a batch": rows}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=2))
    print(options.out)


Draw = Callable[[Tensor, Tensor], Tensor]


def scene(head: HeadModel, batch: int, work: str) -> tuple[Tensor, Tensor]:
    """Vertices and textures that ask for the gradients of `work`."""
    vertices = head.template.expand(batch, -1, -1).contiguous().cuda()
    texture = torch.rand(batch, 3, TEXELS, TEXELS, device="cuda") * 2 - 1
    texture.requires_grad_(work != "forward")
    return vertices.requires_grad_(work == "+ vertices"), texture


def ours_image(head: HeadModel) -> Draw:
    """The project's renderer."""
    renderer, camera = Renderer(head, RESOLUTION), Camera.front().to("cuda")
    return lambda vertices, texture: renderer(vertices, texture, camera)[0]


def bare_image(head: HeadModel, context: object) -> Draw:
    """The same picture with nothing but nvdiffrast's four calls and the background."""
    camera = Camera.front().to("cuda")
    faces, uv_faces = head.faces.int().cuda(), head.uv_faces.int().cuda()
    uv = flip_v(head.uv.float()).cuda()[None].contiguous()
    topology = dr.antialias_construct_topology_hash(faces)

    def draw(vertices: Tensor, texture: Tensor) -> Tensor:
        pos = camera.to_clip(vertices).contiguous()
        rast, _ = dr.rasterize(context, pos, faces, (RESOLUTION, RESOLUTION), grad_db=False)
        at, _ = dr.interpolate(uv, rast, uv_faces)
        texels = texture.permute(0, 2, 3, 1).contiguous()
        color = dr.texture(texels, at, filter_mode="linear", boundary_mode="clamp")
        covered = rast[..., 3:] > 0
        layers = torch.cat([torch.where(covered, color, 1.0), covered.float()], -1)
        image: Tensor = dr.antialias(layers, rast, pos, faces, topology)
        return image.permute(0, 3, 1, 2).flip(2)[:, :3]

    return draw


def step(draw: Draw, inputs: tuple[Tensor, Tensor]) -> Callable[[], object]:
    """Draw, and go back to what asks for gradients."""
    wanted = [value for value in inputs if value.requires_grad]

    def run() -> object:
        image = draw(*inputs)
        return torch.autograd.grad(image.sum(), wanted) if wanted else image

    return run


def milliseconds(run: Callable[[], object], repeats: int) -> float:
    """Median time of a run, by the GPU's clock."""
    for _ in range(10):
        run()
    times = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


if __name__ == "__main__":
    main()
