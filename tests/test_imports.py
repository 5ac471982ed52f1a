"""Imports point one way, trainer ← components ← pipeline, and between the parts of components/ as ORDER says.

Held over the sources by ast, so that nothing has to be imported; an import within a function counts as any other.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "trainer": {"trainer"},
    "components": {"trainer", "components"},
    "pipeline": {"trainer", "components", "pipeline"},
}
# Of components/: a part may import what lies before it in its chain, and whatever that may import.
ORDER = "data_error ← options, containers ← sources ← ingestion; conversion ← evaluation ← release; ingestion, release ← gate; node ← release; gate ← report ← zoo"  # noqa: E501
COMMAND_LINE = {"typer", "click", "rich"}
DEVELOPMENT = {"pytest", "hypothesis", "tests", "proof", "benchmarks"}
MOST_MODULES = 25

Graph = Mapping[str, set[str]]  # Module → what it imports; of ours the module, else the name as it is written.


@cache
def sources() -> Mapping[str, str]:
    """Module → its text; of a package, its `__init__`."""
    files = [file for package in MAY_IMPORT for file in (ROOT / package).rglob("*.py")]
    names = {file: ".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files}
    return {name.removesuffix(".__init__"): file.read_text(encoding="utf-8") for file, name in names.items()}


def graph(texts: Mapping[str, str]) -> Graph:
    return {name: set(_imported(name, text, texts)) - {name} for name, text in texts.items()}


def _imported(module: str, text: str, known: Mapping[str, str]) -> Iterator[str]:
    """By a statement anywhere, relatively, or by a literal name."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            within = module.split(".")[: -node.level] if node.level else []
            package = ".".join([*within, *filter(None, [node.module])])
            named = [f"{package}.{alias.name}" for alias in node.names]
            yield from (name if name in known else package for name in named)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (str(argument.value) for argument in node.args[:1] if isinstance(argument, ast.Constant))


def against_the_law(imports: Graph) -> list[str]:
    return _arrows(imports, lambda module, other: _top(other) in MAY_IMPORT.keys() - MAY_IMPORT[_top(module)])


def against_the_order(imports: Graph, order: str = ORDER) -> list[str]:
    may = _may_import(order)

    def wrong(module: str, other: str) -> bool:
        part, others = _part(module), _part(other)
        return bool(part and others and part != others and others not in may[part])

    return _arrows(imports, wrong)


def circle(imports: Graph) -> list[str]:
    """The first one that is found, its last module the first again; or nothing."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def of_one_file_name(imports: Graph) -> list[str]:
    """Importing the one as `name` hides the other, so that such modules go by another name in every file."""
    return _arrows(imports, lambda module, other: other in imports and _last(module) == _last(other))


def _arrows(imports: Graph, wrong: Callable[[str, str], bool]) -> list[str]:
    return [f"{name} → {other}" for name, others in imports.items() for other in sorted(others) if wrong(name, other)]


def _may_import(order: str) -> dict[str, set[str]]:
    before: dict[str, set[str]] = {}
    for chain in order.split(";"):
        links = [[part.strip() for part in link.split(",")] for link in chain.split("←")]
        for lower, upper in zip([[], *links[:-1]], links, strict=True):
            for part in upper:
                before.setdefault(part, set()).update(lower)
    for part in TopologicalSorter(before).static_order():
        before[part] |= {far for near in before[part] for far in before[near]}
    return before


def _top(module: str) -> str:
    return module.partition(".")[0]


def _part(module: str) -> str:
    """Of components/; the package itself only hands names on."""
    return module.split(".")[1] if module.startswith("components.") else ""


def _last(module: str) -> str:
    return module.rpartition(".")[2]


def test_a_package_imports_only_itself_and_what_lies_under_it():
    assert against_the_law(graph(sources())) == []


def test_the_parts_of_components_import_as_the_order_says():
    assert against_the_order(graph(sources())) == []


def test_every_part_of_components_stands_in_the_order():
    assert {_part(module) for module in sources()} - {"", *_may_import(ORDER)} == set()


def test_no_module_imports_one_that_imports_it():
    assert circle(graph(sources())) == []


def test_no_module_imports_one_of_its_own_file_name():
    assert of_one_file_name(graph(sources())) == []


def test_no_folder_holds_more_modules_than_one_can_look_over():
    files = [file for package in (*MAY_IMPORT, "tests") for file in (ROOT / package).rglob("*.py")]
    held = Counter(file.parent.relative_to(ROOT).as_posix() for file in files if file.name != "__init__.py")
    assert {folder: count for folder, count in held.items() if count > MOST_MODULES} == {}


def test_what_runs_on_a_node_never_imports_the_command_line():
    node = {name: imports for name, imports in graph(sources()).items() if _top(name) != "pipeline"}
    assert _arrows(node, lambda _, other: _top(other) in COMMAND_LINE) == []


def test_nothing_that_is_installed_imports_what_is_for_development():
    assert _arrows(graph(sources()), lambda _, other: _top(other) in DEVELOPMENT) == []


def test_the_trainer_knows_of_tfx_in_task_alone():
    imports = graph(sources())
    assert {name for name in imports if _top(name) == "trainer" and "tfx" in map(_top, imports[name])} <= {
        "trainer.task"
    }


PLANTED = {
    "trainer.keras": "",
    "components.sources.detect": "from components.sources import folders\nfrom trainer import keras",
    "components.sources.folders": "def scan():\n    from components.ingestion.shards import plan",
    "components.ingestion.shards": "import importlib\nimportlib.import_module('components.sources.detect')",
    "components.ingestion.folders": "from ..sources import folders",
    "components.zoo.page": "from components.node import cloud_paths\nfrom pipeline.cli import main",
    "components.node.cloud_paths": "",
    "pipeline.cli": "import rich.table, os.path\nfrom . import settings",
    "pipeline.settings": "",
}


def test_an_import_is_seen_wherever_it_stands():
    assert graph(PLANTED) == {
        "trainer.keras": set(),
        "components.sources.detect": {"components.sources.folders", "trainer.keras"},
        "components.sources.folders": {"components.ingestion.shards"},
        "components.ingestion.shards": {"importlib", "components.sources.detect"},
        "components.ingestion.folders": {"components.sources.folders"},
        "components.zoo.page": {"components.node.cloud_paths", "pipeline.cli"},
        "components.node.cloud_paths": set(),
        "pipeline.cli": {"rich.table", "os.path", "pipeline.settings"},
        "pipeline.settings": set(),
    }


def test_what_is_planted_is_found():
    planted = graph(PLANTED)
    assert against_the_law(planted) == ["components.zoo.page → pipeline.cli"]
    assert against_the_order(planted) == ["components.sources.folders → components.ingestion.shards"]
    assert set(circle(planted)) == {
        "components.sources.detect", "components.sources.folders", "components.ingestion.shards",
    }  # fmt: skip
    assert of_one_file_name(planted) == ["components.ingestion.folders → components.sources.folders"]


def test_a_part_may_import_what_lies_before_it_and_no_other():
    may = _may_import("a ← b ← c; d ← e; c, e ← f")
    assert may == {"a": set(), "b": {"a"}, "c": {"a", "b"}, "d": set(), "e": {"d"}, "f": {"a", "b", "c", "d", "e"}}
