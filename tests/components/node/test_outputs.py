"""What a node leaves: folders for all that is declared, numbers in metrics, no objects that stand for folders."""

import json

import pytest

from components.node import outputs
from tests import storage_server


def execution(output_file, **types):
    """One output of each type, under gs://models/run."""
    return {
        "outputs": {
            "artifacts": {
                name: {"artifacts": [{"name": name, "uri": f"gs://models/run/{name}", "type": {"schemaTitle": title}}]}
                for name, title in types.items()
            },
            "outputFile": str(output_file),
        }
    }


def test_metrics_keep_their_numbers_and_lose_what_kubeflows_next_release_refuses(tmp_path):
    file = tmp_path / "output_metadata.json"
    metadata = {"int8_top1": 0.75, "pictures": 100, "tfx_version": "1.16.0", "name": "metrics", "good": True}
    said = {
        name: {"artifacts": [{"uri": f"/gcs/models/run/{name}", "metadata": dict(metadata)}]} for name in ("a", "b")
    }
    file.write_text(json.dumps({"artifacts": said}))
    outputs.hand_back(execution(file, a="components.ScalarMetrics", b="components.HtmlPage"), root="/")
    [metrics], [other] = (each["artifacts"] for each in json.loads(file.read_text())["artifacts"].values())
    assert metrics == {"uri": "gs://models/run/a", "metadata": {"int8_top1": 0.75, "pictures": 100}}
    assert other["metadata"] == metadata


def test_every_declared_output_has_a_folder_in_the_node_and_a_value_the_folder_of_its_file(tmp_path):
    outputs.make_folders(execution("", statistics="tfx.ExampleStatistics", verdict="tfx.String"), root=str(tmp_path))
    assert (tmp_path / "gcs/models/run/statistics").is_dir()
    assert [path.name for path in (tmp_path / "gcs/models/run").iterdir()] == ["statistics"]


def test_objects_that_stand_for_folders_go_from_below_the_outputs_and_from_nowhere_else(monkeypatch):
    kept = {
        "run/": b"", "run/other/": b"", "run/statistics/Split-eval/FeatureStats.pb": b"1", "run/statistics/empty": b"",
        "run/statistics/odd/": b"content", "run/statistics2/": b"",
    }  # fmt: skip
    folders = {
        "run/statistics/": b"",
        "run/statistics/Split-eval/": b"",
        "run/statistics/Split-train/": b"",
        "run/page/": b"",
    }
    with storage_server.serving(monkeypatch) as storage:
        storage.objects |= kept | folders
        outputs.remove_folder_objects(execution("", statistics="tfx.ExampleStatistics", page="tfx.Html"))
        assert storage.objects == kept


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ({}, ""),
        ({"schemaTitle": "tfx.Model"}, "tfx.Model"),
        ({"instanceSchema": "title: tfx.Model\ntype: object\n"}, "tfx.Model"),
        ({"schemaTitle": "title: tfx.Model\ntype: object\n"}, "tfx.Model"),
        ({"instanceSchema": ""}, ""),
    ],
)
def test_a_types_name_is_found_however_the_backend_gives_it(schema, name):
    assert outputs.title(schema) == name
