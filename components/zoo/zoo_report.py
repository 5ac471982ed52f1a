"""ZooReport: the table and the page of all that was pushed, as an artifact of the run and beside the bundles.

It reads the bundles at the push destination and not the branches' channels: a branch that failed does not stop it, and
variants of earlier runs are in it.
"""

from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.portable import data_types

from components.node import driver
from components.node.system_artifacts import HtmlPage
from components.release import gcs_path
from components.release.gcs_path import Place
from components.zoo import bundles, files
from components.zoo.models import ZooError


@component
def ZooReport(
    html: OutputArtifact[HtmlPage],
    destination: Parameter[str],
    code: Parameter[str] = "",
) -> None:
    """Writes zoo.html, zoo.json, zoo.csv and zoo.md; `html` is the first, with the others beside it."""
    zoo = bundles.read(_base(destination))
    html.set_int_custom_property("models", len(zoo.models))
    folder = files.write(zoo, Path(html.uri))
    html.uri = str(folder / files.PAGE)
    html.set_string_custom_property("copied_to", str(files.deliver(folder, _base(destination))))


class Driver(driver.Driver):
    """Puts what lies at the destination into the cache key, which sees its name alone.

    On clusters the node is never served from cache.
    """

    def key(self, execution_info: data_types.ExecutionInfo) -> dict[str, str | int]:
        """`bundles`."""
        return {"bundles": bundles.fingerprint(_base(str(execution_info.exec_properties["destination"])))}


ZooReport.DRIVER_CLASS = Driver  # pyright: ignore[reportAttributeAccessIssue] - the decorator makes a class.


def _base(destination: str) -> Place:
    try:
        return gcs_path.place(destination)
    except ValueError as error:
        raise ZooError(f"destination: {error}") from error
