"""The session of each README: its commands, run again against a real service, and what came out.

python -m tests.support.transcript      runs them and writes what came out into both
"""

import re
import subprocess
import tempfile
from pathlib import Path

from tests.support.service_process import ROOT, running_service

READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
_BLOCK = re.compile(r"(?<=```console\n).*?(?=```)", re.DOTALL)
_CHANGING = [
    (re.compile(r"req_\d+_[0-9a-f]{12}"), "req_…"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<time>"),
    (re.compile(r'("(?:avg_)?processing_time_ms":)\d+'), r"\1<ms>"),
    (re.compile(r'("(?:avg_)?confidence":\d\.\d\d)\d+'), r"\1"),  # processors round the last decimals differently
]


def read_transcript(readme: Path) -> str:
    """Return what a README prints."""
    (block,) = _BLOCK.findall(readme.read_text(encoding="utf-8"))
    return str(block)


def replay(transcript: str) -> str:
    """Return the transcript with the output that its commands have now, on a new database."""
    commands = [line.removeprefix("$ ") for line in transcript.splitlines() if line.startswith("$ ")]
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service:
        # One shell for all, so that variables stay; a mark after each command tells the outputs apart.
        script = "".join(f"{command}\nprintf '\\036'\n" for command in commands)
        script = script.replace("http://127.0.0.1:8000", service.url)
        ended = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    outputs = ended.stdout.split("\x1e")
    return "".join(
        f"$ {command}\n" + (f"{output.strip()}\n" if output.strip() else "")
        for command, output in zip(commands, outputs, strict=False)
    )


def without_what_changes(transcript: str) -> str:
    """Return a transcript with a placeholder for each id, time and duration."""
    for pattern, placeholder in _CHANGING:
        transcript = pattern.sub(placeholder, transcript)
    return transcript


if __name__ == "__main__":
    for file in READMES:
        printed = read_transcript(file)
        file.write_text(file.read_text(encoding="utf-8").replace(printed, replay(printed)), encoding="utf-8")
