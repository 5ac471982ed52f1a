"""A whole Keras model from somebody else, as `mobilenet evaluate` opens it: what is code in it is not run."""

import pytest

from components.evaluation import classifiers
from components.evaluation.classifiers import Model, ModelError
from trainer.keras import keras


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_a_lambda_layers_code_is_refused_and_not_run(tmp_path, suffix):
    witness = tmp_path / "it ran"
    code = f"lambda images, path={str(witness)!r}: (__import__('pathlib').Path(path).touch(), images)[1]"
    model = keras.Sequential(
        [
            keras.layers.Input((32, 32, 3)),
            keras.layers.Lambda(eval(code)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    file = tmp_path / f"model{suffix}"
    model.save(file)
    witness.unlink()  # It ran when the model was made.
    with pytest.raises(ModelError, match=r"is no model that Keras 2 loads: .*[Ll]ambda"):
        classifiers.load(Model("theirs", str(file), None))
    assert not witness.exists()
