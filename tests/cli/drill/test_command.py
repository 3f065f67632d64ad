"""``pyfly drill`` from its options to its files, on a drill that is cut short."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pyfly.cli.drill import command
from pyfly.cli.drill.drill import Plan, plan_for
from pyfly.cli.drill.scenario import Scenario
from pyfly.cli.drill.settings import published, shipped
from pyfly.cli.main import main

POLICIES = ("none", "naive retry", "breaker", "budget", "defaults", "adaptive")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A tenth of the calls, and two points for each sweep; files go to an empty folder."""

    def cut(*args: object, **options: object) -> Plan:
        plan = plan_for(*args, **options)  # type: ignore[arg-type]  # as the command calls it
        times = {"service_time": 0.2, "quiet": 2.0, "outage": 3.0, "after": 8.0}
        scenario = plan.scenario.replace(queue=50, clients=5, **times)
        sweeps = {"loads": plan.loads[::5], "errors": plan.errors[::5]}
        shorter: Plan = plan.replace(scenario=scenario, **sweeps)
        return shorter

    monkeypatch.setattr(command, "plan_for", cut)
    monkeypatch.chdir(tmp_path)


def test_it_prints_every_parameter_and_a_table_for_each_set(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["drill", "--no-sweeps"]) == 0
    printed, complained = capsys.readouterr()
    for line in (
        "Settings: published",
        "    timeout: 1s",
        "    circuit-breaker.recovery-timeout: 5s",
        "    retry.base-delay: 0.1s",
        "Settings: shipped",
        "    timeout: 30s",
        "    retry.budget: true",
    ):
        assert line in printed.splitlines()
    assert "10 workers, 200 ms a request on average (exponential), so 50 requests/s" in printed
    assert "70%, 35 calls/s by 5 clients, 7 each" in printed
    assert "after 2 s the service loses 90% of them for 3 s" in printed
    for name in POLICIES:
        assert sum(line.startswith(f"  {name} ") for line in printed.splitlines()) == 2
    assert "never" in printed
    assert complained == ""
    assert list(tmp_path.iterdir()) == []


def test_it_sweeps_loads_and_error_rates_beside_the_theory(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["drill", "--settings", "published"]) == 0
    printed = capsys.readouterr().out
    assert "back after, by load (above 33% naive retries keep the queue full)" in printed
    assert "none, by the fluid model" in printed
    rows = {line.split("   ")[0].strip(): line.split()[-1] for line in printed.splitlines() if line}
    assert rows["1 - p, one attempt"] == "50%"
    assert rows["1 - p^3, 3 attempts"] == "88%"


def test_it_saves_plots_and_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["--settings", "published", "--save", "made", "--png", "--json", "made/all.json"]
    assert main(["drill", *arguments]) == 0
    printed = capsys.readouterr().out
    assert "Saved the plot:  made/pyfly-drill-published.svg" in printed
    assert (tmp_path / "made" / "pyfly-drill-published.png").read_bytes()[:4] == b"\x89PNG"
    picture = (tmp_path / "made" / "pyfly-drill-published.svg").read_text("utf-8")
    for text in (*POLICIES, "calls answered", "open + timeout + 1 s", "never"):
        assert text in picture
    found = json.loads((tmp_path / "made" / "all.json").read_text("utf-8"))
    (drill,) = found["drills"]
    assert drill["settings"]["timeout"] == "1s"
    assert drill["scenario"]["clients"] == 5
    assert drill["recovery_bound"] == 7
    assert list(drill["policies"]) == list(POLICIES)
    assert drill["recovery_by_load"]["load"] == [0.2, 0.7]
    assert drill["success_by_error_rate"]["none"][0] == 1
    naive = drill["policies"]["naive retry"]
    assert naive["attempts"] == sum(naive["attempts_per_second"])
    assert len(naive["goodput_per_second"]) == 13
    assert drill["policies"]["defaults"]["open_circuits"][-1][1] >= 0


def test_json_alone_goes_to_standard_output_and_draws_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["drill", "--no-sweeps", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [drill["settings"]["name"] for drill in found["drills"]] == ["published", "shipped"]
    assert "recovery_by_load" not in found["drills"][0]
    assert list(tmp_path.iterdir()) == []


def test_parts_may_be_percentages(capsys: pytest.CaptureFixture[str]) -> None:
    short = ["drill", "--settings", "published", "--no-sweeps"]
    assert main([*short, "--load", "50%", "--lose", "100%", "--errors", "5%"]) == 0
    printed = capsys.readouterr().out
    assert "Load: 50%" in printed
    assert "loses all of them" in printed
    assert "Errors: 5% of the answers" in printed


def test_a_plot_without_sweeps_and_without_circuits_can_be_drawn(tmp_path: Path) -> None:
    assert main(["drill", "--no-sweeps", "--lose", "0", "--settings", "published", "--save"]) == 0
    assert (tmp_path / "pyfly-drill-published.svg").exists()


class TestOnesOwnSettings:
    @pytest.fixture(autouse=True)
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "pyfly.yaml"
        path.write_text(
            "pyfly:\n  client:\n    clients:\n"
            "      inventory: {timeout: 2s, retry: {max-attempts: 2}}\n      billing: {}\n"
        )
        return path

    def test_they_are_compared_with_no_protection(self, capsys: pytest.CaptureFixture[str]) -> None:
        own = ["--config", "pyfly.yaml", "--client", "inventory"]
        assert main(["drill", *own, "--no-sweeps", "--save"]) == 0
        printed = capsys.readouterr().out
        assert "Settings: inventory" in printed
        assert "    retry.max-attempts: 2" in printed
        rows = [line.split()[0] for line in printed.splitlines() if line.startswith("  ")]
        assert rows[-4:] == ["policy", "none", "naive", "inventory"]
        assert "Saved the plot:  pyfly-drill-inventory.svg" in printed

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            (["--client", "inventory"], "--client inventory needs --config"),
            (["--config", "pyfly.yaml"], "say which with --client: there is billing, inventory"),
            (
                ["--config", "pyfly.yaml", "--client", "inventry"],
                "no client 'inventry': there is billing, inventory (did you mean inventory?)",
            ),
            (
                ["--config", "pyfly.yaml", "--client", "inventory", "--settings", "shipped"],
                "--settings shipped and --config pyfly.yaml are different settings",
            ),
            (["--config", "other.yaml", "--client", "x"], "'other.yaml' does not exist"),
            (["--load", "70"], "'70' is not a part from 0.01 to 2: write 0.7, or 70%"),
            (["--lose", "most"], "'most' is not a part from 0 to 1"),
            (["--errors", "nan"], "'nan' is not a part"),
            (["--outage", "5m"], "'5m' is not a number of seconds from 1 to 600"),
            (["--png"], "--png saves nothing by itself: write --save --png"),
            (["--settings", "mine"], "'mine' is not one of"),
        ],
    )
    def test_a_mistake_is_a_usage_error_that_says_what_there_is(
        self, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["drill", *arguments]) == 2
        assert complaint in capsys.readouterr().err

    def test_a_file_without_clients_says_so(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file.write_text("pyfly: {}\n")
        assert main(["drill", "--config", "pyfly.yaml", "--client", "inventory"]) == 2
        assert "it has no section of any client" in capsys.readouterr().err

    def test_a_mistake_in_the_file_is_told_with_its_place(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file.write_text("pyfly:\n  client:\n    clients:\n      inventory: {timeuot: 2s}\n")
        assert main(["drill", "--config", "pyfly.yaml", "--client", "inventory"]) == 2
        complaint = capsys.readouterr().err
        assert "pyfly.yaml" in complaint
        assert "timeuot" in complaint


class TestWhatCannotBeDone:
    def test_a_plot_without_matplotlib_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        hide("matplotlib", monkeypatch)
        short = ["drill", "--no-sweeps", "--settings", "published"]
        assert main([*short, "--save"]) == 1
        printed, complained = capsys.readouterr()
        assert "pip install 'pyfly-client[plots]'" in complained
        assert printed == ""
        assert main(short) == 0

    def test_a_place_that_cannot_be_written_to_is_status_1(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "taken").write_text("")
        short = ["drill", "--no-sweeps", "--settings", "published"]
        assert main([*short, "--json", "taken/all.json"]) == 1
        assert "could not save everything as taken/all.json" in capsys.readouterr().err


class TestOnATerminal:
    @pytest.fixture
    def run(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Callable[[], tuple[str, str]]:
        def run() -> tuple[str, str]:
            for stream in (sys.stdout, sys.stderr):
                monkeypatch.setattr(stream, "isatty", lambda: True)
            monkeypatch.setenv("COLUMNS", "100")
            assert main(["drill", "--no-sweeps", "--settings", "published"]) == 0
            return capsys.readouterr()

        return run

    def test_it_draws_a_table_and_shows_how_far_it_is(
        self, run: Callable[[], tuple[str, str]]
    ) -> None:
        printed, shown = run()
        assert "┏━━━" in printed
        assert "back after" in printed
        assert "published" in shown

    def test_on_a_narrow_one_each_row_is_a_paragraph(
        self, run: Callable[[], tuple[str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((50, 24)))
        printed, shown = run()
        lines = printed.splitlines()
        assert "┃" not in printed
        at = lines.index("  naive retry")
        assert lines[at + 1].startswith("    before 100%, in the outage ")
        assert all(len(line) <= 50 for line in lines[at : at + 4])
        assert max(len(part) for part in shown.split("\r")) < 60

    def test_without_rich_it_prints_columns(
        self, run: Callable[[], tuple[str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hide("rich", monkeypatch)
        printed, _ = run()
        assert "┃" not in printed
        assert "  naive retry " in printed

    def test_no_color_is_heeded(
        self, run: Callable[[], tuple[str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        printed, _ = run()
        assert "┃" in printed
        assert "\x1b[31m" not in printed


def hide(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a library look as if it were not installed."""
    import importlib.util

    real: Callable[..., object] = importlib.util.find_spec

    def find_spec(wanted: str, *rest: object) -> object:
        return None if wanted == name else real(wanted, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


def test_a_plan_lasts_as_long_as_its_settings_need() -> None:
    plan = plan_for(shipped(), Scenario(), own=False, fixed_outage=False, sweeps=True)
    assert (plan.scenario.queue, plan.scenario.outage, plan.scenario.after) == (6000, 60, 122)
    assert [each.name for each in plan.swept] == ["none", "naive retry", "defaults"]
    fixed = plan_for(published(), Scenario(outage=5.0), own=True, fixed_outage=True, sweeps=False)
    assert (fixed.scenario.queue, fixed.scenario.outage, fixed.runs) == (200, 5, 3)
