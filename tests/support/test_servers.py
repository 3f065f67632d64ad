"""The test servers do what tests rely on."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import ROOT, ServerClient, ServerHandle, server_process


def ask(server: ServerHandle, data: bytes) -> bytes:
    """Send bytes and read to the end of the stream."""
    with socket.create_connection((server.host, server.port), timeout=5) as peer:
        peer.sendall(data)
        answer = b""
        while part := peer.recv(65536):
            answer += part
    return answer


def call(server: ServerHandle, method: str, target: str, body: Any = None) -> tuple[int, Any]:
    """One request by the standard library's client; status and decoded body."""
    peer = http.client.HTTPConnection(server.host, server.port, timeout=5)
    try:
        peer.request(method, target, None if body is None else json.dumps(body))
        response = peer.getresponse()
        read = response.read()
        return response.status, json.loads(read) if read else None
    finally:
        peer.close()


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "answer"),
    [
        ("GET", "/health", None, 200, {"status": "UP"}),
        ("GET", "/users/a%2Fb", None, 200, {"id": "a/b", "name": "User a/b"}),
        ("GET", "/users/missing", None, 404, {"error": "no such user"}),
        ("POST", "/users", {"name": "Ada"}, 201, {"id": "1", "name": "Ada"}),
        ("DELETE", "/users/1", None, 204, None),
        ("GET", "/orders/a/items/b", None, 200, {"order": "a", "item": "b"}),
        ("PUT", "/products/7", {"n": 1}, 200, {"id": "7", "n": 1}),
        ("GET", "/payments/9", None, 200, {"id": "9", "name": "Payment 9"}),
        ("PATCH", "/status/418", None, 418, {"status": 418}),
        ("GET", "/delay/1", None, 200, {"delayed": 1}),
        ("GET", "/nowhere", None, 404, {"error": "not found", "target": "/nowhere"}),
        ("HEAD", "/health", None, 200, None),
    ],
)
def test_the_services_answer(
    guide_server: ServerHandle, method: str, target: str, body: Any, status: int, answer: Any
) -> None:
    assert call(guide_server, method, target, body) == (status, answer)


def test_the_products_tell_the_query_they_were_found_by(guide_server: ServerHandle) -> None:
    _, found = call(guide_server, "GET", "/products?category=a%20b&page=1&page=")
    assert found[0]["query"] == [["category", "a b"], ["page", "1"], ["page", ""]]


def test_echo_tells_the_target_as_it_was_on_the_wire(guide_server: ServerHandle) -> None:
    status, heard = call(guide_server, "OPTIONS", "/echo/%7e%2F?q=%20", {"a": 1})
    assert status == 200
    assert (heard["method"], heard["target"], heard["body"]) == (
        "OPTIONS",
        "/echo/%7e%2F?q=%20",
        '{"a": 1}',
    )


def test_requests_are_recorded_byte_for_byte_and_forgotten_on_reset(
    guide_server: ServerHandle, guide: ServerClient
) -> None:
    chunked = (
        b"POST /users HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    )
    last = b"GET /health HTTP/1.1\r\nHost: x\r\nconnection: close\r\n\r\n"
    answers = ask(guide_server, chunked + last)
    first, second = guide.requests()
    assert (first.raw, second.raw) == (chunked, last)
    assert (first.method, first.target, first.header("HOST")) == ("POST", "/users", "x")
    assert first.connection == second.connection
    assert answers.count(b"HTTP/1.1 20") == 2
    assert guide.connections() == (1, 0, 1)
    guide.reset()
    assert guide.requests() == []


@pytest.mark.parametrize(
    "data",
    [
        b"GET /x HTTP/1.0\r\nHost: x\r\n\r\n",
        b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /x HTTP/1.1\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        b"GET /x HTTP/1.1\nHost: x\n\n",
        b"GET /x HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n.",
        b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n.",
        b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    ],
)
def test_a_malformed_request_is_refused_and_recorded(
    guide_server: ServerHandle, guide: ServerClient, data: bytes
) -> None:
    answer = ask(guide_server, data)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Connection: close" in answer
    assert data.startswith(guide.request().raw)


def test_a_script_gives_the_next_answers_and_then_ends(
    guide_server: ServerHandle, guide: ServerClient
) -> None:
    guide.fail("/users/1", 503)
    guide.script("/users/1", {"status": 429, "headers": {"Retry-After": "7"}, "body": {"x": 1}})
    statuses = [call(guide_server, "GET", "/users/1") for _ in range(3)]
    assert statuses == [
        (503, {"status": 503}),
        (429, {"x": 1}),
        (200, {"id": "1", "name": "User 1"}),
    ]


def test_a_script_can_be_for_one_method_or_any_path(
    guide_server: ServerHandle, guide: ServerClient
) -> None:
    guide.script("*", {"status": 500, "times": 2}, method="DELETE")
    assert call(guide_server, "GET", "/users/1")[0] == 200
    assert [call(guide_server, "DELETE", "/users/1")[0] for _ in range(3)] == [500, 500, 204]


@pytest.mark.parametrize("answer", [{"reset": True}, {"cut": 40, "reset": True}])
def test_a_script_can_reset_the_connection(
    guide_server: ServerHandle, guide: ServerClient, answer: dict[str, Any]
) -> None:
    guide.script("/health", answer)
    with pytest.raises(ConnectionResetError):
        call(guide_server, "GET", "/health")


def test_a_script_can_drop_the_connection(guide_server: ServerHandle, guide: ServerClient) -> None:
    guide.script("/health", {"drop": True})
    with pytest.raises(http.client.RemoteDisconnected):
        call(guide_server, "GET", "/health")


def test_a_script_can_cut_the_body_off(guide_server: ServerHandle, guide: ServerClient) -> None:
    guide.script("/health", {"body_base64": "YWJj", "body": None, "cut": 43})
    answer = ask(guide_server, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer == b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"[:43]


def test_a_script_can_hold_a_whole_response(
    guide_server: ServerHandle, guide: ServerClient
) -> None:
    guide.script("/health", {"raw": b"HTTP/1.1 200 \xff\r\n\r\nrest", "hang_up": True})
    answer = ask(guide_server, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer == b"HTTP/1.1 200 \xff\r\n\r\nrest"


def test_a_script_can_send_chunks_and_close(
    guide_server: ServerHandle, guide: ServerClient
) -> None:
    guide.script("/health", {"chunks": ["[1,", b"2]"], "close": True, "delay": 0.001})
    answer = ask(guide_server, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.endswith(b"Connection: close\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n")


def test_drip_sends_its_bytes_one_by_one(guide_server: ServerHandle) -> None:
    peer = http.client.HTTPConnection(guide_server.host, guide_server.port, timeout=5)
    peer.request("GET", "/drip?n=4&ms=1")
    assert peer.getresponse().read() == b"...."
    peer.close()


def test_a_connection_that_the_client_left_is_not_open_while_its_answer_is_delayed(
    guide_server: ServerHandle, guide: ServerClient
) -> None:
    with socket.create_connection((guide_server.host, guide_server.port)) as peer:
        peer.sendall(b"GET /delay/30000 HTTP/1.1\r\nHost: x\r\n\r\n")
        guide.wait_for_requests(1)
        assert guide.connections().open == 1
    assert guide.wait_for_open(0).opened == 1


def test_httpbin_answers_in_its_own_process(httpbin_server: ServerHandle) -> None:
    status, answer = call(httpbin_server, "GET", "/get?a=1")
    assert (status, answer["args"]) == (200, {"a": "1"})
    assert httpbin_server.pid != os.getpid()


def test_nobody_listens_on_the_unused_port(unused_port: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", unused_port), timeout=1)


def test_a_server_that_does_not_start_shows_what_it_said(tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text("raise SystemExit('no such luck')")
    with (
        pytest.raises(RuntimeError, match="no such luck"),
        server_process(script),
    ):
        pass


def test_stopping_ends_the_process_and_keeps_its_log(tmp_path: Path) -> None:
    script = tmp_path / "talker.py"
    script.write_text(
        "import sys; print(1, flush=True); print('hello', file=sys.stderr); sys.stdin.read()"
    )
    with server_process(script) as server:
        assert server.alive()
        server.stop()
        server.stop()
        assert not server.alive()
        assert server.log() == "hello\n"


def test_a_server_that_does_not_leave_by_itself_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "stubborn.py"
    script.write_text("import time\nprint(1, flush=True)\ntime.sleep(60)")
    with server_process(script, grace=0.05) as server:
        pass
    assert not server.alive()


def test_a_server_leaves_when_the_test_process_is_killed() -> None:
    code = """
        import time
        from tests.support.servers import server_process
        with server_process("tests.support.guide_server") as server:
            print(server.pid, flush=True)
            time.sleep(60)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert _gone_within(server, 5), f"process {server} still runs"


def _gone_within(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            os.kill(pid, 0)
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":  # dead, and waiting for whoever inherited it
            return True
        time.sleep(0.02)
    return False
