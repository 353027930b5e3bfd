"""Which state the settings choose: a folder, or a server that several machines share."""

from typing import TYPE_CHECKING

from crm_mcp.audit import Audit
from crm_mcp.config import General, Settings
from crm_mcp.state import State, StateFolder

if TYPE_CHECKING:
    from crm_mcp.sharing import Sharing


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


def sharing_of(settings: Settings, state: State, account: str) -> "Sharing | None":
    """Give what replicas share of one account; None where there is one process, or one folder."""
    if settings.general.state_url is None:
        return None
    from crm_mcp.redis_state import RedisState
    from crm_mcp.sharing import Sharing

    key = settings.http.state_key
    secret = key.get_secret_value() if key else None
    return Sharing(state, account, secret) if isinstance(state, RedisState) else None
