"""attar compress: the main job."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..files.limits import MAX_NODES
from ._common import (
    AskedMetric,
    AskedTask,
    Force,
    Json,
    MaxMemory,
    MaxNodes,
    Samples,
    Threads,
    console,
    print_json,
    progress_bar,
    say,
)
from ._images import takes_images

EXAMPLES = """
[bold]Examples[/]

  attar compress model.onnx --data photos/ -o model.attar

  attar compress model.onnx --data train.npz --eval-data test.npz --max-drop 0.5 -o model.attar

  attar compress model.onnx --data train.npz --target-size 60kB -o model.attar

  attar compress face.onnx --data faces/ --outputs embedding --max-error 5 -o face.attar

  attar compress logits.onnx --data train.npy --task classify -o logits.attar

  attar compress model.onnx --recipe int8 -o model.attar

  attar compress model.onnx --data train.npz --recipe ge2017 -o model.attar

  attar compress model.onnx --data train.npz --integer -o model.attar

  attar compress model.onnx -o smaller.attar --work model.attar.work --pick 48kB

  attar compress model.onnx --data train.npz -o model.attar --pick 3
"""


@takes_images
def command(
    model: Annotated[Path, typer.Argument(help="The trained network, an ONNX file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write; its report goes to OUTPUT.json.")],
    data: Annotated[
        str | None,
        typer.Option(
            help="Samples to calibrate and search with: folder, .npz, .npy or module:function (runs that code)."
        ),
    ] = None,
    eval_data: Annotated[
        str | None, typer.Option(help="Samples for the verdict alone; without it half of --data is kept for that.")
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(help="Points of the metric that may be lost; without labels: of top-1 or r2, predicted."),
    ] = None,
    target_size: Annotated[str | None, typer.Option(help="Size of the file, such as 60kB.")] = None,
    min_agreement: Annotated[
        float | None, typer.Option(help="Percent of samples with the original's answer, such as 99.")
    ] = None,
    max_error: Annotated[float | None, typer.Option(help="Relative output error, percent.")] = None,
    recipe: Annotated[str, typer.Option(help="A recipe's name (see `attar techniques`) or a JSON file.")] = "default",
    plan: Annotated[
        Path | None, typer.Option(help="A saved plan, or the report beside a result, to carry out again.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Treat only this layer, or those that match, as fc*; may be repeated.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Leave this layer, or those that match; may be repeated.")
    ] = None,
    task: AskedTask = None,
    metric: AskedMetric = None,
    outputs: Annotated[list[str] | None, typer.Option(help="Cut the network at this tensor; may be repeated.")] = None,
    time_limit: Annotated[
        float | None, typer.Option(min=0, help="Seconds for the search; then the best so far.")
    ] = None,
    integer: Annotated[
        bool, typer.Option("--integer", help="Add a program that the engine runs in integers, and measure that.")
    ] = False,
    arithmetic: Annotated[str, typer.Option(help="Of --integer: affine or fixed-point.")] = "affine",
    pick: Annotated[
        str | None,
        typer.Option(help="No new run: the point of that number in the finished one, or the largest within 48kB."),
    ] = None,
    work: Annotated[
        Path | None, typer.Option(help="Folder for what is finished on the way; OUTPUT.work without it.")
    ] = None,
    no_work: Annotated[bool, typer.Option("--no-work", help="Leave no such folder; then nothing resumes.")] = False,
    samples: Samples = None,
    threads: Threads = 0,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of every random choice; 0 by default.")] = None,
    force: Force = False,
    max_memory: MaxMemory = None,
    max_nodes: MaxNodes = MAX_NODES,
    json: Json = False,
    images: Any = None,
) -> None:
    """Compress a trained network to the smallest file within a budget, and measure that file.

    Without a budget: 0.5 points of a classifier's top-1 or of the metric that labels measure; 99 % of the places of a
    segmentation without labels; 5 % output error of everything else, and 1 point of R2 against the original's answers
    where they are rows of numbers. The report's first line says what the network was taken for; --task settles it.

    Ctrl-C ends the search and keeps the best so far; the same command goes on where it was stopped, or killed. Exit
    status: 0 done, 1 a budget was missed, 2 bad input.
    """
    from ..compression import compress
    from ..compression.outputs import inputs_of, outputs_at
    from ..compression.work import check_place, work_path
    from ..errors import OutputError
    from ..report.terminal import print_report

    if work is not None:
        check_place(work)
    for file in outputs_at(output, inputs_of(model, data, eval_data, recipe, plan, work), force=force):
        file.check()  # found out before the work, not after it
    if no_work and (pick is not None or work is not None):
        raise OutputError("--no-work: --pick and --work need the work folder")
    with progress_bar(quiet=json) as progress:
        result = compress(
            model,
            data=data,
            eval_data=eval_data,
            max_drop=max_drop,
            target_size=target_size,
            min_agreement=min_agreement,
            max_error=max_error,
            recipe=recipe,
            plan=plan,
            only=only or (),
            exclude=exclude or (),
            task=task,
            metric=metric,
            outputs=outputs or (),
            preprocessing=images,
            samples=samples,
            time_limit=time_limit,
            threads=threads,
            seed=seed,
            integer=arithmetic if integer else False,
            work=None if no_work else work or work_path(output),
            pick=pick,
            progress=progress,
        )
        result.save(output, force=force)
    if json:
        print_json({"output": str(output), **result.to_json()})
    else:
        print_report(result.report, console())
        say(f"written to {output}, report in {output}.json")
    raise typer.Exit(0 if result.met else 1)
