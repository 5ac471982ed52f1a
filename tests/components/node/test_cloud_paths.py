"""Object stores as folders, and back."""

import json

import pytest

from components.node.cloud_paths import localized, remote


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("gs://bucket/models/0.25_64", "/gcs/bucket/models/0.25_64"),
        ("s3://bucket/x", "/s3/bucket/x"),
        ("minio://mlpipeline/v2/artifacts", "/minio/mlpipeline/v2/artifacts"),
    ],
)
def test_a_uri_is_the_folder_that_vertex_and_kubeflow_give_it_and_back(uri, path):
    assert localized(uri) == path
    assert remote(path) == uri
    assert localized(uri, root="/pod") == f"/pod{path}"
    assert remote(f"/pod{path}", root="/pod") == uri


@pytest.mark.parametrize(
    "text", ["/mnt/pictures", "pictures", "https://host/gs", "logs://x", "gs:/x", "", 3, None, True]
)
def test_what_is_no_object_store_stays(text):
    assert localized(text) == remote(text) == text


def test_uris_inside_records_and_inside_json_text_are_found():
    config = json.dumps({"resume": "gs://bucket/resume", "recipe": {"epochs": 3}})
    value = {"parameters": {"custom_config": config, "data": "gs://bucket/pictures"}, "list": ["gs://b/1", 2]}
    changed = localized(value)
    assert json.loads(changed["parameters"]["custom_config"])["resume"] == "/gcs/bucket/resume"
    assert changed["parameters"]["data"] == "/gcs/bucket/pictures"
    assert changed["list"] == ["/gcs/b/1", 2]
    assert value["list"] == ["gs://b/1", 2]  # The original is untouched.
