"""ZooReport: the table and the page of all that was pushed, as an artifact of the run and beside the bundles.

It reads the bundles at the push destination and not the branches' channels: a branch that failed does not stop it, and
variants of earlier runs are in it.
"""

import os
from pathlib import Path
from typing import Any

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.base import base_driver
from tfx.orchestration.portable import base_driver as portable_driver
from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import driver_output_pb2

from components import zoo_bundles, zoo_tables
from components.dashboard import zoo_page
from components.system_artifacts import HtmlPage
from components.zoo_models import Zoo, ZooError

FOLDER = "zoo"  # Beside the variants' folders.
PAGE, JSON, CSV, MARKDOWN = "zoo.html", "zoo.json", "zoo.csv", "zoo.md"
FILES = (PAGE, CSV, MARKDOWN, JSON)  # Programs go by the last, so that it comes last.


@component
def ZooReport(
    html: OutputArtifact[HtmlPage],
    destination: Parameter[str],
    code: Parameter[str] = "",
) -> None:
    """Writes zoo.html, zoo.json, zoo.csv and zoo.md; `html` is the first, with the others beside it."""
    zoo = zoo_bundles.read(_base(destination))
    html.set_int_custom_property("models", len(zoo.models))
    folder = write(zoo, Path(html.uri))
    html.uri = str(folder / PAGE)
    html.set_string_custom_property("copied_to", str(deliver(folder, _base(destination))))


class Driver(base_driver.BaseDriver, portable_driver.BaseDriver):
    """Puts what lies at the destination into the cache key, which sees its name alone.

    Drivers of ours run on no cluster; there the node is never served from cache.
    """

    def __init__(self, metadata_handle: Any) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable_driver.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: data_types.ExecutionInfo) -> Any:
        """Gives the execution property `bundles`."""
        output = driver_output_pb2.DriverOutput()
        base = _base(str(execution_info.exec_properties["destination"]))
        output.exec_properties["bundles"].string_value = zoo_bundles.fingerprint(base)
        return output


ZooReport.DRIVER_CLASS = Driver  # pyright: ignore[reportAttributeAccessIssue] - the decorator makes a class.


def write(zoo: Zoo, folder: Path) -> Path:
    """The four files; returns the folder.

    Raises:
      ZooError: they cannot be written.
    """
    contents = {
        PAGE: zoo_page.render(zoo),
        CSV: zoo_tables.as_csv(zoo),
        MARKDOWN: zoo_tables.as_markdown(zoo),
        JSON: zoo_tables.as_json(zoo),
    }
    for name, content in contents.items():
        _replace(folder / name, content.encode())
    return folder


def deliver(folder: Path, base: Path) -> Path:
    """Copies the four files to `<base>/zoo/`, those that are not there already; each whole, or as it was before.

    Raises:
      ZooError: they cannot be read or written.
    """
    target = base.absolute() / FOLDER
    for name in FILES:
        try:
            content = (folder / name).read_bytes()
            there = (target / name).read_bytes() if (target / name).is_file() else None
        except OSError as error:
            raise ZooError(f"the zoo's {name} cannot be read: {error}. Run ZooReport again, with --from.") from error
        if there != content:
            _replace(target / name, content)
    return target


def _replace(file: Path, content: bytes) -> None:
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.replace(file)
    except OSError as error:
        raise ZooError(f"{file} cannot be written: {error}. Make room or give another destination.") from error
    finally:
        beside.unlink(missing_ok=True)


def _base(destination: str) -> Path:
    if "://" in destination:
        raise ZooError(f"destination is {destination}, wanted a folder, so far. Give a path, such as /srv/models.")
    return Path(destination).absolute()
