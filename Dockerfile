# Two stages: the first builds the executable from a checkout, the second holds it and the libraries that it needs.
#
#   docker build -t argosy .
#   docker run --rm -p 2379:2379 -v argosy:/data argosy
#
# With units and the overlay an agent works on the host itself; in a container both are off unless you give it the host:
#   docker run --net host --privileged -v /run/systemd:/run/systemd -v /run/fleet:/run/fleet -v /run/flannel:/run/flannel argosy run

FROM node:20-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
WORKDIR /argosy
# First what the dependencies depend on, so that they are fetched again only when it changes.
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build
# The executable, the loader and the libraries that ldd names, and empty folders: the whole of the image.
RUN set -eu; root=/image; mkdir -p "$root/usr/bin" "$root/data" "$root/tmp" "$root/etc"; chmod 1777 "$root/tmp"; \
    cp dist/agent "$root/usr/bin/agent"; \
    ldd dist/agent | grep -o '/[^ ]*' | while read -r library; do cp -L --parents "$library" "$root"; done; \
    printf '127.0.0.1 localhost\n::1 localhost\n' > "$root/etc/hosts"; \
    printf 'root:x:0:0:root:/:/usr/bin/agent\n' > "$root/etc/passwd"

FROM scratch
COPY --from=build /image/ /
ENV PATH=/usr/bin
VOLUME /data
EXPOSE 2379 2380
ENTRYPOINT ["/usr/bin/agent"]
# Inside a container loopback reaches nobody: serve on all addresses. A cluster gives its own flags in place of these.
CMD ["run", "--data-dir", "/data", "--listen-client-urls", "http://0.0.0.0:2379", "--advertise-client-urls", "http://127.0.0.1:2379"]
