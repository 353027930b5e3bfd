FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY crm_mcp crm_mcp
COPY tool_schemas tool_schemas
RUN python -m venv /opt/crm-mcp && /opt/crm-mcp/bin/pip install --no-cache-dir .

FROM python:3.13-slim
COPY --from=build /opt/crm-mcp /opt/crm-mcp
# The record of writes, questions and settings of this server; nothing else is written.
ENV CRM_MCP_STATE_DIR=/state PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --no-create-home --uid 10001 crm && install -d -o crm -m 700 /state
VOLUME /state
USER crm
ENTRYPOINT ["/opt/crm-mcp/bin/crm-mcp"]
CMD ["serve"]
