"""What a person sees: nodes, epochs, speed. What TFX says goes to the log, C++ and child processes included."""

import io
import logging
import os
import subprocess
import sys

from rich.console import Console

from pipeline.terminal.progress import Follower, _describe, following


def _screen(*records: tuple[str, dict | None]) -> str:
    console = Console(file=io.StringIO(), record=True, width=120)
    follower = Follower(console)
    follower.nodes = 13
    for message, values in records:
        record = logging.LogRecord("absl", logging.INFO, "", 0, message, None, None)
        if values:
            record.progress = values
        follower.emit(record)
    return console.export_text()


def test_a_node_is_announced_with_its_place_and_ticked_off():
    screen = _screen(("Component StatisticsGen is running.", None), ("Component StatisticsGen is finished.", None))
    assert "[1/13] StatisticsGen" in screen
    assert "✓ StatisticsGen 0.0 s" in screen


def test_the_beam_runners_words_are_understood_and_a_cached_node_says_so():
    said = ("node Pusher-w025-r32 is running.", "A cached execution 7 is used.", "node Pusher-w025-r32 is finished.")
    assert "✓ Pusher-w025-r32 from cache" in _screen(*((text, None) for text in said))


def test_an_evaluation_during_training_is_shown():
    values = {"task": "evaluate", "step": 620, "steps": 930, "top1": 0.8375}
    assert "step 620 of 930: eval top-1 83.8%" in _screen(("", values))


def test_the_last_step_and_a_resumed_one_stay_on_the_screen():
    values = {"task": "train", "step": 930, "steps": 930, "epoch": 30, "epochs": 30, "loss": 0.84, "top1": 0.852}
    assert "step 930 of 930: epoch 30/30, loss 0.840, top-1 85.2%, 1,890 images/s" in _screen(
        ("", {**values, "images_per_second": 1890.0})
    )
    assert "going on from step 96 of 930" in _screen(("", {"task": "resume", "step": 96, "steps": 930}))


def test_an_ingestion_shows_its_pictures_what_it_refused_and_its_speed():
    values = {"task": "ingest", "done": 2500, "total": 50_000, "refused": 3, "bytes": 250_000_000, "seconds": 4.0}
    assert _describe(values) == ("2,500 pictures, 3 refused, 62.5 MB/s", 2500, 50_000)


def test_what_others_write_is_in_the_log_and_not_on_the_screen(tmp_path, capfd):
    log = tmp_path / "log.txt"
    with following(log) as follower:
        follower.console.print("for the person")
        os.write(2, b"from C++\n")
        subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
        logging.getLogger("absl").info("from TFX")
    screen = capfd.readouterr().out
    assert "for the person" in screen
    assert "from" not in screen
    for text in ("from C++", "from a child", "from TFX"):
        assert text in log.read_text()
