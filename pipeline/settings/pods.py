"""What a platform's team asks of Kubeflow's pods, in Kubernetes' own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from typing_extensions import NotRequired, TypedDict

_STRICT = ConfigDict(extra="forbid", strict=True)
_Text = Annotated[str, Field(min_length=1)]
_Variable = Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$", description="a variable's name")]


class Toleration(TypedDict):
    """Of a node's taint."""

    __pydantic_config__ = _STRICT  # pyright: ignore[reportGeneralTypeIssues]

    key: NotRequired[_Text]
    operator: NotRequired[Literal["Exists", "Equal"]]
    value: NotRequired[_Text]
    effect: NotRequired[Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]]
    seconds: NotRequired[Annotated[int, Field(ge=0)]]


class Affinity(TypedDict):
    """What a Kubernetes node's label must be."""

    __pydantic_config__ = _STRICT  # pyright: ignore[reportGeneralTypeIssues]

    key: _Text
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: NotRequired[list[str]]


class EnvironmentFrom(TypedDict):
    """Variables of a node's environment, from keys of a secret or of a config map."""

    __pydantic_config__ = _STRICT  # pyright: ignore[reportGeneralTypeIssues]

    name: _Text
    keys: dict[str, _Variable]


def executor_config(node: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of Kubeflow's KubernetesExecutorConfig, in JSON; older names where all releases read those.

    Args:
      node: a KubeflowNode's fields.
    """
    user, group = node.get("run_as_user"), node.get("run_as_group")
    context = {"runAsUser": user, "runAsGroup": group}
    affinity = [dict(each) for each in node.get("affinity", [])]
    said: dict[str, Any] = {
        "nodeSelector": {"labels": node["node_selector"]} if node.get("node_selector") else {},
        "tolerations": [_toleration(each) for each in node.get("tolerations", [])],
        "nodeAffinity": [{"matchExpressions": affinity}] if affinity else [],
        "secretAsEnv": [_variables(each, "secret") for each in node.get("env_from_secrets", [])],
        "configMapAsEnv": [_variables(each, "configMap") for each in node.get("env_from_config_maps", [])],
        "securityContext": {name: str(number) for name, number in context.items() if number is not None},
        "activeDeadlineSeconds": str(node["deadline"]) if node.get("deadline") else None,  # int64 is text in JSON.
    }
    return {name: value for name, value in said.items() if value}


def _toleration(said: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in said.items() if name != "seconds"}
    return kept | ({"tolerationSeconds": str(said["seconds"])} if "seconds" in said else {})


def _variables(said: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """`secretName` and `configMapName` are what all releases read; the newer names end the older ones' drivers."""
    keys = [{f"{kind}Key": key, "envVar": variable} for key, variable in sorted(said["keys"].items())]
    return {f"{kind}Name": said["name"], "keyToEnv": keys}
