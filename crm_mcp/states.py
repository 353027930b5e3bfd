"""Which state the settings choose: a folder, or a server that several machines share."""

from crm_mcp.audit import Audit
from crm_mcp.config import General
from crm_mcp.state import State, StateFolder


def state_of(general: General) -> State:
    """Give the state; nothing is opened before its first use."""
    if general.state_url is None:
        return StateFolder(general.state_dir)
    # Imported only here: a folder needs none of it.
    from crm_mcp.redis_state import RedisState

    return RedisState(general.state_url.get_secret_value(), general.state_dir)


def audit_of(general: General, state: State) -> Audit:
    """Give the record, kept where the settings say."""
    return Audit(state, kept_in=general.audit or ("stream" if general.state_url else "file"))
