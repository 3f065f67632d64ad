"""What the demo says, draws and saves around a run that is over at once."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pyfly.cli.demo import command
from pyfly.cli.demo.client import InventoryClient, declared, source
from pyfly.cli.demo.plot import figure_of
from pyfly.cli.demo.run import Load, Run, perform
from pyfly.cli.demo.screen import frame
from pyfly.cli.drawing.picture import draw
from pyfly.cli.drawing.terminal import save_screenshot
from pyfly.cli.drawing.text import UNICODE
from pyfly.cli.main import main
from pyfly.client import Headers, NotFoundException
from tests.cli.support import outage, run_of

SVG = Path("pyfly-demo.svg")


class Screen(io.StringIO):
    """A terminal that remembers what it was sent."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, a service that is not there, and a run of an outage of long ago."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    async def happened(run: Run, service: object, view: Any) -> None:
        run.tally = outage().tally
        run.tally.origin = time.monotonic() - run.seconds
        view.update(run)

    class NoService:
        url = ""

        def __enter__(self) -> NoService:
            return self

        def __exit__(self, *_: object) -> None:
            return

    monkeypatch.setattr(command, "DemoService", NoService)
    monkeypatch.setattr(command, "perform", happened)
    monkeypatch.setattr(command.time, "sleep", lambda _: None)
    return tmp_path


def on_terminal(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What a run sends to a terminal of 80 columns and 24 rows."""
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    assert main(["demo", *arguments]) == 0
    return screen.getvalue()


def drawn(run: Run, path: Path) -> str:
    """A run as SVG, by way of a file."""
    draw(partial(figure_of, run), path)
    return path.read_text("utf-8")


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes a library look as if it were not installed."""
    real = importlib.util.find_spec

    def hide(hidden: str) -> None:
        def find(name: str, package: str | None = None) -> Any:
            return None if name == hidden else real(name, package)

        monkeypatch.setattr("importlib.util.find_spec", find)

    return hide


class TestFiles:
    def test_nothing_is_written_that_nobody_asked_for(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["demo"]) == 0
        assert os.listdir() == []
        assert "Saved" not in capsys.readouterr().out

    def test_the_plot_is_saved_here_or_in_a_folder_that_is_made(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["demo", "--save"]) == 0
        assert "<svg" in SVG.read_text("utf-8")
        assert "Saved the plot:  pyfly-demo.svg" in capsys.readouterr().out
        assert main(["demo", "--save", "a/b", "--png"]) == 0
        assert sorted(os.listdir("a/b")) == ["pyfly-demo.png", "pyfly-demo.svg"]

    def test_png_alone_saves_nothing_and_says_what_to_write(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["demo", "--png"]) == 2
        assert "--png saves nothing by itself: write --save --png" in capsys.readouterr().err

    @pytest.mark.parametrize("arguments", [["--json"], ["--json", "-"], ["--json", "--plain"]])
    def test_json_alone_is_all_there_is(
        self, arguments: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["demo", *arguments]) == 0
        printed = capsys.readouterr()
        assert json.loads(printed.out)["calls"] == 247
        assert printed.err == ""
        assert os.listdir() == []

    def test_a_plot_beside_the_json_has_to_be_asked_for(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["demo", "--json", "--save"]) == 0
        json.loads(capsys.readouterr().out)
        assert SVG.exists()

    def test_a_plot_that_cannot_be_saved_is_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        SVG.mkdir()
        assert main(["demo", "--save"]) == 1
        complaint = "could not save the plot as pyfly-demo.svg: Is a directory"
        assert complaint in capsys.readouterr().err

    def test_counts_that_cannot_be_saved_are_a_failure(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("file").write_text("")
        assert main(["demo", "--json", "file/run.json"]) == 1
        assert "could not save the counts as" in capsys.readouterr().err

    def test_without_matplotlib_it_says_what_to_install_before_anything_runs(
        self, without: Callable[[str], None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        without("matplotlib")
        assert main(["demo", "--save"]) == 1
        printed, complained = capsys.readouterr()
        assert "--save needs matplotlib: pip install 'pyfly-client[plots]'" in complained
        assert printed == ""
        assert main(["demo", "--json", "run.json"]) == 0

    def test_a_screenshot_needs_rich(
        self, without: Callable[[str], None], capsys: pytest.CaptureFixture[str]
    ) -> None:
        without("rich")
        assert main(["demo", "--screenshot", "screen.svg"]) == 1
        assert "pip install 'pyfly-client[cli]'" in capsys.readouterr().err

    def test_a_screenshot_shows_the_last_screen_with_fonts_of_the_viewer(self) -> None:
        assert main(["demo", "--screenshot", "screen.svg"]) == 0
        drawn = Path("screen.svg").read_text("utf-8")
        assert "28.0&#160;of&#160;28&#160;s" in drawn
        assert "http" not in drawn.replace("http://www.w3.org", "").replace("https://www.textu", "")
        assert "DejaVu Sans Mono" in drawn
        assert 'stroke="#' in drawn  # no gaps between the rows of a bar

    def test_the_same_run_gives_the_same_pictures(self, tmp_path: Path) -> None:
        for name in ("one", "other"):
            drawn(outage(), tmp_path / f"{name}.svg")
            last = partial(frame, outage(), 28.0, glyphs=UNICODE)
            save_screenshot(last, tmp_path / f"{name}-screen.svg", "pyfly demo")
        for kind in (".svg", "-screen.svg"):
            one, other = ((tmp_path / f"{name}{kind}").read_bytes() for name in ("one", "other"))
            assert one == other

    def test_the_plot_names_its_axes_phases_and_curves(self, tmp_path: Path) -> None:
        picture = drawn(outage(), tmp_path / "run.svg")
        for text in ("per second", "latency (ms)", "time (s)", "circuit", "healthy", "recovered"):
            assert f">{text}<" in picture
        for text in ("attempts", "calls answered (goodput)", "p95", "open", "closed"):
            assert f">{text}<" in picture
        assert "one call probes" in picture

    def test_a_run_without_a_breaker_or_without_a_call_can_be_drawn(self, tmp_path: Path) -> None:
        assert "no circuit breaker" in drawn(run_of(breaker=False), tmp_path / "none.svg")


class TestOutput:
    def test_a_terminal_gets_the_live_view_and_then_the_summary_in_colour(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent = on_terminal(monkeypatch)
        assert "\x1b[?1049h" in sent
        live_part, after = sent.split("\x1b[?1049l")
        assert "class InventoryClient(Protocol):" in live_part
        assert "\x1b[36m" in after  # goodput
        assert "Next:  pyfly demo --no-breaker" in after

    @pytest.mark.parametrize(
        ("arguments", "variables"),
        [
            (["--plain"], {}),
            ([], {"TERM": "dumb"}),
            ([], {"COLUMNS": "60"}),
            ([], {"LINES": "12"}),
        ],
    )
    def test_plain_lines_where_the_screen_is_not_wanted_or_does_not_fit(
        self,
        arguments: list[str],
        variables: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        sent = on_terminal(monkeypatch, *arguments)
        assert "\x1b[?1049h" not in sent
        assert "answered  failed refused" in sent

    @pytest.mark.parametrize(
        ("arguments", "variable"), [(["--no-color"], ""), ([], "1")], ids=["option", "variable"]
    )
    def test_without_colour_there_is_none(
        self, arguments: list[str], variable: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NO_COLOR", variable)
        sent = on_terminal(monkeypatch, *arguments)
        assert "\x1b[?1049h" in sent
        assert not any(f"\x1b[{colour}m" in sent for colour in (31, 32, 33, 35, 36, 90))

    def test_without_rich_it_says_what_to_install_and_goes_on(
        self, without: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without("rich")
        complaints = io.StringIO()
        monkeypatch.setattr(sys, "stderr", complaints)
        sent = on_terminal(monkeypatch)
        assert "pip install 'pyfly-client[cli]'" in complaints.getvalue()
        assert "\x1b" not in sent
        assert "phase       calls" in sent

    def test_json_leaves_the_terminal_to_the_live_view(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        screen = Screen()
        monkeypatch.setattr(sys, "stderr", screen)
        assert main(["demo", "--json"]) == 0
        json.loads(capsys.readouterr().out)
        assert "\x1b[?1049h" in screen.getvalue()

    def test_a_stream_of_ascii_gets_ascii(self, monkeypatch: pytest.MonkeyPatch) -> None:
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
        assert main(["demo"]) == 0
        sys.stdout.flush()
        assert b"goodput  40 |" in raw.getvalue()
        assert b"\xe2" not in raw.getvalue()


class TestTheClass:
    def test_what_is_printed_is_the_class_and_fits_80_columns(self) -> None:
        text = source()
        assert text.startswith("@service_client(")
        assert text.endswith("async def delete_product(self, product_id: str) -> None: ...")
        assert max(map(len, text.splitlines())) < 80

    def test_without_source_files_nothing_is_printed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def lost(_: object) -> str:
            raise OSError

        monkeypatch.setattr("inspect.getsource", lost)
        assert source() == ""

    def test_its_settings_are_those_of_the_decorator(self) -> None:
        assert declared()["circuit_breaker_failure_threshold"] == 5


class Quiet:
    """A view that shows nothing, and a service that only notes its phases."""

    url = "http://127.0.0.1:1"

    def __init__(self, fails: bool = False) -> None:
        self.phases: list[str] = []
        self.updates = 0
        self._fails = fails

    def enter(self, phase: str) -> None:
        self.phases.append(phase)

    def update(self, run: Run) -> None:
        self.updates += 1
        if self._fails:
            raise BrokenPipeError


class TestPerforming:
    async def test_every_phase_is_entered_and_every_call_ends(self) -> None:
        service = view = Quiet()
        short = Run(0.6)
        await perform(short, service, view)  # type: ignore[arg-type]  # plays both parts
        assert service.phases == ["healthy", "slow", "failing", "down", "recovered"]
        assert view.updates > 5
        assert len(short.tally.calls) == 18
        assert short.tally.in_flight == 0
        assert short.now >= 0.6

    async def test_a_view_that_fails_ends_the_run(self) -> None:
        service, view = Quiet(), Quiet(fails=True)
        with pytest.raises(BrokenPipeError):
            await perform(Run(30.0), service, view)  # type: ignore[arg-type]  # as above

    async def test_a_service_that_dies_ends_the_run(self) -> None:
        class Dead(Quiet):
            def enter(self, phase: str) -> None:
                raise ExceptionGroup("two", [RuntimeError("it is gone"), ValueError()])

        with pytest.raises(RuntimeError, match="it is gone"):
            await perform(Run(30.0), Dead(), Quiet())  # type: ignore[arg-type]  # as above

    async def test_where_signals_cannot_be_handled_it_runs_without(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise NotImplementedError

        monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", refuse)
        view = Quiet()
        await perform(Run(0.2), view, view)  # type: ignore[arg-type]  # as above
        assert view.updates > 1

    def test_being_terminated_is_an_exit_status(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def stopped(*_: object) -> None:
            raise asyncio.CancelledError

        monkeypatch.setattr(command, "perform", stopped)
        assert main(["demo"]) == 143


class TestTheLoad:
    async def test_all_five_methods_are_called_at_a_steady_rate(self) -> None:
        called: list[str] = []
        await Load(_recording(called), 0.0, 10.0).run()  # of long ago: no waiting
        assert len(called) == 300
        assert set(called) == {
            "get_product", "search_products", "create_product", "update_product", "delete_product",
        }  # fmt: skip
        assert 150 < called.count("get_product") < 210

    async def test_the_calls_are_the_same_every_time(self) -> None:
        one: list[str] = []
        other: list[str] = []
        for called in (one, other):
            await Load(_recording(called), 0.0, 3.0).run()
        assert one == other

    async def test_a_failing_service_is_expected_and_anything_else_is_not(self) -> None:
        await Load(_recording([], NotFoundException(404, Headers())), 0.0, 1.0).run()
        with pytest.raises(ExceptionGroup):
            await Load(_recording([], RuntimeError("a bug")), 0.0, 1.0).run()


def _recording(called: list[str], error: Exception | None = None) -> InventoryClient:
    class Recording:
        def __getattr__(self, name: str) -> Any:
            async def call(*_: object, **__: object) -> None:
                called.append(name)
                if error is not None:
                    raise error

            return call

    recording: Any = Recording()
    return recording  # type: ignore[no-any-return]  # it has every method
