"""The part of Kubeflow's kubernetes_executor_config.proto that placing writes, to read it as strictly as Kubeflow does.

kfp-kubernetes, which has it whole, has no version with all of these fields for the older stack's protobuf.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


def kubernetes_executor_config() -> Any:
    """An empty message with the original's names and numbers."""
    file = descriptor_pb2.FileDescriptorProto(
        name="part_of_kubernetes_executor_config.proto", package="part", syntax="proto3"
    )
    text = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
    whole = descriptor_pb2.FieldDescriptorProto.TYPE_INT64

    def message(name: str, **fields: tuple[int, int | str, bool]) -> Any:
        made = file.message_type.add(name=name)
        for field, (number, type_, repeated) in fields.items():
            declared = made.field.add(name=field, number=number, label=3 if repeated else 1)
            if isinstance(type_, str):
                declared.type, declared.type_name = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE, f".part.{type_}"
            else:
                declared.type = type_  # type: ignore[assignment]
        return made

    message("PvcMount", constant=(2, text, False), mount_path=(4, text, False))
    for name in ("NodeSelector", "PodMetadata"):
        holder = message(name, labels=(1, f"{name}.LabelsEntry", True))
        entry = holder.nested_type.add(name="LabelsEntry")
        entry.field.add(name="key", number=1, label=1, type=text)
        entry.field.add(name="value", number=2, label=1, type=text)
        entry.options.map_entry = True
    message("SecretKey", secret_key=(1, text, False), env_var=(2, text, False))
    message("SecretAsEnv", secret_name=(1, text, False), key_to_env=(2, "SecretKey", True))
    message("ConfigMapKey", config_map_key=(1, text, False), env_var=(2, text, False))
    message("ConfigMapAsEnv", config_map_name=(1, text, False), key_to_env=(2, "ConfigMapKey", True))
    message("ImagePullSecret", secret_name=(1, text, False))
    words = {name: (number, text, False) for number, name in enumerate(("key", "operator", "value", "effect"), 1)}
    message("Toleration", **words, toleration_seconds=(5, whole, False))
    message("SelectorRequirement", key=(1, text, False), operator=(2, text, False), values=(3, text, True))
    message("NodeAffinityTerm", match_expressions=(1, "SelectorRequirement", True))
    message("SecurityContext", run_as_user=(1, whole, False), run_as_group=(2, whole, False))
    message(
        "KubernetesExecutorConfig", secret_as_env=(2, "SecretAsEnv", True), pvc_mount=(3, "PvcMount", True),
        node_selector=(4, "NodeSelector", False), pod_metadata=(5, "PodMetadata", False),
        image_pull_secret=(6, "ImagePullSecret", True), image_pull_policy=(7, text, False),
        config_map_as_env=(9, "ConfigMapAsEnv", True), active_deadline_seconds=(10, whole, False),
        tolerations=(12, "Toleration", True), node_affinity=(14, "NodeAffinityTerm", True),
        security_context=(18, "SecurityContext", False),
    )  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    described = pool.FindMessageTypeByName("part.KubernetesExecutorConfig")
    factory: Any = message_factory  # The older stack's protobuf has another name for it.
    newer = getattr(factory, "GetMessageClass", None)
    return newer(described)() if newer else factory.MessageFactory(pool).GetPrototype(described)()
