"""Starts decoding processes, through a program that has nothing of this process in it."""

from app.services.images.decoding_process import DecodingProcess
from app.utils.forking.server import ForkingServer, Program


class DecodingServer(ForkingServer[DecodingProcess]):
    """The program that starts decoding processes."""

    def __init__(self, formats: frozenset[str], library_path: str | None = None) -> None:
        """`library_path` is the LD_LIBRARY_PATH of the program, if it is to have one."""
        program = Program(
            "app.services.images.decoding_program",
            purpose="decodes images",
            arguments=(",".join(sorted(formats)),),
            library_path=library_path,
        )
        super().__init__(program, DecodingProcess)
