"""How long rows are kept."""

from pydantic import BaseModel, Field


class RetentionSettings(BaseModel):
    """Retention."""

    log_retention_days: int = Field(90, ge=0, le=36500, description="Days a request_log row is kept; 0: for ever")
