"""Where it runs."""

import os

import pytest

from pipeline.settings import environment, error
from pipeline.settings import local as settings


def test_the_defaults_are_the_bundled_pictures_and_a_folder_beside_you(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    local = settings.Settings()
    settings.check(local)
    assert local.data == settings.SAMPLE
    assert local.workdir == tmp_path / "runs"
    assert not list(local.workdir.iterdir())


@pytest.mark.parametrize(("workers", "mode"), [(1, "in_memory"), (2, "multi_processing")])
def test_more_than_one_worker_means_processes(monkeypatch, workers, mode):
    for name in (environment.BEAM_MODE, environment.BEAM_WORKERS):
        monkeypatch.setenv(name, "")
    environment.set_beam_workers(workers)
    assert (os.environ[environment.BEAM_MODE], os.environ[environment.BEAM_WORKERS]) == (mode, str(workers))


def test_bundles_go_into_the_work_directory_or_where_the_setting_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert settings.Settings().destination == str(tmp_path / "runs" / "models")
    for given, wanted in (("out", str(tmp_path / "out")), ("gs://models/out/", "gs://models/out")):
        assert settings.Settings(push_destination=given).destination == wanted


@pytest.mark.parametrize("name", ["a[b", "a*b", "a?b"])
def test_a_work_directory_that_tfx_would_take_for_a_pattern_is_refused_before_anything_is_done(tmp_path, name):
    with pytest.raises(error.SettingsError, match=r"--workdir is .*TFX takes '[\[*?]' in it for a pattern"):
        settings.check(settings.Settings(workdir=tmp_path / name))
    assert not (tmp_path / name).exists()
