FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY crm_mcp crm_mcp
COPY tool_schemas tool_schemas
RUN pip wheel --no-cache-dir --wheel-dir /wheels '.[team]'

FROM python:3.13-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels 'crm-mcp[team]' \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin crm \
    && install -d -o crm -g crm -m 0700 /state
ENV CRM_MCP_STATE_DIR=/state \
    PYTHONDONTWRITEBYTECODE=1
VOLUME ["/state"]
USER 10001:10001
ENTRYPOINT ["crm-mcp"]
CMD ["serve"]
