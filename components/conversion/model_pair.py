"""Do a float model and a fake-quantized one belong together?"""

from __future__ import annotations

from trainer.export import Description
from trainer.pictures import record


def fault(*, float_model: Description, qat_model: Description) -> str | None:
    """What speaks against the second being the first one's fake-quantized child; None if nothing does."""
    if float_model.quantized or not qat_model.quantized:
        return "wanted a float model and a fake-quantized one: are the two inputs swapped?"
    for field in ("width", "resolution", "classes", "central_fraction"):
        one, other = getattr(float_model, field), getattr(qat_model, field)
        if one != other:
            return f"{field} is {one} in the float model and {other} in the quantized one. Train both again."
    for field, one, other in record.differences(float_model.preprocessing, qat_model.preprocessing):
        return f"{field} is {one} in the float model and {other} in the quantized one. Train both again."
    return None
