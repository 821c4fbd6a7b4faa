"""Which records are kept, and where they wait while the database is away."""

from pathlib import Path

from pydantic import BaseModel, Field


class RecordSettings(BaseModel):
    """Records of what was answered."""

    spool_dir: Path = Field(
        Path("data/spool"), description="Folder for records that wait for a database that is away; keep it on a disk"
    )
    spool_max_mb: int = Field(
        1024, ge=1, le=1_048_576, description="Most MiB of such records per process; beyond it requests are refused"
    )
    enable_request_log: bool = Field(True, description="Whether answered requests get a row in request_log")
