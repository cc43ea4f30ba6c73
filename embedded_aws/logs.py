"""CloudWatch Logs, whose streams of job runs have a copy on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from moto.logs.responses import LogsResponse


class SandboxLogsResponse(LogsResponse):
    """A log stream that is deleted takes the copy in the folder of its job run along."""

    jobs_folder: ClassVar[Path]

    def delete_log_stream(self) -> str:
        """Delete a stream and, as both streams of a run are in one file, the run's output.log."""
        answer: str = super().delete_log_stream()
        run = Path(self._get_param("logStreamName")).name
        (self.jobs_folder / run / "output.log").unlink(missing_ok=True)
        return answer
