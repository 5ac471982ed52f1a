# The image of every node: `make image` builds it with docker, podman or buildah.
ARG BASE_IMAGE=python:3.10-slim-bookworm

FROM ${BASE_IMAGE} AS builder
# pyfarmhash has no wheel for Linux. What the compiler makes is all that goes on, so its version need not be pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/* \
    && python -m venv /opt/venv
WORKDIR /build
# The packages first: they change less often than the sources. It is the lock as a whole, which is what the tests ran on.
COPY requirements.lock ./
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY trainer trainer
COPY components components
COPY pipeline pipeline
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM ${BASE_IMAGE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="mobilenet-pipeline" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=builder /opt/venv /opt/venv
# Nodes are run as `python -m …`: it must be this one.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1
RUN useradd --create-home --uid 1000 mobilenet
# By number: Kubernetes cannot tell from a name that it is not root.
USER 1000
WORKDIR /home/mobilenet
CMD ["mobilenet", "--help"]
