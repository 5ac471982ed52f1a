"""`mobilenet check`: what Vertex AI's and Kubeflow's loaders let through and their backends do not.

A loader takes a file whose tasks name producers that do not exist; the run ends when the node starts, an hour later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.checks import (
    artifact_types,
    beam,
    code,
    drivers,
    executors,
    exits,
    graph,
    images,
    invocation,
    names,
    parameters,
    placeholders,
    resources,
    sizes,
    training,
    volumes,
)
from pipeline.checks.parsed import Parsed, Problem, Target, parse
from pipeline.checks.releases import DEFAULT, Release
from pipeline.compiled import compiled_file
from pipeline.compiled.compiled_file import Compiled

if TYPE_CHECKING:
    from pipeline.settings.cluster import KubeflowSettings, VertexSettings

Rule = Callable[[Parsed, Target], Iterator[Problem]]

RULES: tuple[Rule, ...] = (
    names.version, names.pipeline_name, names.task_names, names.parameter_names,
    graph.implementations, graph.producers, graph.dependencies,
    parameters.defaults, parameters.given, parameters.sources, parameters.references,
    executors.kinds, executors.conditions, executors.importers,
    invocation.arguments, artifact_types.artifact_types,
    code.entry_modules, code.executors, code.named_code,
    images.images, images.data_digest,
    resources.accelerators, resources.amounts,
    beam.runners, training.training_jobs, volumes.kubernetes,
    exits.exits, drivers.drivers, sizes.sizes,
)  # fmt: skip


def check(compiled: Compiled, target: Target, release: Release = DEFAULT) -> list[Problem]:
    """All that the backend would stumble over; none if the file can be sent as it is.

    A file that is no PipelineSpec is not looked at further: what is misspelt would be missing everywhere.

    Args:
      release: of Kubeflow Pipelines, where that is the target.
    """
    parsed, problems = parse(compiled, release)
    return problems or [problem for rule in RULES for problem in rule(parsed, target)]


def check_file(
    path: Path, target: Target, settings_path: Path | None = None, release: Release = DEFAULT
) -> list[Problem]:
    """Places the file with the settings, the target's example if none are given, and checks it.

    Raises:
      CompiledFileError, SettingsError: as `placed_file`.
    """
    return [*unfilled(target, settings_path), *check(placed_file(path, target, settings_path), target, release)]


def placed_file(path: Path, target: Target, settings_path: Path | None = None) -> Compiled:
    """The file with the settings applied, or with the target's example if none are given.

    Raises:
      CompiledFileError, SettingsError: one of the two files cannot be read, or the settings are another target's.
    """
    settings, _ = _settings(target, settings_path)
    return placed(compiled_file.read(path), settings)


def unfilled(target: Target, settings_path: Path | None) -> list[Problem]:
    """What the settings still say as the example does; the example itself is only a place."""
    return list(placeholders.find(*_settings(target, settings_path))) if settings_path else []


def _settings(target: Target, settings_path: Path | None) -> tuple[VertexSettings | KubeflowSettings, Path]:
    from pipeline.settings import settings_file
    from pipeline.settings.error import SettingsError
    from pipeline.settings.local import EXAMPLES, Settings

    where = settings_path or EXAMPLES / f"{target}.yaml"
    settings = settings_file.load(where)
    if isinstance(settings, Settings) or settings.target != target:
        raise SettingsError(f"{where} is not for {target}. Give --settings FILE with `target: {target}`.")
    return settings, where


def placed(compiled: Compiled, settings: VertexSettings | KubeflowSettings) -> Compiled:
    """The file with the settings applied; as it is where it is too damaged for that, and the rules say why."""
    from pipeline.compiled.placement import place
    from pipeline.settings.error import SettingsError

    try:
        return place(compiled, settings)
    except SettingsError:
        raise
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError):
        return compiled
