"""A signal during training saves first, and then ends the process as it would have."""

import signal
import sys

import pytest

from trainer.training import interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_either_signal_saves_once_and_the_handlers_are_as_before(number):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    saved = []
    with pytest.raises(KeyboardInterrupt), interrupts.saved(lambda: saved.append(1)):
        signal.raise_signal(number)
    assert saved == [1]
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_sigterm_that_the_command_line_handles_stays_its_own():
    former = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    saved = []
    try:
        with pytest.raises(SystemExit, match="143"), interrupts.saved(lambda: saved.append(1)):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, former)
    assert saved == [1]


def test_nothing_is_saved_where_nothing_interrupts_or_where_it_fails():
    saved = []
    with interrupts.saved(lambda: saved.append(1)):
        pass
    with pytest.raises(ValueError), interrupts.saved(lambda: saved.append(1)):
        raise ValueError
    assert saved == []
