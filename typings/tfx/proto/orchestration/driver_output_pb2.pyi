from typing import Any

class DriverOutput:
    exec_properties: Any
    output_artifacts: Any
    def __init__(self, **fields: Any) -> None: ...
