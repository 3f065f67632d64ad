"""Outages in files: what they may say, and how mistakes in them are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfly.cli.fault_server import EXAMPLE
from pyfly.core import ConfigException
from pyfly.testing import FaultServer
from pyfly.testing.fault_server.script import read_script
from tests.testing.fault_server.raw_client import RawClient, ask


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a script is: ``outage.yaml`` in the current folder."""
    monkeypatch.chdir(tmp_path)
    return Path("outage.yaml")


def answers(text: str) -> str:
    """A script of one route."""
    return f"routes:\n  - route: /a\n    answers:\n      - {text}\n"


def test_the_example_is_a_script(written: Path) -> None:
    written.write_text(EXAMPLE, encoding="utf-8")
    script = read_script(written)
    assert (script.seed, script.repeat) == (7, True)
    assert script.phases == (("open", 20.0), ("refuse", 5.0))
    assert [(each.route, len(each.behaviours), each.repeat) for each in script.routes] == [
        ("GET /products/{id}", 76, False),
        ("GET /products", 1, False),
        ("POST /products", 1, False),
        ("/search", 1, False),
        ("/report", 6, True),
    ]


def test_a_script_is_served_as_it_is_written(written: Path) -> None:
    written.write_text(
        """
seed: 3
routes:
  - route: GET /a
    answers:
      - { times: 2, status: 503, headers: { Retry-After: "2" }, reason: Busy }
      - { do: close, at: body, body: 0123456789 }
      - { do: raw, bytes: "\\xff\\x00", latency: 1ms }
  - route: /b
    repeat: true
    answers:
      - body: one
      - body: two
        chunked: true
""",
        encoding="utf-8",
    )
    with FaultServer.from_script(written) as server:
        with RawClient(server) as client:
            for _ in range(2):
                answer = client.exchange("/a")
                assert answer.startswith(b"HTTP/1.1 503 Busy\r\n")
                assert b"\r\nRetry-After: 2\r\n" in answer
            client.get("/a")
            assert client.read_all()[0].endswith(b"\r\n\r\n01234")
        assert ask(server, "/a") == (b"\xff\x00", "close")
        with RawClient(server) as client:
            assert client.exchange("/b").endswith(b"\r\n\r\none")
            client.get("/b")
            assert client.read_until(b"0\r\n\r\n").endswith(b"\r\n\r\n3\r\ntwo\r\n0\r\n\r\n")
            assert client.exchange("/b").endswith(b"one")
        assert server.counts() == {"GET /a": 4, "/b": 3}


@pytest.mark.parametrize(
    ("text", "played", "sent"),
    [
        ("do: answer", "Answer", b"HTTP/1.1 200 OK"),
        ("do: reset", "Reset", b""),
        ("{do: half-close, at: before}", "HalfClose", b""),
        ("{do: drip, gap: 1ms, size: 10B, head-gap: 0s}", "Drip", b"HTTP/1.1 200 OK"),
        ("{do: wrong-length, by: 3}", "WrongLength", b"content-length: 15"),
        ("{do: bad-chunks, kind: negative}", "BadChunks", b"-3\r\n"),
        ("{do: bomb, size: 1KiB, encoding: deflate, folds: 2}", "Bomb", b"deflate, deflate"),
        ("{do: truncated-gzip, missing: 3}", "TruncatedGzip", b"gzip"),
        ("do: left-over", "LeftOver", b'{"unasked": true}'),
        ('{do: left-over, extra: "!"}', "LeftOver", b"}!"),
        ("{do: interim, count: 2, interim-status: 100}", "Interim", b"100 Continue"),
        ("{do: interim, endless: true, interim-status: 102}", "Interim", b"102 Processing"),
        ("{do: header-bomb, count: 5, size: 1}", "HeaderBomb", b"x-4: x"),
        ("{early: true, status: 413}", "Answer", b"413"),
        ("{mix: [{weight: 1, status: 500}]}", "Answer", b"500"),
        ("{do: flapping, up: 1h, down: 1s, good: {status: 201}}", "Answer", b"201"),
        ("{do: flapping, bad: {status: 500}}", "Answer", b"200"),
        ("{latency: {median: 1ms, maximum: 2ms}}", "Answer", b"200"),
        ("{latency: {distribution: pareto, minimum: 0s}}", "Answer", b"200"),
        ("{latency: {distribution: uniform, high: 1ms}}", "Answer", b"200"),
    ],
)
def test_every_kind_can_be_said(written: Path, text: str, played: str, sent: bytes) -> None:
    written.write_text(answers(text), encoding="utf-8")
    with FaultServer.from_script(written) as server, RawClient(server) as client:
        client.get("/a")
        client.sock.settimeout(0.1)
        data = b""
        try:
            while len(data) < 10_000 and (more := client.sock.recv(1000)):
                data += more
        except OSError:
            pass
        assert sent in data
        assert server.requests[0].behaviour == played


def test_silence_can_be_said(written: Path) -> None:
    written.write_text(answers("do: silence"), encoding="utf-8")
    with FaultServer.from_script(written) as server, RawClient(server) as client:
        client.get("/a")
        client.sock.settimeout(0.03)
        with pytest.raises(TimeoutError):
            client.sock.recv(1)


def test_the_seed_of_the_call_goes_over_that_of_the_file(written: Path) -> None:
    mix = "{mix: [{status: 200}, {status: 500}]}"
    written.write_text("seed: 1\n" + answers(mix), encoding="utf-8")

    def run(seed: int | None) -> list[bytes]:
        with FaultServer.from_script(written, seed=seed) as server, RawClient(server) as client:
            return [client.exchange("/a")[9:12] for _ in range(20)]

    assert run(None) == run(1) != run(2)


def test_connections_go_by_the_script_from_the_start(written: Path) -> None:
    text = "connections: {phases: [{state: refuse, for: 80ms}, {for: 1h}]}\n"
    written.write_text(text, encoding="utf-8")
    with FaultServer.from_script(written) as server:
        with pytest.raises(ConnectionRefusedError):
            RawClient(server)

        def reachable(_: FaultServer) -> bool:
            try:
                RawClient(server).sock.close()
            except OSError:
                return False
            return True

        server.wait_until(reachable)


MISTAKES = [
    ("", "outage.yaml: says nothing (write routes: or connections: with phases:)"),
    ("seed: 1\n", "outage.yaml: says nothing (write routes: or connections: with phases:)"),
    ("seed: 1\n---\nseed: 2\n", "outage.yaml: holds 2 documents (write one script)"),
    ("seed: x\n", "outage.yaml:1: seed: 'x' is not a whole number (write for example 3)"),
    ("seed: [1]\n", "outage.yaml:1: seed: is a list (write a whole number)"),
    ("route: []\n", "outage.yaml:1: route: there is no such key (did you mean routes?)"),
    ("routes: /a\n", "outage.yaml:1: routes: is a value (write a list, each item after a -)"),
    ("routes: [/a]\n", "outage.yaml:1: routes: is a value (write - key: value)"),
    ("connections: 5\n", "outage.yaml:1: connections: is a value (write keys under it)"),
    ("connections: {repeat: true}\n", "outage.yaml:1: connections: has no phases"),
    (
        "connections: {phases: [{state: shut}]}\n",
        "outage.yaml:1: connections.phases.state: 'shut' is not accepted",
    ),
    (
        "connections: {repeat: true, phases: [{for: 0s}]}\n",
        "outage.yaml:1: connections: the phases last no time at all",
    ),
    ("routes:\n  - route: /a\n", "outage.yaml:2: routes: has no answers"),
    ("routes:\n  - answers: [{}]\n", "outage.yaml:2: routes.route: is missing"),
    (
        "routes:\n  - route: a b\n    answers: [{}]\n",
        "outage.yaml:2: routes.route: 'a b' is no route: write a path such as /stock/{id}",
    ),
    (answers("{do: explode}"), "outage.yaml:4: routes.answers.do: 'explode' is not accepted"),
    (answers("status: 99"), "outage.yaml:4: routes.answers.status: 99 is too small (at least 200)"),
    (answers("{do: reset, att: body}"), "outage.yaml:4: routes.answers.att: there is no such key "
     "(did you mean at?)"),
    (answers("{do: drip, gap: fast}"), "outage.yaml:4: routes.answers.gap: 'fast' is not a dura"),
    (answers("headers: x"), "outage.yaml:4: routes.answers.headers: is a value (write name: val"),
    (answers("headers: {a: [1]}"), "outage.yaml:4: routes.answers.headers.a: is no text"),
    (answers("{do: wrong-length, by: 0}"), "outage.yaml:4: routes.answers: WrongLength: by is 0"),
    (answers('{do: raw, bytes: "é€"}'), "outage.yaml:4: routes.answers: its bytes have a charac"),
    (answers("latency: {distribution: uniform, low: 2s}"),
     "outage.yaml:4: routes.answers.latency: Uniform: high is 0.1, which is less than low, 2"),
    (answers("latency: {mean: 2s}"), "outage.yaml:4: routes.answers.latency.mean: there is no s"),
    (answers("mix: [{weight: 0}]"), "outage.yaml:4: routes.answers: Mix: give pairs of a weight"),
    (answers("{mix: [{}], status: 200}"), "outage.yaml:4: routes.answers.status: there is no su"),
    (answers("zzzzzzzz: 1"), "outage.yaml:4: routes.answers.zzzzzzzz: there is no such key "
     "(known are body, chunked, do, early, headers"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_mistake_is_told_with_its_line_and_what_to_write(
    written: Path, text: str, message: str
) -> None:
    written.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigException) as caught:
        read_script(written)
    assert str(caught.value).startswith(message)


def test_all_mistakes_are_told_at_once(written: Path) -> None:
    text = "sed: 1\nroutes:\n  - route: /a\n    answers:\n      - stats: 3\n      - do: x\n"
    written.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigException) as caught:
        read_script(written)
    assert [line.split(": ")[0] for line in caught.value.problems] == [
        "outage.yaml:5",
        "outage.yaml:6",
        "outage.yaml:1",
    ]


def test_a_file_that_is_not_there_is_told(written: Path) -> None:
    with pytest.raises(ConfigException, match="cannot be read: No such file"):
        read_script(written)
