"""`clipface edit`: change one textured head by prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clipface_cli.cli import edit_options as options
from clipface_cli.cli.command import Result
from clipface_cli.cli.options import (
    AllowOutside,
    Device,
    Force,
    GeneratorSource,
    GuidanceSource,
    HeadSource,
    MeshFile,
    Seed,
    parse_seeds,
    pick_device,
)
from clipface_cli.cli.progress import progress, say
from clipface_cli.errors import InputError

if TYPE_CHECKING:
    from clipface_cli.avatar import Subject
    from clipface_cli.avatar.retopologise import Retopologised
    from clipface_cli.edit import EditModels, EditSettings, Mappers, Progress, PromptMapper
    from clipface_cli.edit.output import EditOutput
    from clipface_cli.head import HeadModel
    from clipface_cli.texture import Generator


def edit(
    mesh: MeshFile,
    prompt: options.Prompts = None,
    prompts: options.PromptFile = None,
    mapper: options.MapperFile = None,
    undo: options.Undo = False,
    retopologise: options.Retopologise = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to write into [MESH-PROMPT]."),
    ] = None,
    strength: options.Strength = 1.0,
    only: options.Only = None,
    keep_identity: options.KeepIdentity = 0.0,
    texture_only: options.TextureOnly = False,
    expression_only: options.ExpressionOnly = False,
    method: options.Method = options.CLIPFACE,
    displacement: options.Displacement = False,
    steps: options.Steps = None,
    preset: options.Preset = "default",
    views: options.Views = None,
    weights: options.Weights = None,
    ablate: options.Ablate = None,
    template: options.Template = None,
    start: options.StartMapper = None,
    seeds: options.Seeds = None,
    preview: options.Preview = None,
    seed: Seed = 0,
    guidance: GuidanceSource = "builtin",
    head: HeadSource = None,
    generator: GeneratorSource = "builtin",
    device: Device = "auto",
    allow_outside: AllowOutside = False,
    force: Force = False,
) -> Result:
    """Optimise texture and expression of a head until its renders match a prompt.

    Writes edited.obj, .mtl, .png and sidecar, before_after.png, progress.csv and run.json; with
    several prompts or seeds a folder of these for each, and a sheet of all. --retopologise writes
    retopologised.png too: the scan above the head made of it.
    """
    asked = options.read_prompts(prompt, prompts)
    prompted = _check_request(asked, mapper, undo, retopologise)
    found = [seed] if seeds is None else parse_seeds("--seeds", seeds)
    given = options.changed(
        views=views,
        weights=weights,
        ablate=ablate,
        template=template,
        start=start,
        only=only,
        preset=preset,
        strength=strength,
        keep_identity=keep_identity,
        texture_only=texture_only,
        expression_only=expression_only,
    )
    if not asked:
        _check_plain(given + options.changed(steps=steps, seeds=seeds, method=method))
    method = _method(method, displacement, given + options.changed(mapper=mapper))
    change, regions = (
        options.parse_change(texture_only, expression_only),
        options.parse_regions(only),
    )
    from clipface_cli.artifacts import RunRecord
    from clipface_cli.avatar import load_subject
    from clipface_cli.cli.models import load_generator, load_head, load_on, weight_files
    from clipface_cli.edit import EditModels
    from clipface_cli.edit import preset as preset_of
    from clipface_cli.edit.output import claim_outputs, edit_outputs, start_portraits, write_edits
    from clipface_cli.guidance import load_guidance

    edits = edit_outputs(mesh, asked or [_name(mapper)], found, output)

    where = pick_device(device)
    sources = {
        "prompts": asked,
        "method": method,
        "mapper": mapper,
        "start": start,
        "undo": undo,
        "retopologise": retopologise,
        "head": head,
        "generator": generator,
        "guidance": guidance,
        "seeds": found,
        "device": where,
    }
    files = [mesh, mesh.with_suffix(".png"), *weight_files(mapper, start)]
    record = RunRecord(sources, files)
    with record.timing("load"):
        model = load_head(head, mesh)
        network = load_generator(generator, model, where)
        scan = _from_scan(mesh, model, network, allow_outside) if retopologise else None
        subject = scan.subject if scan else load_subject(mesh, model, network, allow_outside)
        work: Callable[[], None]
        if undo:
            work = _undo(edits[0], subject)
        elif mapper is not None and prompted is None:
            work = _by_mapper(edits[0], subject, mapper, model, network)
        else:
            towers = load_on(load_guidance(guidance), where)
            models = EditModels(load_on(model, where), network, towers, prompted)
            if method != options.CLIPFACE:
                work = _by_method(edits, subject, models, method, steps)
            else:
                settings = replace(
                    options.adjusted(
                        preset_of(preset, towers), steps, views, weights, ablate, template
                    ),
                    change=change,
                    only=regions,
                    strength=strength,
                    identity=keep_identity,
                    seed=found[0],
                )
                record.add_settings(asdict(settings))
                work = _by_prompt(edits, subject, model, models, settings, start, preview)
    folder = claim_outputs(edits, force)
    if scan:
        scan.save_comparison(folder / "retopologised.png", model)
    before = start_portraits(subject, model)
    with record.timing("edit"):
        work()
    if scan:
        for made in edits:
            made.scores["scan"] = scan.facts
    path, facts = write_edits(edits, before, model, folder, record)
    return Result(path, facts, interrupted=any(made.interrupted for made in edits))


def _check_request(
    prompts: list[str], mapper: str | None, undo: bool, retopologise: bool
) -> PromptMapper | None:
    """The mapper where it is one for all prompts; InputError unless one thing is asked for."""
    if undo and retopologise:
        raise InputError("A scan has no edit to take back; leave --undo or --retopologise out.")
    if undo and (prompts or mapper):
        raise InputError("--undo takes the last edit back and makes none; leave the others out.")
    if not (undo or prompts or mapper):
        raise InputError("Give --prompt TEXT (or --prompts FILE), --mapper RUN or --undo.")
    if mapper is None:
        return None
    from clipface_cli.edit import prompt_mapper_of

    prompted = prompt_mapper_of(mapper)
    if prompted is None and prompts:
        raise InputError(f"{mapper} was trained for one prompt of its own; leave --prompt out.")
    if prompted is not None and not prompts:
        raise InputError(f"{mapper} was trained for many prompts; give --prompt TEXT as well.")
    return prompted


def _check_plain(given: list[str]) -> None:
    """InputError where --mapper or --undo comes with options that only a prompt uses."""
    if given:
        raise InputError(
            f"--mapper and --undo take no options of how far, where and how ({given[0]}); leave "
            "those out or give --prompt."
        )


def _method(name: str, displacement: bool, given: list[str]) -> str:
    """The method's name; InputError for an unknown one, or with options that it does not have."""
    if displacement and name not in ("text2mesh", "text2mesh-displacement"):
        raise InputError("--displacement is Text2Mesh's; give --method text2mesh with it.")
    if name == options.CLIPFACE:
        return name
    from clipface_cli.evaluation import method_of

    name = "text2mesh-displacement" if displacement else name
    method_of(name)
    if given:
        raise InputError(f"--method {name} has no {given[0]}; leave it out.")
    return name


def _from_scan(
    mesh: Path, head: HeadModel, network: Generator, allow_outside: bool
) -> Retopologised:
    """A head made of a scan; says how well."""
    from clipface_cli.avatar.retopologise import retopologise

    say(f"Making a head of {mesh}: landmarks, registration, texture; about two minutes.")
    scan = retopologise(mesh, head, network, allow_outside)
    say(str(scan))
    return scan


def _name(mapper: str | None) -> str:
    return "undo" if mapper is None else Path(mapper).name


def _undo(made: EditOutput, subject: Subject) -> Callable[[], None]:
    made.subject = subject.undone()
    return lambda: None


def _by_mapper(
    made: EditOutput, subject: Subject, source: str, head: HeadModel, network: Generator
) -> Callable[[], None]:
    """One pass of trained mappers."""
    from clipface_cli.edit import Mappers, apply_mappers

    device = network.device
    mappers = Mappers.load(source).to(device)
    mappers.check(network, head)

    def work() -> None:
        made.subject = apply_mappers(subject.to(device), mappers, head, network, made.name)

    return work


def _by_method(
    edits: list[EditOutput], subject: Subject, models: EditModels, name: str, steps: int | None
) -> Callable[[], None]:
    """Another method, one edit after the other."""
    from clipface_cli.baselines import Budget
    from clipface_cli.evaluation import method_of

    method, person = method_of(name), subject.to(models.device)

    def work() -> None:
        for made in edits:
            with progress(f"{method.title}: {made.name}", steps or method.usual_steps) as advance:
                found = method(
                    person,
                    made.name,
                    models,
                    Budget(steps),
                    made.seed,
                    lambda step, loss: advance(step, f"loss {loss:.3f}"),
                )
            made.subject, made.interrupted = found.subject, found.interrupted
            made.log = [(loss, None) for loss in found.losses]
            made.scores = {
                "method": name,
                "settings": found.settings,
                "sentences": found.sentences,
                "notes": found.notes,
            }

    return work


def _trained_start(source: str, models: EditModels) -> Mappers:
    """Zero-offset mappers to begin with; InputError for those of other networks."""
    from clipface_cli.edit import Mappers

    mappers = Mappers.load(source)
    mappers.check(models.generator, models.head)
    return mappers


def _by_prompt(
    edits: list[EditOutput],
    subject: Subject,
    head: HeadModel,
    models: EditModels,
    settings: EditSettings,
    start: str | None,
    preview: int | None,
) -> Callable[[], None]:
    """Optimisation towards prompts; warns about words that the guidance does not know."""
    from clipface_cli.avatar import region_mask
    from clipface_cli.edit import edit_meshes
    from clipface_cli.edit.output import save_preview

    for name in dict.fromkeys(made.name for made in edits):
        models.target_direction(settings, name)  # refuses what cannot be read
        if warning := models.guidance.understood(name).warning():
            say(warning)
    begun = None if start is None else _trained_start(start, models)
    if settings.only:
        region_mask(models.head, settings.only, 8)

    def work() -> None:
        requests = [(made.name, made.seed) for made in edits]
        title = edits[0].name if len(edits) == 1 else f"{len(edits)} edits"
        with progress(f"Editing: {title}", settings.steps) as advance:
            steps = [0] * len(edits)

            def callback(now: Progress) -> None:
                for number in now.edits:
                    steps[number] += 1
                similarity = now.similarity.mean()  # read where it is shown: reading waits for it
                advance(steps[now.edits[0]], lambda: f"{now.stage}: similarity {similarity:.2f}")
                if preview and now.step % preview == 0:
                    for number, edited in zip(now.edits, now.subjects(), strict=True):
                        save_preview(edits[number].folder, edited, head)

            person = subject.to(models.device)
            done = edit_meshes(person, requests, models, settings, callback, begun)
        for made, result in zip(edits, done, strict=True):
            made.subject, made.interrupted = result.subject, result.interrupted
            made.log, made.scores = result.log, {"similarity": result.similarity}
            made.scores["sentences"] = {"source": settings.source, "targets": result.sentences}

    return work
