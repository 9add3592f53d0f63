"""Requests that a hostile page, a hostile program without the token, or a broken client sends: none may succeed.

They go to a real server process, as bytes. Where a browser would send the cookie along, it is there.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable

import pytest

from tests.web.serving import Serving, status_of
from vatrace.web.guard import exposed_hosts, loopback_hosts

Request = Callable[[Serving], tuple[bytes | float, ...]]

JPEG = b"\xff\xd8\xff\xe0"
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def http(
    line: str = "GET /api/clips",
    *headers: tuple[str, str],
    host: str | None = "{own}",
    cookie: bool = True,
    body: bytes = b"",
    **named: str,
) -> Request:
    """A request as bytes; {own}, {port} and {token} are filled in."""

    def build(server: Serving) -> tuple[bytes, ...]:
        all_headers = [("Host", host)] if host is not None else []
        all_headers += [("Cookie", server.cookie)] if cookie else []
        all_headers += [*headers, *((name.replace("_", "-"), value) for name, value in named.items())]
        text = f"{line} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in all_headers) + "\r\n"
        filled = text.replace("{own}", server.host).replace("{port}", str(server.port)).replace("{token}", server.token)
        return (filled.encode(), body)

    return build


def put(*headers: tuple[str, str], body: bytes = b"clip", **named: str) -> Request:
    return http("PUT /api/clips", ("Content-Length", str(len(body))), *headers, body=body, **named)


def socket_from(*headers: tuple[str, str], **options: bool) -> Request:
    return http("GET /api/live", *UPGRADE.items(), *headers, **options)  # type: ignore[arg-type]


def slow_head(server: Serving) -> tuple[bytes | float, ...]:
    first, _ = http()(server)
    return (first[:-4], 0.4, b"\r\nX-A: 1", 0.4, b"\r\nX-B: 2", 0.4, b"\r\nX-C: 3", 0.4, b"\r\n\r\n")


def endless_chunks(server: Serving) -> tuple[bytes | float, ...]:
    head, _ = http("PUT /api/clips", ("Transfer-Encoding", "chunked"))(server)
    return (head, *([b"10000\r\n" + bytes(0x10000) + b"\r\n"] * 100))  # 6.5 MB of 2 MB


def slow_body(server: Serving) -> tuple[bytes | float, ...]:
    head, _ = http("PUT /api/clips", ("Content-Length", "1000"))(server)
    return (head + b"x",)


def dripping_body(server: Serving) -> tuple[bytes | float, ...]:
    head, _ = http("PUT /api/clips", ("Content-Length", "1000"))(server)
    return (head, *([b"x", 0.25] * 12))


def foreign_form(server: Serving) -> tuple[bytes | float, ...]:
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nclip\r\n--x--\r\n'
    kind = ("Content-Type", "multipart/form-data; boundary=x")
    return http("POST /api/clips", ("Content-Length", str(len(part))), kind, body=part, Origin="http://evil.com")(
        server
    )


def from_elsewhere(*, mode: str, dest: str) -> dict[str, str]:
    """What a browser says of a request that a page of another site has it make."""
    return {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": mode, "Sec_Fetch_Dest": dest}


EVIL = "http://evil.com"
ATTACKS: dict[str, Request] = {
    "a rebound name": http(host="evil.com"),
    "a rebound name with our port": http(host="evil.com:{port}"),
    "a look-alike that begins with our address": http(host="127.0.0.1.evil.com:{port}"),
    "a look-alike that begins with localhost": http(host="localhost.evil.com:{port}"),
    "our address as a user of another host": http(host="{own}@evil.com"),
    "another host in upper case": http(host="EVIL.COM:{port}"),
    "our name with a trailing dot": http(host="localhost.:{port}"),
    "our address with another port": http(host="127.0.0.1:1"),
    "our address without a port": http(host="127.0.0.1"),
    "an IPv6 address where nobody listens": http(host="[::1]:{port}"),
    "our address within an IPv6 one": http(host="[::ffff:127.0.0.1]:{port}"),
    "our address as one number": http(host="2130706433:{port}"),
    "the address of every interface": http(host="0.0.0.0:{port}"),
    "an empty host": http(host=""),
    "no host": http(host=None),
    "two hosts": http("GET /api/clips", ("Host", "evil.com")),
    "our host behind a foreign one's proxy header": http(host="evil.com", X_Forwarded_Host="{own}"),
    "a foreign host that says it is for us": http(host="evil.com", Forwarded="for=127.0.0.1;host={own}"),
    "a whole address in the request line": http("GET http://evil.com/api/clips"),
    "a whole address of ours in the request line": http("GET http://{own}/api/clips"),
    "an upload from another page": put(Origin=EVIL),
    "an upload from a page of nowhere": put(Origin="null"),
    "an upload from another port": put(Origin="http://127.0.0.1:1"),
    "an upload from our address under https": put(Origin="https://{own}"),
    "an upload from two pages": put(("Origin", "http://{own}"), ("Origin", EVIL)),
    "a form of another page": foreign_form,
    "JSON that says it is text": http(
        "POST /api/clips", ("Content-Length", "2"), ("Content-Type", "text/plain"), body=b"{}", Origin=EVIL
    ),
    "a preflight": http("OPTIONS /api/clips", Origin=EVIL, Access_Control_Request_Method="PUT"),
    "a picture on another site": http(Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors"),
    "a script on another port of this machine": http(Sec_Fetch_Site="same-site", Sec_Fetch_Mode="no-cors"),
    "a picture on another site, with the token": http(
        "GET /?token={token}", cookie=False, **from_elsewhere(mode="no-cors", dest="image")
    ),
    "a frame on another site, with the token": http(
        "GET /?token={token}", cookie=False, **from_elsewhere(mode="navigate", dest="iframe")
    ),
    "a script of another site, with the token": http(
        "GET /?token={token}", cookie=False, **from_elsewhere(mode="cors", dest="empty")
    ),
    "a form on another site, with the token": http(
        "POST /?token={token}", cookie=False, **from_elsewhere(mode="navigate", dest="document")
    ),
    "a link on another site, with a wrong token": http(
        "GET /?token=" + "A" * 43, **from_elsewhere(mode="navigate", dest="document")
    ),
    "a link on another site, without a token": http("GET /", **from_elsewhere(mode="navigate", dest="document")),
    "a link on another site to a list": http("GET /api/clips", **from_elsewhere(mode="navigate", dest="document")),
    "a link on another site to a list, with the token": http(
        "GET /api/clips?token={token}", **from_elsewhere(mode="navigate", dest="document")
    ),
    "a page that says what a link says, with an origin": http(
        "GET /?token={token}", cookie=False, Origin=EVIL, **from_elsewhere(mode="navigate", dest="document")
    ),
    "a long head in one piece": http("GET /api/clips", ("X-Long", "a" * 20_000)),
    "many headers in one piece": http("GET /api/clips", *((f"X-{number}", "a" * 100) for number in range(180))),
    "a long address in one piece": http("GET /?" + "a" * 20_000),
    "a deletion from another page": http("DELETE /api/clips/0123456789abcdef", Origin=EVIL),
    "a live connection from another page": socket_from(("Origin", EVIL)),
    "a live connection from nowhere": socket_from(("Origin", "null")),
    "a live connection from no page": socket_from(),
    "a live connection without the token": socket_from(("Origin", "http://{own}"), cookie=False),
    "no token": http(cookie=False),
    "no token for the page": http("GET /", cookie=False),
    "no token for a file of the page": http("GET /index.html", cookie=False),
    "a wrong token": http(cookie=False, Cookie="vatrace_{port}=" + "A" * 43),
    "an empty token": http(cookie=False, Cookie="vatrace_{port}="),
    "a token under another port's name": http(cookie=False, Cookie="vatrace_1={token}"),
    "a wrong token in the address": http("GET /?token=" + "A" * 43, cookie=False),
    "two tokens in the address": http("GET /?token={token}&token={token}", cookie=False),
    "a token in the address of something else": http("GET /api/clips?token={token}", cookie=False),
    "a token in the address of an upload": http(
        "PUT /?token={token}", ("Content-Length", "1"), cookie=False, body=b"x"
    ),
    "a token as a bearer": http(cookie=False, Authorization="Bearer {token}"),
    "an upload without a length": http("PUT /api/clips"),
    "an upload in chunks, without a length": http(
        "PUT /api/clips", ("Transfer-Encoding", "chunked"), body=b"4\r\nclip\r\n0\r\n\r\n"
    ),
    "an upload of nothing": put(body=b""),
    "an upload that says it is huge": http("PUT /api/clips", ("Content-Length", "2000000001")),
    "an upload with a length that is no number": http("PUT /api/clips", ("Content-Length", "-1")),
    "an upload with two lengths": http("PUT /api/clips", ("Content-Length", "1"), ("Content-Length", "2"), body=b"xx"),
    "an upload with a length and chunks": http(
        "PUT /api/clips", ("Content-Length", "4"), ("Transfer-Encoding", "chunked"), body=b"1\r\nx\r\n0\r\n\r\n"
    ),
    "chunks without end": endless_chunks,
    "a body that stalls": slow_body,
    "a body that drips": dripping_body,
    "a head that drips": slow_head,
    "a head without end": http("GET /api/clips", ("X-Long", "a" * 1_000_000)),
    "a body where there is none": http("GET /api/clips", ("Content-Length", "5"), body=b"hello"),
    "a way up": http("GET /../../../../etc/passwd"),
    "a way up in code": http("GET /%2e%2e/%2e%2e/%2e%2e/etc/passwd"),
    "a way up from a clip": http("GET /api/clips/..%2f..%2fetc%2fpasswd/trace.csv"),
    "a way to our code": http("GET /../app.py"),
    "a method that mirrors": http("TRACE /api/clips"),
    "a method that tunnels": http("CONNECT evil.com:80"),
    "no HTTP at all": lambda server: (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50) + b"\r\n\r\n",),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_none_of_these_requests_succeeds(name: str, server: Serving) -> None:
    received = server.raw(*ATTACKS[name](server))
    assert status_of(received) == 0 or 400 <= status_of(received) < 500, received
    assert server.token.encode() not in received
    assert b"access-control-allow" not in received.lower()
    assert server.clips() == [], "nothing was taken"
    assert [path.name for path in next(server.files.iterdir()).iterdir()] == [".running"], "and nothing was left"


def test_what_the_page_itself_asks_is_answered(server: Serving) -> None:
    """Else the test above would pass with a server that refuses everything."""
    for request in (
        http(),
        http(host="localhost:{port}"),
        http(host="LOCALHOST:{port}"),
        http(Origin="http://{own}"),
        http(Sec_Fetch_Site="same-origin"),
        http(Sec_Fetch_Site="none"),
        http("GET /api/limits"),
    ):
        assert status_of(server.raw(*request(server))) == 200
    assert status_of(server.raw(*socket_from(("Origin", "http://{own}"))(server), seconds=1)) == 101


def test_a_further_request_on_a_connection_has_to_arrive_in_time_too(server: Serving) -> None:
    whole = http()(server)[0]
    assert isinstance(whole, bytes)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(whole)
        assert status_of(connection.recv(65536)) == 200
        num_sent = 0
        with contextlib.suppress(ConnectionError):
            for num_sent in range(len(whole)):
                connection.sendall(whole[num_sent : num_sent + 1])
                time.sleep(0.1)  # a byte now and then, so that the connection is never idle
        assert num_sent < len(whole) / 2, "it was closed on the way"


def test_the_printed_address_moves_the_token_to_a_cookie_that_scripts_and_other_sites_never_get(
    server: Serving,
) -> None:
    answer = server.ask("GET", f"/?token={server.token}", headers={"Cookie": ""})
    assert (answer.status, answer.headers["location"]) == (303, "/")
    name_and_value, *attributes = answer.headers["set-cookie"].split("; ")
    assert name_and_value == server.cookie
    assert {each.lower() for each in attributes} == {"httponly", "path=/", "samesite=strict"}


def test_the_printed_address_can_be_clicked_in_a_terminal_that_is_a_page_itself(server: Serving) -> None:
    click = http("GET /?token={token}", cookie=False, **from_elsewhere(mode="navigate", dest="document"))
    received = server.raw(*click(server))
    assert status_of(received) == 200, "with a redirection it would still be the other page's request"
    assert b'http-equiv="refresh" content="0;url=/"' in received
    assert f"set-cookie: {server.cookie}".encode() in received


@pytest.mark.parametrize("path", ["/", "/api/clips", "/api/nothing", "/no-such-file"])
def test_every_answer_forbids_inline_scripts_frames_guessed_types_and_referrers(path: str, server: Serving) -> None:
    for headers in ({}, {"Cookie": ""}):
        answer = server.ask("GET", path, headers=headers).headers
        policy = dict(part.strip().partition(" ")[::2] for part in answer["content-security-policy"].split(";"))
        assert policy["default-src"] == "'self'"
        assert "unsafe" not in answer["content-security-policy"]
        assert {policy[name] for name in ("object-src", "frame-ancestors", "base-uri")} == {"'none'"}
        assert answer["x-content-type-options"] == "nosniff"
        assert answer["referrer-policy"] == "no-referrer"
        assert answer["cache-control"] == "no-store"
        assert "server" not in answer


def test_nothing_that_was_asked_is_in_the_log(server: Serving) -> None:
    server.ask("GET", "/a-telling-name.mp4")
    server.ask("GET", "/a-telling-name.mp4", headers={"Cookie": "a-telling-token"})
    assert "telling" not in server.log.read_text()
    assert server.log.read_text().count(server.token) == 1, "the token stands in the address alone"


@pytest.mark.parametrize("host", ["127.0.0.1:82", "localhost:82"])
def test_on_this_machine_alone_two_names_are_ours(host: str) -> None:
    assert loopback_hosts(82)(host)
    assert not loopback_hosts(81)(host)


def test_browsers_leave_out_the_port_of_http() -> None:
    assert loopback_hosts(80)("127.0.0.1")
    assert exposed_hosts(80, ["Laptop"])("laptop")
    assert exposed_hosts(80, ["Laptop"])("[fe80::1]")
    assert not exposed_hosts(80, ["Laptop"])("evil.com")
    assert not loopback_hosts(82)("127.0.0.1")


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("192.168.1.7:82", True),
        ("[fe80::1]:82", True),
        ("laptop:82", True),
        ("192.168.1.7:81", False),
        ("192.168.1.7", False),
        ("laptop.evil.com:82", False),
        ("evil.com:82", False),
        ("192.168.1.7.evil.com:82", False),
    ],
)
def test_an_exposed_server_takes_numbers_and_its_own_name_but_no_name_that_can_be_rebound(
    host: str, is_ours: bool
) -> None:
    assert exposed_hosts(82, ["Laptop"])(host) is is_ours
