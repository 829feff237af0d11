# All images of Kivi, one target each: kivi-server, kivi-sidecar, kivi-operator.
#
#   docker build --target kivi-server --tag REGISTRY/kivi-server:TAG .
#
# compiles in a builder stage. `make images` compiles outside, where nothing need be pulled, and builds with
# BINARIES=prebuilt; the stage that is not chosen is skipped.
ARG BINARIES=compiled

FROM docker.io/library/rust:1.95-bookworm AS compiled
WORKDIR /source
COPY . .
RUN scripts/binaries.sh --locked && mv dist/image /image

# What scripts/binaries.sh laid out outside: bin/, etc/.
FROM scratch AS prebuilt
COPY dist/image /image

FROM ${BINARIES} AS files

FROM scratch AS kivi-server
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="kivi-server" \
      org.opencontainers.image.description="Kivi's key-value server" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=files /image/etc /etc
COPY --from=files /image/bin/kivi-server /kivi-server
USER 65532:65532
ENTRYPOINT ["/kivi-server"]

FROM scratch AS kivi-sidecar
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="kivi-sidecar" \
      org.opencontainers.image.description="Kivi's sidecar: probes, tracing, throttling, caching" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=files /image/etc /etc
COPY --from=files /image/bin/kivi-sidecar /kivi-sidecar
USER 65532:65532
ENTRYPOINT ["/kivi-sidecar"]

FROM scratch AS kivi-operator
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="kivi-operator" \
      org.opencontainers.image.description="The operator of Kivi's key-value stores" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=files /image/etc /etc
COPY --from=files /image/bin/kivi-operator /kivi-operator
USER 65532:65532
ENTRYPOINT ["/kivi-operator"]
