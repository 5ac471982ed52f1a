"""Artifacts that the pages of Vertex AI and Kubeflow draw by themselves: `system.HTML` and the two kinds of metrics.

TFX knows none of them. In the DAG they are classes of ours; in a compiled file they have the backends' names
(pipeline/compiled/compiler.py), and the entrypoint gives TFX its classes back.
"""

from __future__ import annotations

from tfx.types.artifact import Artifact


class HtmlPage(Artifact):
    """Its uri is the file itself, as the pages want it."""

    TYPE_NAME = "components.HtmlPage"  # components/__init__.py gives the names: TFX imports exactly that.


class ClassificationMetrics(Artifact):
    """`confusionMatrix` among its properties, as kfp.dsl.ClassificationMetrics writes it."""

    TYPE_NAME = "components.ClassificationMetrics"


class ScalarMetrics(Artifact):
    """Each property a number."""

    TYPE_NAME = "components.ScalarMetrics"
