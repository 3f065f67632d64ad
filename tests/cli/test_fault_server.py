"""``pyfly fault-server``, in this process and as a command of its own."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from pyfly.cli.main import main
from pyfly.testing import FaultServer
from tests.cli.support import command

SCRIPT = """
routes:
  - route: /a
    answers:
      - status: 503
      - body: '{"fine": true}'
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "outage.yaml"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


def test_the_example_it_prints_can_be_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fault-server", "--example"]) == 0
    path = tmp_path / "outage.yaml"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["fault-server", "--script", str(path), "--for", "0"]) == 0
    assert "0 requests on 0 connections\n        0  GET /products/{id}" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped_and_tells_what_it_served(
    script: Path, number: signal.Signals
) -> None:
    with command("fault-server", "-s", str(script), "--json", "log.json", cwd=script.parent) as run:
        assert run.process.stderr is not None
        url = run.process.stderr.readline().split()[0]
        with pytest.raises(urllib.error.HTTPError, match="503") as caught:
            urllib.request.urlopen(f"{url}/a", timeout=5)
        caught.value.close()
        with urllib.request.urlopen(f"{url}/a", timeout=5) as answer:
            assert json.load(answer) == {"fine": True}
        run.process.send_signal(number)
        status, printed, told = run.wait()
    assert (status, printed) == (0, "")
    assert told == "2 requests on 2 connections\n        2  /a\nanswered by\n        2  Answer\n"
    log = [json.loads(line) for line in (script.parent / "log.json").read_text().splitlines()]
    assert [(each["method"], each["target"], each["number"]) for each in log] == [
        ("GET", "/a", 1),
        ("GET", "/a", 2),
    ]
    assert log[0]["behaviour"] == "Answer"
    assert log[0]["received"] > 20


def test_the_log_may_go_to_standard_output(script: Path) -> None:
    with command("fault-server", "-s", str(script), "--json", "-", cwd=script.parent) as run:
        assert run.process.stderr is not None
        assert run.process.stdout is not None
        url = run.process.stderr.readline().split()[0]
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{url}/none", timeout=5)
        caught.value.close()
        record = json.loads(run.process.stdout.readline())
        run.process.send_signal(signal.SIGINT)
        assert run.wait()[0] == 0
    assert (record["route"], record["target"], record["behaviour"]) == ("", "/none", "Answer")


def test_mistakes_in_the_script_are_told_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "outage.yaml"
    path.write_text("routes:\n  - route: /a\n    answers:\n      - do: explode\n", encoding="utf-8")
    assert main(["fault-server", "--script", str(path)]) == 1
    complaint = capsys.readouterr().err
    assert f"Error: {path}:4: routes.answers.do: 'explode' is not accepted" in complaint
    assert main(["fault-server", "--script", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml: cannot be read: No such file" in capsys.readouterr().err


def test_a_script_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fault-server"]) == 2
    assert "name a script: --script outage.yaml (--example prints one)" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FaultServer() as other:
        assert main(["fault-server", "-s", str(script), "--port", str(other.port)]) == 1
    assert f"port {other.port}: Address already in use; try another --port" in (
        capsys.readouterr().err
    )


def test_a_log_that_cannot_be_written_is_told(
    script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = str(script.parent / "no" / "log.json")
    assert main(["fault-server", "-s", str(script), "--json", target]) == 1
    assert f"{target}: cannot be written: No such file" in capsys.readouterr().err


def test_in_this_process_it_writes_the_log_as_well(
    script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = script.parent / "log.json"
    arguments = ["fault-server", "-s", str(script), "--json", str(target), "--for", "0.01"]
    assert main([*arguments, "--seed", "3"]) == 0
    assert target.read_text() == ""
    assert "http://127.0.0.1:" in capsys.readouterr().err
