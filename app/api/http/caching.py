"""What a browser or a proxy may keep of an answer: nothing of what is somebody's, or changes."""

from fastapi import Depends, Response


async def _forbid_storing(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "X-User-ID, X-API-Key, Authorization"


NOT_STORED = Depends(_forbid_storing)
"""`APIRouter(dependencies=[NOT_STORED])`. Errors say it by themselves."""
