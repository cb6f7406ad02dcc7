"""attar techniques: what can be done to a layer, and with which settings."""

import dataclasses

from ._common import Json, console, print_json

EXAMPLES = """
[bold]Examples[/]

  attar techniques

  attar techniques --json
"""


def command(json: Json = False) -> None:
    """List the techniques of the catalog with their settings, and the recipes that come with attar."""
    from ..compression.recipe import named_recipes, read_named
    from ..passes.catalog import CATALOG

    techniques = [
        {"technique": t.name, "summary": t.summary, "settings": settings_of(t.config)} for t in CATALOG.values()
    ]
    recipes = {name: read_named(name).get("about", "") for name in named_recipes()}
    if json:
        print_json({"techniques": techniques, "recipes": recipes})
        return
    out = console()
    for item in techniques:
        out.print(f"[bold]{item['technique']}[/]  {item['summary']}")
        for name, text in item["settings"].items():
            out.print(f"    {name}: {text}", style="dim")
    out.print("\n[bold]recipes[/] (--recipe NAME)")
    for name, about in recipes.items():
        out.print(f"  {name}: {about}")


def settings_of(config: type) -> dict[str, str]:
    """Return a line for every field: its range or its words, and its default."""
    from ..passes.settings import describe_field

    return {field.name: describe_field(config, field) for field in dataclasses.fields(config)}
