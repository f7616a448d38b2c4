# The embedded monitor in one container: non-root, nothing written outside /data, so the root may be read-only.
#   docker build -t highwater .
#   docker run --read-only --tmpfs /tmp -p 8480:8480 -v highwater-data:/data highwater
FROM python:3.11.16-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b AS build
RUN pip install --no-cache-dir "uv>=0.9,<1" && apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# One layer with the locked dependencies and the program; EXTRAS="--extra kafka --extra notify" adds what is wanted.
ARG EXTRAS=""
RUN UV_PROJECT_ENVIRONMENT=/opt/highwater uv sync --frozen --no-dev --no-editable --compile-bytecode ${EXTRAS}

FROM python:3.11.16-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
RUN useradd --system --uid 10001 --home-dir /data highwater && install -d -o highwater -g highwater -m 0700 /data
COPY --from=build /opt/highwater /opt/highwater
ENV PATH=/opt/highwater/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HIGHWATER_SERVE__HOST=0.0.0.0 HIGHWATER_SERVE__DATA_DIR=/data
USER highwater
VOLUME /data
EXPOSE 8480
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8480/readyz', timeout=2)"]
ENTRYPOINT ["highwater"]
CMD ["serve"]
