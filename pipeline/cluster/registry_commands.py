"""The command that hands a release on: register. What it needs is imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from pipeline.terminal.console import Panel, failed, say

app = typer.Typer()


@app.command(rich_help_panel=Panel.MODELS)
def register(
    bundle: Annotated[str, typer.Argument(help="A release in Cloud Storage: gs://…/VARIANT/VERSION or /latest.")],
    project: Annotated[str, typer.Option(help="The Google Cloud project's id.")],
    location: Annotated[str, typer.Option(help="The region, such as europe-west4.")],
    display_name: Annotated[
        str | None, typer.Option(help="Whose next version it becomes.", show_default="the model's name")
    ] = None,
    image: Annotated[
        str | None, typer.Option(help="The server's image.", show_default="Vertex AI's for TensorFlow")
    ] = None,
) -> None:
    """Register a release's SavedModel in Vertex AI's Model Registry, labelled with what the bundle says of itself.

    A model of that name gets a new version; a release that is there already is left alone.
    """
    from pipeline.settings import environment

    console = Console()
    environment.silent()
    try:
        from pipeline.cluster import registry

        place = registry.Registry(project, location)
        done = registry.register(bundle, place, display_name=display_name, image=image)
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    said = "Registered" if done.new else "Registered already"
    say(console, f"{said}: {done.model}, version {done.version}\n{done.page}")
