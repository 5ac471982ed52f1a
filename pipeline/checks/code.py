"""The code behind a node: modules and classes that are not there end a run only after its image was pulled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.checks import modules
from pipeline.checks.parsed import Parsed, Problem, Target, Task, value_of
from pipeline.compiled.compiled_file import EXECUTOR_CLASS

_ENTRYPOINT = "components.node.entrypoint"
_HERE = "in this environment, which the image is made of"
# Parameters of TFX's components that name code: a function of a module, and a module.
_FUNCTION, _MODULE = "run_fn", "module_path"


def entry_modules(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """`python -m MODULE` of the executor, and of the driver before it."""
    for task in pipeline.containers:
        container = task.executor.container
        for command in (container.command, container.lifecycle.pre_cache_check.command):
            module = _module(command)
            if module is not None and modules.find(module) is None and modules.find(f"{module}.__main__") is None:
                yield task.problem(
                    f"Its command is {' '.join(command)!r}, and there is no module {module!r} {_HERE}.",
                    f"Write `python -m {_ENTRYPOINT}` there, or install what has that module.",
                )


def executors(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """The class that TFX's entrypoint imports."""
    for task in pipeline.containers:
        path = value_of(EXECUTOR_CLASS, task.arguments)
        if path is None and _module(task.executor.container.command) == _ENTRYPOINT:
            yield task.problem(
                f"Its arguments have no {EXECUTOR_CLASS}.", "Write the file again with `mobilenet compile`."
            )
        elif path is not None and modules.definition(path) is None:
            yield task.problem(f"Its {EXECUTOR_CLASS} is {path!r}: {_sought(path)}.", "Name a class that is there.")


def named_code(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Code that a parameter names: the Trainer's run_fn, the Evaluator's module_path."""
    for task in pipeline.containers:
        function, module = _constant(task, _FUNCTION), _constant(task, _MODULE)
        if function and modules.definition(function) is None:
            yield task.problem(f"Its {_FUNCTION} is {function!r}: {_sought(function)}.", "Name one that is there.")
        if module and modules.find(module) is None:
            yield task.problem(
                f"Its {_MODULE} is {module!r}, and there is no such module {_HERE}.", "Name one that is there."
            )


def _module(command: Sequence[str]) -> str | None:
    """Of `python -m MODULE`; None for another command."""
    python = len(command) > 2 and command[0].rpartition("/")[2].startswith("python") and command[1] == "-m"
    return command[2] if python else None


def _sought(dotted: str) -> str:
    """What was looked for in vain."""
    module, _, name = dotted.rpartition(".")
    path = modules.find(module)
    return f"there is no {name!r} in {path.name} of {module}" if path else f"there is no module {module!r} {_HERE}"


def _constant(task: Task, name: str) -> str:
    """A parameter's value where the file has it; empty where it comes from elsewhere."""
    given = task.message.inputs.parameters
    return given[name].runtime_value.constant.string_value if name in given else ""
