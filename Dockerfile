# kube-vrrp, agent and controller in one image: docs/image.md says what is in it. `docker build .` is all it takes.
FROM node:26-bookworm-slim AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends binutils g++ make patchelf python3 \
 && rm -rf /var/lib/apt/lists/*
# The headers that come with Node: nothing is fetched for native add-ons.
ENV npm_config_nodedir=/usr/local
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY LICENSE ./
COPY bundle bundle
COPY src src
# Of what is in the image, in seconds since 1970: the same content is the same layer.
ARG SOURCE_DATE_EPOCH=0
RUN node bundle/image-root.ts /image \
 && find /image -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

FROM scratch
COPY --from=build /image /
LABEL org.opencontainers.image.title="kube-vrrp" \
      org.opencontainers.image.description="Floating IP addresses for Kubernetes and plain Linux, by VRRP" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
ENV PATH=/usr/local/bin
ENTRYPOINT ["/usr/local/bin/kube-vrrp"]
