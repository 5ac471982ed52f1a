# The image of every node: `make image` builds it with docker, podman or buildah. Targets:
#   cpu   every node; what comes where no target is named
#   gpu   trainers on a GPU: the same, and the CUDA libraries that TensorFlow was built for
#   beam  workers of Dataflow and other portable runners: the same, and Beam's boot
# BASE_IMAGE may be a digest: docs/security.md has the command that looks it up.
ARG BASE_IMAGE=debian:trixie-slim
ARG BEAM_IMAGE=apache/beam_python3.13_sdk:2.77.0

# The current stack (Python 3.11 to 3.13 with a glibc from 2.39 on): Debian 13 and its own Python, which it keeps mended.
FROM ${BASE_IMAGE} AS base
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/*

FROM base AS packages
# pyfarmhash has no wheel for Linux. What the compiler makes is all that goes on, so its version need not be pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/venv
WORKDIR /build
COPY requirements.lock ./
# The lock is whole, and this Python's pip would want a pin of its own for `google-api-core[grpc]`: hence no dependencies.
RUN /opt/venv/bin/pip download --no-cache-dir --no-deps --require-hashes --dest packages -r requirements.lock
# From these alone what pyproject.toml asks for, and what builds it: pytest and its like stay behind. setuptools wants a
# README; with an empty one, and our sources not yet there, the big layer stays as it is when they change.
COPY pyproject.toml ./
RUN touch README.md \
    && /opt/venv/bin/pip install --no-cache-dir --no-index --find-links packages --use-pep517 .

FROM base AS runtime
COPY --from=packages /opt/venv /opt/venv
# Nodes are run as `python -m …`, which must be this one, and by whichever user the cluster gives them: one without a name
# or a home needs both from here. The others are where Kubeflow's launcher, as that user, lays artifacts down.
RUN mkdir -m 1777 /home/mobilenet /gcs /minio /s3
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/mobilenet \
    PYTHONUNBUFFERED=1 \
    HOME=/home/mobilenet \
    USER=mobilenet
# By number: Kubernetes cannot tell from a name that it is not root.
USER 1000
WORKDIR /home/mobilenet
LABEL org.opencontainers.image.title="mobilenet-pipeline" \
      org.opencontainers.image.licenses="Apache-2.0"

FROM scratch AS sources
COPY LICENSE /
COPY trainer /trainer
COPY components /components
COPY pipeline /pipeline

# In each target the sources and their revision come last, so that a commit adds a few hundred kilobytes to push.
FROM runtime AS cpu
COPY --from=sources / /opt/mobilenet
ARG REVISION=unknown
LABEL org.opencontainers.image.revision="${REVISION}"
CMD ["mobilenet", "--help"]

FROM runtime AS cuda
USER 0
COPY requirements-gpu.lock /opt/venv/
# Not all of these are on TensorFlow's own search path.
RUN pip install --no-cache-dir --no-deps --require-hashes -r /opt/venv/requirements-gpu.lock \
    && printf '%s\n' /opt/venv/lib/python3*/site-packages/nvidia/*/lib >/etc/ld.so.conf.d/nvidia-wheels.conf \
    && ldconfig
USER 1000
# The driver is the machine's: GKE mounts it here, NVIDIA's container runtime goes by the other two.
ENV LD_LIBRARY_PATH=/usr/local/nvidia/lib64 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM cuda AS gpu
COPY --from=sources / /opt/mobilenet
ARG REVISION=unknown
LABEL org.opencontainers.image.revision="${REVISION}"
CMD ["mobilenet", "--help"]

FROM ${BEAM_IMAGE} AS beam-sdk

FROM runtime AS beam
COPY --from=beam-sdk /opt/apache/beam /opt/apache/beam
COPY --from=sources / /opt/mobilenet
# Boot would make an environment of its own, and without the packages of ours.
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
ARG REVISION=unknown
LABEL org.opencontainers.image.revision="${REVISION}"
ENTRYPOINT ["/opt/apache/beam/boot"]

# Not first, since an older buildah makes every stage above its target, and would fetch Beam's image for nothing.
FROM cpu
