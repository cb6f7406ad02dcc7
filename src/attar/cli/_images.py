"""The options that say how pictures become numbers, for every command that takes pictures."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

_PANEL = "Pictures, in place of a preprocessor_config.json (kept in the file)"
_OPTIONS: dict[str, tuple[Any, Any]] = {
    "size": (
        Annotated[
            str | None,
            typer.Option(help="224 or HEIGHTxWIDTH: what the network gets, stretched.", rich_help_panel=_PANEL),
        ],
        None,
    ),
    "crop_pct": (
        Annotated[
            float | None,
            typer.Option(help="Keep the aspect: shorter side to size / this, then cut.", rich_help_panel=_PANEL),
        ],
        None,
    ),
    "resample": (
        Annotated[
            str | None, typer.Option(help="nearest, bilinear, bicubic, lanczos, box, hamming.", rich_help_panel=_PANEL)
        ],
        None,
    ),
    "mean": (
        Annotated[
            str | None, typer.Option(help="One or a number for each channel: 0.5,0.5,0.5.", rich_help_panel=_PANEL)
        ],
        None,
    ),
    "std": (Annotated[str | None, typer.Option(help="As --mean, of pixels 0 to 1.", rich_help_panel=_PANEL)], None),
    "no_exif": (
        Annotated[
            bool,
            typer.Option("--no-exif", help="Do not turn pictures as EXIF says.", rich_help_panel=_PANEL),
        ],
        False,
    ),
}


def takes_images(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options; what they ask for comes as its `images`, a config or None."""

    @functools.wraps(command)
    def wrapped(**words: Any) -> None:
        from ..evaluate.images.options import config_of_options

        asked = {name: words.pop(name) for name in _OPTIONS}
        command(**words, images=config_of_options(exif=not asked.pop("no_exif"), **asked))

    own = [p for p in inspect.signature(command).parameters.values() if p.name != "images"]
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
        for name, (annotation, default) in _OPTIONS.items()
    ]
    wrapped.__signature__ = inspect.Signature([*(p.replace(kind=p.KEYWORD_ONLY) for p in own), *more])
    return wrapped
