"""Parameters as the backends type them."""

import pytest

from pipeline.emulator import parameters as ir_parameters
from pipeline.emulator.result import TaskError


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (5.0, "5"), (0.01, "0.01"), (1e-07, "0.0000001"), (True, "true"), ([1, "x"], '[1, "x"]'), ({}, "{}")],
)
def test_a_text_parameter_takes_anything_as_kubeflow_writes_it(value, text):
    component = {"inputDefinitions": {"parameters": {"p": {"parameterType": "STRING"}}}}
    assert ir_parameters.task_values(component, {"p": value}) == {"p": text}


@pytest.mark.parametrize(
    ("parameter_type", "good", "bad"),
    [
        ("NUMBER_INTEGER", 3.0, 3.5), ("NUMBER_DOUBLE", 3, True), ("NUMBER_DOUBLE", 0.1, float("nan")),
        ("BOOLEAN", False, 0), ("LIST", [], {}), ("STRUCT", {}, []),
    ],
)  # fmt: skip
def test_other_types_are_not_converted(parameter_type, good, bad):
    component = {"inputDefinitions": {"parameters": {"p": {"parameterType": parameter_type}}}}
    assert ir_parameters.task_values(component, {"p": good}) == {"p": good}
    with pytest.raises(TaskError, match=f"parameter p is .*, wanted {parameter_type}"):
        ir_parameters.task_values(component, {"p": bad})


def test_a_task_takes_its_component_s_default_and_needs_what_is_neither_given_nor_optional():
    declared = {
        "default": {"parameterType": "STRING", "defaultValue": "x"},
        "optional": {"parameterType": "STRING", "isOptional": True},
    }
    component = {"inputDefinitions": {"parameters": declared}}
    assert ir_parameters.task_values(component, {}) == {"default": "x"}
    declared["needed"] = {"parameterType": "STRING"}
    with pytest.raises(TaskError, match="nothing gives parameter needed, and it has no default"):
        ir_parameters.task_values(component, {})


def test_an_output_file_is_read_as_its_type_says():
    assert ir_parameters.from_text(" 7\n", "NUMBER_INTEGER") == 7
    assert ir_parameters.from_text("7\n", "STRING") == "7\n"
    with pytest.raises(TaskError, match="an output parameter is 'seven', wanted NUMBER_DOUBLE"):
        ir_parameters.from_text("seven", "NUMBER_DOUBLE")
