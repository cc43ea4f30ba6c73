from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from embedded_aws import job_process
from embedded_aws.job_process import JobProcess, error_message


def start(tmp_path: Path, code: str) -> JobProcess:
    return JobProcess([sys.executable, "-c", code], tmp_path, os.environ, tmp_path / "output.log")


def wait_until(condition: object, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_output_is_kept_by_stream_and_in_one_file(tmp_path: Path) -> None:
    process = start(tmp_path, "import sys; print('to out'); print('to err', file=sys.stderr); sys.exit(3)")
    assert process.wait(timeout=10) == 3
    assert [line.text for line in process.lines["output"]] == ["to out"]
    assert [line.text for line in process.lines["error"]] == ["to err"]
    assert sorted((tmp_path / "output.log").read_text().splitlines()) == ["to err", "to out"]
    assert process.finish(grace=5)


def test_wait_returns_none_while_running_and_kill_ends_children_too(tmp_path: Path) -> None:
    code = "import subprocess, sys; c = subprocess.Popen(['sleep', '60']); print(c.pid, flush=True); c.wait()"
    process = start(tmp_path, code)
    wait_until(lambda: process.lines["output"])
    child = int(process.lines["output"][0].text)
    assert process.wait(timeout=0.05) is None
    process.kill()
    assert process.finish(grace=5)
    wait_until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


def test_finish_kills_remaining_processes(tmp_path: Path) -> None:
    process = start(tmp_path, "import subprocess; subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL)")
    assert process.wait(timeout=10) == 0
    assert not process.finish(grace=0.2)
    assert process.finish(grace=5)


def test_a_zombie_does_not_count_as_running(tmp_path: Path) -> None:
    # The parent does not reap the child, and is itself outside the group.
    code = "import os, subprocess, time; p = subprocess.Popen(['true']); os.setpgid(0, os.getppid()); time.sleep(60)"
    process = start(tmp_path, code)
    group, parent = process._group, psutil.Process(process._group)
    wait_until(lambda: [pid for pid in psutil.pids() if _group(pid) == group and not _alive(pid)])
    wait_until(lambda: not [pid for pid in psutil.pids() if _group(pid) == group and _alive(pid)])
    os.killpg(group, 0)  # the group still exists
    assert process.finish(grace=0)
    parent.kill()


def test_a_stopped_group_can_be_killed(tmp_path: Path) -> None:
    process = start(tmp_path, "import time; time.sleep(60)")
    os.killpg(process._group, signal.SIGSTOP)
    assert process.wait(timeout=0.1) is None
    process.kill()
    assert process.wait(timeout=10) == 137
    assert process.finish(grace=5)


def test_a_job_is_killed_when_its_guard_is_killed(tmp_path: Path) -> None:
    process = start(tmp_path, "import time; time.sleep(60)")
    process._guard.kill()
    assert process.wait(timeout=10) == 137
    assert process.finish(grace=5)


def test_a_stopped_guard_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_process, "DEATH_SECONDS", 0.2)
    process = start(tmp_path, "import time; time.sleep(60)")
    process._guard.send_signal(signal.SIGSTOP)
    process.kill()
    assert process.finish(grace=5)
    assert process._guard.poll() is not None


def test_a_command_that_cannot_start_is_an_error(tmp_path: Path) -> None:
    process = JobProcess(["/no/such/program"], tmp_path, os.environ, tmp_path / "output.log")
    assert process.wait(timeout=10)
    assert "No such file or directory: '/no/such/program'" in process.lines["error"][-1].text
    process.kill()
    assert process.finish(grace=0)


def test_a_script_killed_by_a_signal_has_the_exit_code_of_a_shell(tmp_path: Path) -> None:
    process = start(tmp_path, "import os; os.kill(os.getpid(), 9)")
    assert process.wait(timeout=10) == 137
    assert error_message([], 137) == "The script was killed by signal 9 and wrote no error."


class TestErrorMessage:
    def test_of_sys_exit_is_its_message(self) -> None:
        assert error_message(["customer_trusted: There is no landing data."], 1) == (
            "customer_trusted: There is no landing data."
        )

    def test_of_sys_exit_omits_earlier_log_lines_of_spark(self) -> None:
        logged = [
            "12:00:00.1 ERROR Executor: Exception in task 0.0 in stage 1.0 (TID 1)",
            "java.io.IOException: No space left on device",
            "\tat java.base/java.io.FileOutputStream.writeBytes(Native Method)",
            "Caused by: org.apache.iceberg.exceptions.RuntimeIOException: Failed to close",
        ]
        assert error_message([*logged, "steps: Spark failed: No space left on device."], 1) == (
            "steps: Spark failed: No space left on device."
        )
        assert error_message(logged, 1) == f"{logged[1]}\n{logged[3]}"

    def test_of_an_exception_omits_the_stack_frames(self) -> None:
        stderr = [
            "12:00:00.123 WARN Utils: something",
            "Traceback (most recent call last):",
            '  File "job.py", line 1, in <module>',
            "    main()",
            "ValueError: first line",
            "second line",
            "12:00:01.000 WARN ShutdownHookManager: late",
        ]
        assert error_message(stderr, 1) == "ValueError: first line\nsecond line"

    def test_of_an_exception_ends_in_the_line_of_the_job_that_raised_it(self) -> None:
        folder = Path("/x/build/local/jobs/jr_1")
        stderr = [
            "Traceback (most recent call last):",
            f'  File "{folder}/customer_landing_to_trusted.py", line 60, in <module>',
            "    main()",
            f'  File "{folder}/job.py", line 7, in write',
            '  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode',
            "NameError: name 'x' is not defined",
        ]
        assert error_message(stderr, 1, folder) == "NameError: name 'x' is not defined\njob.py, line 7"
        assert error_message(stderr, 1) == "NameError: name 'x' is not defined"
        assert error_message(["customers: no landing data"], 1, folder) == "customers: no landing data"

    def test_of_a_chain_is_the_last_exception(self) -> None:
        stderr = [
            "Traceback (most recent call last):",
            "KeyError: 'a'",
            "",
            "During handling of the above exception, another exception occurred:",
            "",
            "Traceback (most recent call last):",
            '  File "job.py", line 9, in <module>',
            "RuntimeError: what matters",
        ]
        assert error_message(stderr, 1) == "RuntimeError: what matters"

    def test_of_a_java_exception_has_the_causes_and_no_stack(self) -> None:
        stderr = [
            "Traceback (most recent call last):",
            '  File "job.py", line 3, in <module>',
            "py4j.protocol.Py4JJavaError: An error occurred while calling o46.count.",
            ": org.apache.spark.SparkException: Job aborted due to stage failure",
            "\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2856)",
            "\t... 12 more",
            "Caused by: java.lang.ArithmeticException: / by zero",
            "\tat scala.Option.foreach(Option.scala:407)",
        ]
        assert error_message(stderr, 1).splitlines() == [
            "py4j.protocol.Py4JJavaError: An error occurred while calling o46.count.",
            ": org.apache.spark.SparkException: Job aborted due to stage failure",
            "Caused by: java.lang.ArithmeticException: / by zero",
        ]

    def test_of_a_syntax_error_names_file_and_line(self) -> None:
        stderr = ['  File "job.py", line 1', "    this is not Python", "         ^^^^^", "SyntaxError: invalid syntax"]
        message = error_message(stderr, 1)
        assert message.startswith('  File "job.py", line 1')
        assert message.endswith("SyntaxError: invalid syntax")

    def test_of_sys_exit_is_all_of_its_lines_and_no_earlier_ones(self) -> None:
        said = [
            "customers: 12 rows of 40 cannot be used:",
            *(f"  1 x a reason, in file {n}" for n in range(11)),
            "Why.",
        ]
        around = [
            "Setting default log level to WARN.",
            "12:00:00.1 WARN Utils: before",
            *said,
            "12:00:01.0 WARN Utils: x",
        ]
        assert error_message(around, 1).splitlines() == said

    def test_is_cut_at_its_end_if_too_long_with_a_note(self) -> None:
        for lines in (["what is wrong" + "x" * 10_000], ["what is wrong", *["more"] * 1000]):
            for before in ([], ["Traceback (most recent call last):"]):
                message = error_message([*before, *lines], 1)
                assert len(message) == 2000
                assert message.startswith("what is wrong")
                assert message.endswith("... (cut here; the log has the rest)")

    def test_without_any_output_is_the_exit_code(self) -> None:
        assert error_message(["", "12:00:00.123 ERROR Executor: noise"], 7) == (
            "The script exited with code 7 and wrote no error."
        )


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads the process table")
@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_a_job_is_killed_with_its_server(tmp_path: Path, stopped: bool) -> None:
    # The server of this test is killed and cannot clean up.
    code = (
        "import sys, os, time; from pathlib import Path; from embedded_aws.job_process import JobProcess\n"
        "p = JobProcess(['sh', '-c', 'sleep 60; true'], Path('.'), os.environ, Path('output.log'))\n"
        "time.sleep(0.5); print(p._group, flush=True); time.sleep(60)"
    )
    package_root = str(Path(__file__).parents[3])
    server = start_server(tmp_path, code, package_root)
    group = int(server.stdout.readline())  # type: ignore[union-attr]
    guards = [child.pid for child in server.children()]
    members = [pid for pid in psutil.pids() if _group(pid) == group]
    assert len(members) == 2
    assert len(guards) == 1
    assert not set(guards) & set(members)
    if stopped:
        os.killpg(group, signal.SIGSTOP)
    server.kill()
    server.wait()
    wait_until(lambda: not [pid for pid in [*members, *guards] if _alive(pid)])


def start_server(folder: Path, code: str, package_root: str) -> psutil.Popen:
    environ = os.environ | {"PYTHONPATH": package_root}
    return psutil.Popen([sys.executable, "-c", code], cwd=folder, env=environ, stdout=-1)


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return -1


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
