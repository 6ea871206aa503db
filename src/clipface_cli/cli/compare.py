"""`clipface compare`: methods side by side on the same heads and prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clipface_cli.cli.command import Result
from clipface_cli.cli.edit_options import PromptFile, Prompts, read_prompts
from clipface_cli.cli.options import (
    Device,
    Force,
    GeneratorSource,
    GuidanceSource,
    HeadSource,
    Seed,
    pick_device,
)
from clipface_cli.cli.progress import progress
from clipface_cli.errors import InputError

METHODS = "clipface,clipface-paper,flametex,clipmatrix,text2mesh,latent3d"


def compare(
    meshes: Annotated[
        list[Path],
        typer.Argument(metavar="HEADS...", help="Textured heads: OBJ files, or folders of them."),
    ],
    prompt: Prompts = None,
    prompts: PromptFile = None,
    methods: Annotated[
        str, typer.Option("--methods", metavar="NAME,...", help="Which methods to run.")
    ] = METHODS,
    ablations: Annotated[
        str | None,
        typer.Option(
            "--ablations",
            metavar="NAME,...",
            help="Also: paper or default (all of a preset), or single ones, as paper-direction.",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", help="Steps of every method [each method's own].", min=0),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", help="Most seconds of every edit, within its steps.", min=0.1),
    ] = None,
    dataset: Annotated[
        Path | None,
        typer.Option(
            "--dataset",
            metavar="DIR",
            help="Photos that FID and KID measure against, as `preprocess` writes them [painted "
            "people].",
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            "--features",
            metavar="NAME",
            help="Whose features FID and KID compare [inception once imported, else evaluator].",
        ),
    ] = None,
    identity: Annotated[
        Path | None,
        typer.Option(
            "--identity", metavar="ARCFACE.onnx", help="What tells people apart [evaluator]."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the study.")
    ] = Path("study"),
    seed: Seed = 0,
    guidance: GuidanceSource = "builtin",
    head: HeadSource = None,
    generator: GeneratorSource = "builtin",
    device: Device = "auto",
    force: Force = False,
) -> Result:
    """Run every method on every head and prompt; write the paper's Table 2, sheets and a report.

    The same command goes on with what an earlier run has left; heads, prompts and methods can be
    added. A cell that fails is listed as such and stops nothing.
    """
    asked = read_prompts(prompt, prompts)
    if not asked:
        raise InputError("Give --prompts FILE (one prompt a line) or --prompt TEXT.")
    from clipface_cli.artifacts import RunRecord
    from clipface_cli.baselines import Budget
    from clipface_cli.cli.models import load_generator, load_head, load_on
    from clipface_cli.edit import EditModels
    from clipface_cli.evaluation import (
        Comparison,
        Scorer,
        Study,
        ablation_names,
        find_heads,
        reference_features,
        write_study,
    )
    from clipface_cli.guidance import load_guidance

    heads, where = find_heads(meshes), pick_device(device)
    names = [*_split(methods), *ablation_names(_split(ablations or ""))]
    facts = {"guidance": guidance, "generator": generator, "dataset": dataset and str(dataset)}
    study = Study(
        output, heads, asked, list(dict.fromkeys(names)), Budget(steps, seconds), seed, facts
    )
    record = RunRecord(
        facts | {"methods": study.methods, "prompts": asked, "seed": seed, "device": where},
        list(heads.values()),
    )
    with record.timing("load"):
        model = load_head(head, next(iter(heads.values())))
        network = load_generator(generator, model, where)
        towers = load_on(load_guidance(guidance), where)
        here = load_on(model, where)
        scorer = Scorer.load(here, towers.name, features, identity)
        comparison = Comparison(study, model, EditModels(here, network, towers), scorer)
        real = reference_features(scorer.features, here, dataset)
    study.claim(force)
    interrupted = False
    with record.timing("edits"), progress("Comparing", len(study.cells)) as advance:
        try:
            comparison.run(advance)
        except KeyboardInterrupt:
            interrupted = True
    with record.timing("tables"):
        table, files = write_study(study, comparison, real)
    record.write(output, files, failed=study.failures)
    told = {"report": str(files[0]), "table": table.as_dicts(), "failed": study.failures}
    return Result(files[0], told, table.markdown(), interrupted=interrupted)


def _split(words: str) -> list[str]:
    return [word.strip() for word in words.split(",") if word.strip()]
