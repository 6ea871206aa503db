"""`clipface evaluate`: how good texture generators are, as the paper's Table 1."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from clipface_cli.cli.command import Result
from clipface_cli.cli.options import Device, Force, HeadSource, Seed, named_after, pick_device
from clipface_cli.cli.progress import progress


def evaluate(
    dataset: Annotated[
        Path, typer.Argument(metavar="DATASET", help="Photos, as `preprocess` or `synth` writes.")
    ],
    generator: Annotated[
        list[str] | None,
        typer.Option(
            "--generator",
            "-g",
            metavar="[NAME=]RUN[@SIDE]",
            help="A generator: builtin, a run's folder or a path, all of it or with textures of "
            "SIDE texels; several times [builtin].",
        ),
    ] = None,
    texture_model: Annotated[
        list[str] | None,
        typer.Option(
            "--texture-model", metavar="NAME", help="flametex: linear textures to compare with."
        ),
    ] = None,
    images: Annotated[
        int, typer.Option("--number", "-n", help="Images on either side [or all].", min=1)
    ] = 5000,
    textures: Annotated[
        Path | None,
        typer.Option(
            "--uv",
            metavar="DIR",
            help="UV maps of real people, to compare textures as well [DATASET/uv].",
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            "--features",
            metavar="NAME",
            help="Whose features are compared [inception once imported, else evaluator].",
        ),
    ] = None,
    resolution: Annotated[
        int, typer.Option("--resolution", help="Pixels of a render.", min=64)
    ] = 512,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder [DATASET-evaluation]."),
    ] = None,
    seed: Seed = 0,
    head: HeadSource = None,
    device: Device = "auto",
    force: Force = False,
) -> Result:
    """Measure texture models: FID and KID of their renders to photos, on the photos' own heads.

    Writes table.md, .csv, .json and samples.png. The same command goes on where an earlier run
    stopped; models may be added. Under torchrun or srun the processes share the work.
    """
    from clipface_cli.artifacts import RunRecord
    from clipface_cli.cli.models import load_head, load_on
    from clipface_cli.evaluation import (
        Evaluation,
        load_generator_model,
        load_texture_model,
        uv_maps,
    )
    from clipface_cli.launch import rank_and_size
    from clipface_cli.metrics import load_features
    from clipface_cli.train.gan.dataset import Dataset

    where, folder = pick_device(device), output or named_after(dataset, "-evaluation")
    rank, processes = rank_and_size(os.environ)
    words = generator or ([] if texture_model else ["builtin"])
    record = RunRecord(
        {
            "dataset": str(dataset),
            "generators": words,
            "texture_models": texture_model or [],
            "images": images,
            "resolution": resolution,
            "seed": seed,
            "device": where,
        }
    )
    with record.timing("load"):
        model = load_on(load_head(head), where)
        evaluation = Evaluation(
            folder,
            Dataset.load(dataset, resolution, model),
            model,
            [
                *(load_generator_model(word, model) for word in words),
                *(load_texture_model(word, model) for word in texture_model or []),
            ],
            load_features(features, where),
            images,
            resolution,
            uv_maps(textures or dataset, resolution, asked=textures is not None),
            seed,
        )
    if rank == 0:
        evaluation.claim(force)
    total = evaluation.images(processes)
    with record.timing("features"), progress("Evaluating", total) as advance:
        evaluation.make(rank, processes, lambda done: advance(done, ""))
    if rank > 0:
        return Result(folder, quiet=True)
    with record.timing("tables"):
        table, files = evaluation.write()
    record.write(folder, files)
    facts = {"table": table.as_dicts(), "features": evaluation.features.name}
    return Result(folder / "table.md", facts, table.markdown())
