# The gateway: docker build -t qualityroute . (docs/gateway.md, "In a container")
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY qualityroute qualityroute
COPY rubrics rubrics
RUN python -m venv /opt/qualityroute \
    && /opt/qualityroute/bin/pip install --no-cache-dir --constraint constraints.txt '.[server,fast,postgres]'

FROM python:${PYTHON}-slim
# Nobody's number on a usual host, and fixed, so that a volume can be given to it.
RUN groupadd --gid 10001 qualityroute \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/qualityroute --shell /usr/sbin/nologin qualityroute \
    && install --directory --owner 10001 --group 10001 --mode 0750 /var/lib/qualityroute \
    && install --directory /etc/qualityroute
COPY --from=build /opt/qualityroute /opt/qualityroute
ENV PATH=/opt/qualityroute/bin:$PATH PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/qualityroute
VOLUME /var/lib/qualityroute
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["qualityroute"]
CMD ["serve", "--config", "/etc/qualityroute/qualityroute.toml", "--host", "0.0.0.0", "--port", "8080"]
