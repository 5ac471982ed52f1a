"""Conditions: TFX's and kfp's CEL over an ExecutorInput; what is no such thing is an error and never Python."""

import pytest

from pipeline.emulator import condition as ir_condition
from pipeline.emulator.result import TaskError

ARTIFACT = {"uri": "/models/1", "metadata": {"blessed": 1.0, "reason": "it's fine"}}
EXECUTION = {
    "inputs": {
        "artifacts": {"model": {"artifacts": [ARTIFACT]}},
        "parameterValues": {"floor": 0.5, "push": True, "name": "w&&!x", "count": 3.0, "text": "7"},
    }
}
MODEL = "inputs.artifacts['model'].artifacts[0]"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f"({MODEL}.metadata['blessed'] == 1.0)", True),  # As TFX's compiler writes it.
        (f"({MODEL}.metadata['blessed'] > 1.0)", False),
        (f"!({MODEL}.metadata['blessed'] == 1.0)", False),
        (f"({MODEL}.uri == ('/models' + \"/1\"))", True),
        (f"({MODEL}.metadata['reason'] == 'it\\'s fine')", True),
        ("inputs.parameter_values['floor'] <= 0.5 && inputs.parameter_values['push']", True),  # As kfp does.
        ("inputs.parameter_values['name'] == 'w&&!x'", True),
        ("int(inputs.parameter_values['text']) >= 7", True),
        ("string(inputs.parameter_values['count']) == '3'", True),
        ("!inputs.parameter_values['push'] == false", True),  # `!` binds tighter than `==`, as in CEL.
        ("true || false && false", True),
        ("inputs.parameter_values['floor'] != -0.5", True),
        ("inputs.parameter_values['floor'] == 'half'", False),  # A number is no text.
        ("inputs.parameter_values['none'] == 1.0 || true", True),  # One side decides.
        ("false && inputs.parameter_values['none'] == 1.0", False),
    ],
)
def test_a_condition_is_read_as_the_backends_read_it(condition, expected):
    assert ir_condition.holds(condition, EXECUTION) is expected


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (f"{MODEL}.metadata['blest'] == 1.0", r"no 'blest' there, only blessed, reason"),
        ("inputs.artifacts['model'].artifacts[1].uri == ''", r"no 1 there, only 1 elements"),
        ("inputs.parameter_values['name'] < 1.0", r"'w&&!x' and 1.0 cannot be compared"),
        ("inputs.parameter_values['floor']", r"gives 0.5, wanted true or false"),
        ("inputs.parameter_values['floor'] && true", r"0.5 is neither true nor false"),
        ("1 < 2 < 3", r"no part of CEL"),
        ("__import__('os').system('true') == 0", r"no part of CEL"),
        ("[1 for x in 'ab'] == 1", r"no part of CEL"),
        ("inputs.", r"invalid syntax"),
        ("(" * 300 + "true" + ")" * 300, r"cannot be evaluated"),
    ],
)
def test_what_is_no_condition_or_asks_for_what_is_not_there_is_an_error(condition, message):
    with pytest.raises(TaskError, match=message):
        ir_condition.holds(condition, EXECUTION)
