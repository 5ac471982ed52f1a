"""From a compiled file to a request: settings applied, parameters filled in, checked. Only then is a cluster asked."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml

from pipeline.checks import check, sizes
from pipeline.checks.releases import LARGE_PARAMETERS
from pipeline.cluster import run_parameters
from pipeline.cluster.runs import Report
from pipeline.cluster.submission import UNSEEN, WHEN, Submission, SubmitError, Submitted
from pipeline.compiled import compiled_file
from pipeline.compiled.compiled_file import DATA_DIGEST, EXAMPLE_GEN, Compiled
from pipeline.settings.cluster import KubeflowSettings, VertexSettings


def prepare(
    path: Path,
    settings: VertexSettings | KubeflowSettings,
    *,
    given: Mapping[str, str] | None = None,
    recipe_set: Sequence[str] = (),
    schedule: str | None = None,
) -> Submission:
    """Reads, places, checks and fills in; asks nobody.

    Args:
      given: `--parameter` name → value.
      recipe_set: `--recipe-set` entries, such as `float.epochs=3`.
      schedule: cron, instead of the settings' own; empty for one run at once whatever these say.

    Raises:
      SubmitError: everything that `check` finds, or a schedule that is no cron.
      CompiledFileError, SettingsError: no compiled file; a parameter or recipe value that cannot be.
    """
    read = compiled_file.read(path)
    compiled = check.placed(read, settings)
    if problems := check.check(compiled, settings.target):
        said = "\n".join(f"  {problem.task}: {problem.fault} {problem.mend}" for problem in problems)
        raise SubmitError(f"{path} would not run on {settings.target}, so nothing was sent:\n{said}")
    if compiled is read:
        raise SubmitError(f"{path} does not take the settings, so nothing was sent. Write it with `mobilenet compile`.")
    parameters = run_parameters.values(compiled, settings=settings, given=given or {}, recipe_set=recipe_set)
    cron = _cron(settings.schedule if schedule is None else schedule)
    submission = Submission(settings, compiled, parameters, schedule=cron)
    # Vertex AI runs TFX's own driver of ExampleGen, which looks at the pictures, but knows no {SPAN} in their folder.
    looked_at = isinstance(settings, VertexSettings) and "{" not in parameters["data"]
    return _measured(submission if looked_at else _telling_data_apart(submission))


def send(submission: Submission, *, wait: bool, report: Report) -> Submitted:
    """Hands the submission to its target, and follows the run to its end if asked to.

    Raises:
      ClusterError: the target did not take it.
      KeyboardInterrupt: Ctrl-C while following; the run goes on.
    """
    for note in submission.notes:
        report(note)
    stamped = submission.at(datetime.now(timezone.utc))
    return backend(submission.settings).submit(stamped, wait=wait, report=report)


def as_text(submission: Submission) -> str:
    """For `--dry-run`: the whole request as YAML, the same for the same submission."""
    comments = (f"A dry run: nothing was sent. {WHEN} stands for the time of submission.", *submission.notes)
    described = backend(submission.settings).described(submission)
    text = yaml.dump(described, Dumper=_Readable, sort_keys=True, allow_unicode=True, width=120)
    return "".join(f"# {comment}\n" for comment in comments) + text


def backend(settings: VertexSettings | KubeflowSettings) -> Any:
    """The module that speaks to it; both have `described`, `submit`, `runs` and `follow`."""
    if isinstance(settings, KubeflowSettings):
        from pipeline.cluster import kubeflow_api

        return kubeflow_api
    from pipeline.cluster import vertex

    return vertex


class _Readable(yaml.SafeDumper):
    """Text of several lines as a block, and nothing as an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.Node:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _Readable.represent_text)


def _cron(schedule: str | None) -> str | None:
    if schedule and len(schedule.split()) != 5:
        raise SubmitError(
            f"--schedule is {schedule!r}, wanted the five fields of cron in UTC, such as '0 3 * * 1' for Mondays at 3."
        )
    return schedule or None


def _telling_data_apart(submission: Submission) -> Submission:
    """On Kubeflow ExampleGen's driver does not run: other pictures under the same path must not come from the cache."""
    if submission.parameters.get(DATA_DIGEST):
        return submission
    if submission.schedule:
        # One value for all runs of a schedule would freeze the data; Kubeflow's macros for it depend on its version.
        note = f"{EXAMPLE_GEN} takes nothing from the cache: each run of the schedule reads its data anew."
        return dataclasses.replace(submission, compiled=_uncached(submission.compiled), notes=(note,))
    folder = submission.parameters["data"]
    digest = run_parameters.data_digest(folder, submission.parameters)
    unseen = (
        f"{folder} cannot be seen from here, so {EXAMPLE_GEN} takes nothing from the cache; "
        f"--parameter {DATA_DIGEST}=... names a state of the data."
    )
    parameters = {**submission.parameters, DATA_DIGEST: digest or UNSEEN}
    return dataclasses.replace(submission, parameters=parameters, notes=() if digest else (unseen,))


def _measured(submission: Submission) -> Submission:
    """Kubeflow hands a run's parameters to the root's driver as one argument, and older servers refuse long ones."""
    if not isinstance(submission.settings, KubeflowSettings):
        return submission
    size = len(json.dumps(dict(submission.parameters), ensure_ascii=False).encode())
    if size > sizes.ARGUMENT:
        longest = max(submission.parameters, key=lambda name: len(str(submission.parameters[name])))
        raise SubmitError(
            f"The run's parameters are {size:,} bytes, wanted at most {sizes.ARGUMENT:,}: shorten {longest}."
        )
    if size <= sizes.PARAMETERS:
        return submission
    note = (
        f"The run's parameters are {size:,} bytes: Kubeflow Pipelines before {LARGE_PARAMETERS} takes at most "
        f"{sizes.PARAMETERS:,}."
    )
    return dataclasses.replace(submission, notes=(*submission.notes, note))


def _uncached(compiled: Compiled) -> Compiled:
    spec = copy.deepcopy(compiled.spec)
    spec["root"]["dag"]["tasks"][EXAMPLE_GEN].pop("cachingOptions", None)
    return dataclasses.replace(compiled, spec=spec)
