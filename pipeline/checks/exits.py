"""Tasks that run however those before them ended (`ALL_UPSTREAM_TASKS_COMPLETED`), as Kubeflow hangs them.

Its compiler takes such a task out of the DAG and makes it an exit hook of each task that it waits for
(backend/src/v2/compiler/argocompiler/dag.go). The API server refuses the first two of these, and the others never work.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.graph import edges
from pipeline.checks.parsed import Dag, Parsed, Problem, Target, Task
from pipeline.checks.releases import EXIT_HOOKS
from pipeline.compiled.compiled_file import WHATEVER_CAME_BEFORE

_WAITS = "Let it wait for one task, such as the DAG that holds what comes before it."


def exits(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Each behind one task, and nothing behind it."""
    if target != "kubeflow" or pipeline.release < EXIT_HOOKS:
        return
    for dag in pipeline.dags:
        tasks = [pipeline.task(dag, name) for name in sorted(dag.tasks)]
        ends = {task.key: task for task in tasks if _is_exit(task)}
        if ends and len(ends) == len(tasks):
            yield Problem(
                dag.name,
                f"It has no task but {', '.join(ends)}, to run however others ended: Kubeflow refuses such a DAG.",
                "Add the tasks that come before, or take the triggerPolicy out.",
            )
            continue
        for task in tasks:
            yield from (_exit if task.key in ends else _behind)(task, {*ends}, dag)


def _exit(task: Task, ends: set[str], dag: Dag) -> Iterator[Problem]:
    before = [name for name in sorted(waits_for(task)) if name in dag.tasks]
    if others := [name for name in before if name in ends]:
        yield task.problem(f"It waits for {others[0]}, which runs however others ended: Kubeflow refuses that.", _WAITS)
    elif not task.message.dependent_tasks:
        yield task.problem("It runs however others ended and has no dependentTasks: it would never run.", _WAITS)
    elif len(before) > 1:
        yield task.problem(
            f"It runs however others ended and waits for {', '.join(before)}: Kubeflow runs it {len(before)} times, "
            "once behind each, and two tasks of one name end the run.",
            _WAITS,
        )


def _behind(task: Task, ends: set[str], dag: Dag) -> Iterator[Problem]:
    if others := sorted(waits_for(task) & ends):
        yield task.problem(
            f"It waits for {others[0]}, which runs however others ended: Kubeflow refuses that.",
            f"Take {others[0]} out of its dependentTasks and inputs, or the triggerPolicy out of {others[0]}.",
        )


def waits_for(task: Task) -> set[str]:
    """By name, or as a producer."""
    return {*task.message.dependent_tasks, *(edge.producer for edge in edges(task))}


def _is_exit(task: Task) -> bool:
    policy = task.message.trigger_policy
    return policy.TriggerStrategy.Name(policy.strategy) == WHATEVER_CAME_BEFORE
