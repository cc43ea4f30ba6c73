"""CloudWatch Logs; the log streams of a job run also exist as a file on disk, its output.log."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from moto.logs.responses import LogsResponse


class EmbeddedLogsResponse(LogsResponse):
    """Deletes the file together with the log stream, so that no copy of erased data remains."""

    jobs_folder: ClassVar[Path]

    def delete_log_stream(self) -> str:
        """Delete a stream and the run's output.log, which holds both streams of the run."""
        answer: str = super().delete_log_stream()
        run = Path(self._get_param("logStreamName")).name
        (self.jobs_folder / run / "output.log").unlink(missing_ok=True)
        return answer
