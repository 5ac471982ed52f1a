"""A driver that puts what TFX's own does not look at into a node's cache key. It runs locally only, on no cluster."""

from __future__ import annotations

import abc
from typing import Any

from tfx.dsl.components.base import base_driver
from tfx.orchestration.portable import base_driver as portable_driver
from tfx.orchestration.portable import data_types
from tfx.proto.orchestration import driver_output_pb2


class Driver(base_driver.BaseDriver, portable_driver.BaseDriver):
    """A component names a subclass of it as its DRIVER_CLASS."""

    def __init__(self, metadata_handle: Any) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable_driver.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: data_types.ExecutionInfo) -> Any:
        """Gives the execution properties that `key` names."""
        output = driver_output_pb2.DriverOutput()
        for name, value in self.key(execution_info).items():
            if isinstance(value, int):
                output.exec_properties[name].int_value = value
            else:
                output.exec_properties[name].string_value = value
        return output

    @abc.abstractmethod
    def key(self, execution_info: data_types.ExecutionInfo) -> dict[str, str | int]:
        """What the node's result depends on besides its inputs and parameters."""
