# The service in a container: docs/deploying.md says how to run it, tests/test_container.py what holds of this file.

FROM python:3.13-slim AS wheel
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY nedsvc ./nedsvc
RUN pip wheel --no-deps --wheel-dir /wheels .

FROM python:3.13-slim AS installed
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
COPY --from=wheel /wheels /wheels
# A venv without pip; nothing is compiled, so that no compiler is needed.
RUN python -m venv --without-pip /opt/nedsvc/venv \
    && pip --python /opt/nedsvc/venv/bin/python install --only-binary :all: "$(echo /wheels/nedsvc-*.whl)[en]"
# The first look-up builds the starter index, which then only needs to be read.
RUN NEDSVC_CACHE=/opt/nedsvc/cache /opt/nedsvc/venv/bin/nedsvc lookup Kyiv

FROM python:3.13-slim
LABEL org.opencontainers.image.title="nedsvc" \
      org.opencontainers.image.description="Named entity disambiguation: text in, Wikidata IDs out" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN pip uninstall --yes --root-user-action ignore pip \
    && groupadd --gid 10001 nedsvc \
    && useradd --uid 10001 --gid nedsvc --no-create-home --home-dir /tmp --shell /usr/sbin/nologin nedsvc
COPY --from=installed /opt/nedsvc /opt/nedsvc
ENV PATH=/opt/nedsvc/venv/bin:$PATH \
    NEDSVC_CACHE=/opt/nedsvc/cache \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["nedsvc"]
CMD ["serve", "--host", "0.0.0.0"]
