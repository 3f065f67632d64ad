"""The workshop: which Python it takes, when it makes .venv anew, and what it says."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import dev
from tools import console, environment, interpreter, links, wheel
from tools.console import DevError
from tools.environment import Environment, advice, make_venv
from tools.interpreter import PROMISED, Interpreter, candidates, choose, find, probe, running

ROOT = Path(__file__).parents[1]
OLD = Interpreter("/opt/old/python3.9", "cpython-3.9")
WORKSHOP = [ROOT / "dev.py", *sorted((ROOT / "tools").glob("*.py"))]


def executable(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def fake_python(path: Path, tag: str) -> Path:
    return executable(path, f"echo {tag}; echo {path}")


class TestItsOwnSource:
    @pytest.mark.parametrize("path", WORKSHOP, ids=lambda path: path.name)
    def test_python_3_8_can_parse_it(self, path: Path) -> None:
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))

    @pytest.mark.parametrize("path", WORKSHOP, ids=lambda path: path.name)
    def test_it_imports_the_standard_library_only(self, path: Path) -> None:
        found: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").split(".")[0])
        # What is run in an environment that has the package, and not by dev.py itself.
        installed = ("wheel_example.py", "reference.py")
        ours = {"tools", "pyfly"} if path.name in installed else {"tools"}
        assert found <= {*sys.stdlib_module_names, *ours}


class TestFindingAPython:
    def test_names_on_path_come_first_and_newest_first(self, tmp_path: Path) -> None:
        for name in ("python3.11", "python3.13", "python3.10"):
            fake_python(tmp_path / "bin" / name, "cpython-3.1")
        for version in ("3.12.1", "3.9.18", "3.13.0", "3.13.0t", "pypy3.11-7.3"):
            fake_python(tmp_path / "pyenv/versions" / version / "bin/python3", "cpython-3.1")
        environ = {"PATH": str(tmp_path / "bin"), "PYENV_ROOT": str(tmp_path / "pyenv")}
        found = [str(Path(path).relative_to(tmp_path)) for path in candidates(environ)]
        assert found == [
            "bin/python3.13",
            "bin/python3.11",
            "pyenv/versions/3.13.0/bin/python3",
            "pyenv/versions/3.12.1/bin/python3",
        ]

    def test_pyenv_is_found_in_the_home_folder_without_its_variable(self, tmp_path: Path) -> None:
        found = fake_python(tmp_path / ".pyenv/versions/3.12.1/bin/python3", "cpython-3.12")
        assert list(candidates({"PATH": "", "HOME": str(tmp_path)})) == [str(found)]

    def test_the_running_python_is_taken_if_it_is_new_enough(self) -> None:
        current = Interpreter("/any/python", "cpython-3.11")
        assert choose(current, {"PATH": ""}) is current

    def test_an_old_one_gives_way_to_the_first_that_works(self, tmp_path: Path) -> None:
        executable(tmp_path / "python3.14", "exit 127")  # a shim without its version
        good = fake_python(tmp_path / "python3.12", "cpython-3.12")
        fake_python(tmp_path / "python3.11", "cpython-3.11")
        environ = {"PATH": str(tmp_path), "PYENV_ROOT": str(tmp_path)}
        assert choose(OLD, environ) == Interpreter(str(good), "cpython-3.12")

    def test_without_any_it_says_what_it_found_where_it_looked_and_what_to_do(
        self, tmp_path: Path
    ) -> None:
        with pytest.raises(DevError) as caught:
            choose(OLD, {"PATH": "", "PYENV_ROOT": str(tmp_path)})
        message = str(caught.value)
        assert "needs Python ≥ 3.11, found 3.9 at /opt/old/python3.9" in message
        assert "python3.14 … python3.11 on PATH" in message
        assert str(tmp_path / "versions") in message
        assert "pyenv install 3.11" in message

    def test_one_of_a_version_or_at_a_path_is_found(self, tmp_path: Path) -> None:
        newest = fake_python(tmp_path / "python3.14", "cpython-3.14")
        wanted = fake_python(tmp_path / "python3.13", "cpython-3.13")
        threads = fake_python(tmp_path / "python3.13t", "cpython-3.13t")
        environ = {"PATH": str(tmp_path), "PYENV_ROOT": str(tmp_path)}
        assert find("3.13", environ) == Interpreter(str(wanted), "cpython-3.13")
        assert find("3.13t", environ) == Interpreter(str(threads), "cpython-3.13t")
        assert find(str(newest), environ) == Interpreter(str(newest), "cpython-3.14")
        assert find("3.12", environ) is None

    def test_those_that_are_promised_are_those_of_the_classifiers(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        named = [
            each.rpartition(" ")[2] for each in project["classifiers"] if "Python :: 3." in each
        ]
        assert named == [f"{major}.{minor}" for major, minor in PROMISED]
        assert project["requires-python"] == f">={named[0]}"

    def test_a_real_python_tells_its_tag_and_an_impostor_nothing(self, tmp_path: Path) -> None:
        found = probe(sys.executable)
        assert found is not None
        assert found == running()
        assert found.version == sys.version_info[:2]
        assert probe(str(executable(tmp_path / "python3", "echo hello"))) is None
        assert probe(str(tmp_path / "absent")) is None

    def test_inside_an_environment_the_python_behind_it_counts(self) -> None:
        assert Path(running().executable).parent != Path(sys.prefix, "bin")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return tmp_path


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What an environment has done, instead of venv and pip."""
    done: list[str] = []

    def make(python: str, folder: Path) -> None:
        done.append("make")
        executable(folder / "bin" / "python", f'exec {sys.executable} "$@"')

    def install(python: str, *what: str) -> None:
        done.append("install")

    monkeypatch.setattr(environment, "make_venv", make)
    monkeypatch.setattr(environment, "pip_install", install)
    return done


class TestTheEnvironment:
    def test_it_is_made_once(self, root: Path, work: list[str]) -> None:
        Environment(root, running()).ensure()
        Environment(root, running()).ensure()
        assert work == ["make", "install"]

    def test_a_changed_pyproject_is_installed_into_it(self, root: Path, work: list[str]) -> None:
        Environment(root, running()).ensure()
        (root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
        Environment(root, running()).ensure()
        assert work == ["make", "install", "install"]

    def test_one_that_somebody_else_made_is_kept(self, root: Path, work: list[str]) -> None:
        environment.make_venv(sys.executable, root / ".venv")
        work.clear()
        Environment(root, running()).ensure()
        assert work == ["install"]

    def test_another_python_has_it_made_anew(
        self, root: Path, work: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        Environment(root, running()).ensure()
        Environment(root, Interpreter(sys.executable, "cpython-3.99")).ensure()
        assert work == ["make", "install"] * 2
        assert "made for another Python" in capsys.readouterr().err

    def test_a_copied_checkout_has_it_made_anew(self, root: Path, work: list[str]) -> None:
        there = Environment(root, running())
        there.ensure()
        stamp = root / ".venv" / "pyfly-dev.json"
        stamp.write_text(json.dumps({**there.stamp(), "root": "/elsewhere"}))
        there.ensure()
        assert work == ["make", "install"] * 2

    def test_one_whose_python_is_gone_is_made_anew(self, root: Path, work: list[str]) -> None:
        there = Environment(root, running())
        there.ensure()
        os.unlink(there.python)
        os.symlink("/nowhere/python", there.python)
        assert not there.ready()
        there.ensure()
        assert work == ["make", "install"] * 2

    def test_an_unreadable_stamp_is_no_stamp(self, root: Path, work: list[str]) -> None:
        there = Environment(root, running())
        there.ensure()
        for text in ("{", "[]"):
            (root / ".venv" / "pyfly-dev.json").write_text(text)
            assert there.stamp() == {}
        there.ensure()
        assert work == ["make", "install", "install"]

    @pytest.mark.parametrize("step", ["make_venv", "pip_install"])
    def test_an_interrupted_one_is_made_anew(
        self, root: Path, work: list[str], step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        there = Environment(root, running())
        with monkeypatch.context() as patch:
            patch.setattr(environment, step, interrupted)
            with pytest.raises(KeyboardInterrupt):
                there.ensure()
        assert not there.ready()
        work.clear()
        there.ensure()
        assert work == ["make", "install"]
        assert there.ready()

    def test_two_at_once_take_turns(self, root: Path) -> None:
        code = (
            "import sys, pathlib; from tools import environment as e, interpreter as i\n"
            "e.make_venv = lambda *_: None; e.pip_install = lambda *_: print('installed')\n"
            "e.Environment(pathlib.Path(sys.argv[1]), i.running()).ensure()\n"
        )
        lock = os.open(root, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with subprocess.Popen(
            [sys.executable, "-c", code, str(root)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as second:
            assert second.stderr is not None
            assert "waiting for it" in second.stderr.readline()
            assert not (root / ".venv").exists()
            os.close(lock)
            assert second.communicate(timeout=30)[0] == "installed\n"

    def test_removing_follows_no_link(self, root: Path, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (root / ".venv").symlink_to(elsewhere)
        Environment(root, running()).remove()
        assert elsewhere.exists()
        assert not (root / ".venv").is_symlink()


Quiet = Callable[..., tuple[int, str]]


def scripted(succeeding: str, seen: list[str]) -> Quiet:
    """A `quiet` under which only commands that contain a text succeed."""

    def quiet(command: list[str], **_: object) -> tuple[int, str]:
        line = " ".join(map(str, command))
        seen.append(line)
        ok = succeeding in line or line.endswith("-c import pip")
        return (0, "") if ok else (1, f"no {line.split()[1:3]}")

    return quiet


class TestMakingAVirtualEnvironment:
    @pytest.mark.parametrize(
        ("succeeding", "tries"),
        [("-m venv", 1), ("-m virtualenv", 2), ("virtualenv --python", 3)],
    )
    def test_ways_are_tried_in_turn(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        succeeding: str,
        tries: int,
    ) -> None:
        seen: list[str] = []
        monkeypatch.setattr(environment, "quiet", scripted(succeeding, seen))
        make_venv("/usr/bin/python3", tmp_path / "v")
        assert len([line for line in seen if "import pip" not in line]) == tries

    def test_a_virtualenv_that_is_not_there_is_fetched(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fetched: list[object] = []

        def quiet(command: list[str], *, env: dict[str, str] | None = None) -> tuple[int, str]:
            if "--target" in command:
                fetched.append(command[command.index("--target") + 1])
                return 0, ""
            if env:
                fetched.append(env["PYTHONPATH"])
                return 0, ""
            return (0, "") if command[-1] == "import pip" else (1, "ensurepip is not available")

        monkeypatch.setattr(environment, "quiet", quiet)
        make_venv("/usr/bin/python3", tmp_path / "v")
        assert len(fetched) == 2
        assert fetched[0] == fetched[1]

    def test_what_a_failed_way_left_is_removed_but_not_the_mark(self, tmp_path: Path) -> None:
        folder = tmp_path / "v"
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").write_text("broken")
        (folder / "pyvenv.cfg").write_text("")
        (folder / "pyfly-dev.unfinished").touch()
        with pytest.raises(DevError):
            make_venv(str(tmp_path / "no-python"), folder)
        left = {entry.name for entry in folder.iterdir()}
        assert "pyfly-dev.unfinished" in left
        assert "pyvenv.cfg" not in left

    def test_when_nothing_works_all_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(environment, "quiet", scripted("no such command", []))
        with pytest.raises(DevError, match="apt-get install python3-venv") as caught:
            make_venv("/usr/bin/python3", tmp_path / "v")
        assert "[python -m venv]\nno ['-m', 'venv']" in str(caught.value)

    @pytest.mark.parametrize(
        ("said", "helps"),
        [
            ("NewConnectionError: [Errno 111]\nNo matching distribution found", "Offline?"),
            ("Temporary failure in name resolution", "Offline?"),
            ("No matching distribution found for x", "not complete"),
            ("OSError: [Errno 28] No space left on device", "disk is full"),
            ("[Errno 13] Permission denied: 'x'", "who owns the folder"),
            ("SSLError(CERTIFICATE_VERIFY_FAILED)", "PIP_CERT"),
            ("error: subprocess-exited-with-error", "run the same command again"),
        ],
    )
    def test_a_failed_install_says_what_helps(
        self, monkeypatch: pytest.MonkeyPatch, said: str, helps: str
    ) -> None:
        monkeypatch.setattr(environment, "quiet", lambda command: (1, said))
        with pytest.raises(DevError, match="pip could not install") as caught:
            environment.pip_install("python", "x[dev]")
        assert said in str(caught.value)
        assert helps in advice(said)


class TestTheCommand:
    def test_alone_it_lists_its_verbs_with_examples(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert dev.main([]) == 0
        alone = capsys.readouterr().out
        assert dev.main(["--help"]) == 0
        assert capsys.readouterr().out == alone
        for verb in dev.VERBS:
            assert f"  {verb.name} " in alone
            assert verb.example in alone

    def test_each_verb_is_explained_to_contributors(self) -> None:
        page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
        assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [
            verb.name for verb in dev.VERBS
        ]

    def test_an_unknown_verb_suggests_the_nearest(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert dev.main(["tets"]) == 2
        assert "no verb 'tets': did you mean 'test'?" in capsys.readouterr().err

    def test_a_verb_like_none_lists_them(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert dev.main(["qqqq"]) == 2
        assert "the verbs are demo, test," in capsys.readouterr().err

    def test_it_runs_from_any_folder(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, str(ROOT / "dev.py")],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "usage: python3 dev.py VERB" in done.stdout

    @pytest.mark.parametrize("arguments", [["--", "-k", "foo"], ["-k", "foo"]])
    def test_arguments_reach_the_tool_and_its_status_comes_back(
        self, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
    ) -> None:
        ran: list[list[str]] = []

        def run(command: list[str], **_: object) -> int:
            ran.append(command[1:])
            return 7

        monkeypatch.setattr(dev, "run", run)
        monkeypatch.setattr(Environment, "ensure", lambda self: None)
        assert dev.main(["test", *arguments]) == 7
        assert ran == [["-m", "pytest", "-k", "foo"]]

    def test_all_tests_run_on_all_cores_with_the_coverage_floor(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ran: list[list[str]] = []
        monkeypatch.setattr(dev, "run", lambda command, **_: ran.append(command[1:]) or 0)
        monkeypatch.setattr(Environment, "ensure", lambda self: None)
        assert dev.main(["test"]) == 0
        assert ran == [["-m", "pytest", "--cov", *dev.ALL_CORES]]

    def test_another_python_has_an_environment_of_its_own(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        ran: list[list[str]] = []
        monkeypatch.setenv("PATH", str(tmp_path))
        fake_python(tmp_path / "python3.13", "cpython-3.13")
        monkeypatch.setattr(dev, "run", lambda command, **_: ran.append(command) or 0)
        monkeypatch.setattr(Environment, "ensure", lambda self: None)
        assert dev.main(["test", "--python", "3.13", "--", "-x"]) == 0
        assert dev.main(["test", "--python", "3.13"]) == 0
        there = environment.script(ROOT / ".venv-3.13", "python")
        assert ran == [[there, "-m", "pytest", *more] for more in (["-x"], dev.ALL_CORES)]

    def test_a_python_that_is_not_there_is_told(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
        monkeypatch.setattr(Environment, "ensure", lambda self: None)
        assert dev.main(["test", "--python", "3.99"]) == 1
        assert "there is no Python 3.99" in capsys.readouterr().err
        assert dev.main(["test", "--python"]) == 2
        assert "--python needs a version" in capsys.readouterr().err

    def test_the_other_pythons_run_what_is_quick_and_a_missing_one_is_told(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        ran: list[list[str]] = []
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
        for name in ("3.11", "3.12", "3.13"):
            fake_python(tmp_path / f"python{name}", f"cpython-{name}")
        monkeypatch.setattr(interpreter, "running", lambda: Interpreter("/own", "cpython-3.11"))
        monkeypatch.setattr(dev, "run", lambda command, **_: ran.append(command) or 0)
        monkeypatch.setattr(Environment, "ensure", lambda self: None)
        assert dev.main(["pythons"]) == 0
        environments = [Path(command[0]).parts[-3] for command in ran]
        assert environments == [".venv-3.12", ".venv-3.13"]
        assert all(command[-len(dev.QUICK) :] == list(dev.QUICK) for command in ran)
        assert "Python 3.14 is not on this machine: NOT tested on it" in capsys.readouterr().err

    def test_the_quick_part_is_there(self) -> None:
        for path in dev.QUICK:
            assert (ROOT / path.removeprefix("--ignore=")).exists()

    def test_an_old_python_hands_over(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        ran: list[list[str]] = []
        monkeypatch.setattr(dev, "run", lambda command: ran.append(command) or 3)
        monkeypatch.setattr(interpreter, "running", lambda: OLD)
        monkeypatch.setattr(interpreter, "choose", lambda *_: Interpreter("/new", "cpython-3.12"))
        assert dev.main(["test", "--", "-x"]) == 3
        assert ran == [["/new", str(ROOT / "dev.py"), "test", "--", "-x"]]
        assert "going on with /new" in capsys.readouterr().err

    def test_all_steps_run_and_the_first_failure_is_the_status(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        done: list[str] = []

        def step(name: str, status: int) -> tuple[str, Callable[[], int]]:
            return name, lambda: done.append(name) or status

        assert dev.steps(step("a", 0), step("b", 5), step("c", 2)) == 5
        assert done == ["a", "b", "c"]
        assert "2 of 3 failed: b, c" in capsys.readouterr().err
        assert dev.steps(step("a", 0)) == 0

    def test_an_interruption_ends_with_130(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(self: Environment) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Environment, "ensure", interrupted)
        assert dev.main(["test"]) == 130

    def test_every_check_of_ci_is_a_verb(self) -> None:
        script = (ROOT / ".ci" / "run").read_text()
        assert f"for verb in {' '.join(dev.CHECKS)}; do" in script
        assert all(dev.verb(name) for name in dev.CHECKS)

    def test_cleaning_deletes_what_was_made_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for made in (".venv/lib/__pycache__", "src/pyfly/__pycache__", "dist", ".mypy_cache"):
            (tmp_path / made).mkdir(parents=True)
        (tmp_path / ".coverage").touch()
        (tmp_path / "src/pyfly/kept.py").touch()
        monkeypatch.setattr(dev, "ROOT", tmp_path)
        assert dev.clean([]) == 0
        left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
        assert left == ["src", "src/pyfly", "src/pyfly/kept.py"]


class TestChildren:
    def test_a_status_is_the_childs_and_a_signal_is_told_as_a_shell_does(self) -> None:
        assert console.run([sys.executable, "-c", "raise SystemExit(5)"]) == 5
        kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
        assert console.run([sys.executable, "-c", kill]) == 128 + 9

    def test_a_quiet_child_is_heard_on_both_streams(self) -> None:
        code = "import sys; print('out', flush=True); print('err', file=sys.stderr)"
        assert console.quiet([sys.executable, "-c", code]) == (0, "out\nerr\n")

    def test_a_quiet_child_that_hangs_is_killed_and_its_words_are_kept(self) -> None:
        code = "import time; print('busy', flush=True); time.sleep(60)"
        status, output = console.quiet([sys.executable, "-c", code], timeout=0.5)
        assert (status, output) == (124, "busy\n\nstill running after 0.5 s")

    def test_a_command_that_is_not_there_has_a_shells_status(self) -> None:
        status, output = console.quiet(["/nowhere/at-all"])
        assert status == 127
        assert output.startswith("/nowhere/at-all: ")

    @pytest.mark.parametrize(
        ("environ", "shown"),
        [
            ({}, "\x1b[36mhello\x1b[0m\n"),
            ({"NO_COLOR": "1"}, "hello\n"),
            ({"TERM": "dumb"}, "hello\n"),
        ],
    )
    def test_colour_is_for_terminals_that_want_it(
        self,
        environ: dict[str, str],
        shown: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        for name in ("NO_COLOR", "TERM"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        console.say("hello")
        assert capsys.readouterr().err == shown


class TestLinks:
    def test_links_that_lead_nowhere_are_told_with_their_line(self, tmp_path: Path) -> None:
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "a b.md").write_text("# One `call`, told once!\n")
        page = tmp_path / "README.md"
        page.write_text(
            "[up](docs/a%20b.md#one-call-told-once) [web](https://x.example/y)\n"
            "`[code](nowhere)`\n```\n[code](nowhere)\n```\n"
            "[bad](docs/b.md)\n[worse](<docs/a b.md#two>) [here](#nothing)\n"
        )
        assert list(links.broken(page, tmp_path)) == [
            "README.md:6: docs/b.md leads to no file",
            "README.md:7: docs/a b.md#two leads to no heading of a b.md",
            "README.md:7: #nothing leads to no heading of README.md",
        ]

    def test_a_page_with_a_broken_link_fails_the_check(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert links.check(tmp_path) == 0
        (tmp_path / "A.md").write_text("[x](b.md)")
        assert links.check(tmp_path) == 1
        assert capsys.readouterr().err == "A.md:1: b.md leads to no file\n"


class TestTheChangelog:
    def test_every_fragment_is_named_after_a_slug_and_a_type(self) -> None:
        found = [path.name for path in (ROOT / "changelog.d").iterdir()]
        fragments = [name for name in found if name != "_template.md.jinja"]
        pattern = r"[a-z0-9-]+\.(feature|fix|change|removal|doc)\.md"
        assert [name for name in fragments if not re.fullmatch(pattern, name)] == []


class TestTheWheelsDemo:
    @pytest.mark.parametrize("output", ['{"a": 1}\n', '{"a": 1}\n{"b": 2}\n', "[\n1\n]\n"])
    def test_json_is_one_document_or_one_on_each_line(self, output: str) -> None:
        wheel._json(output)

    @pytest.mark.parametrize("output", ["", "hello\n", '{"a": 1}\nhello\n'])
    def test_anything_else_is_refused(self, output: str) -> None:
        with pytest.raises(DevError, match="demo --json"):
            wheel._json(output)
