"""Who may ask: only the page of this very server, opened with the address that was printed.

Every web site that a person visits can send requests to their own machine, and can make its own name point there (DNS
rebinding). So each request is checked before anything else sees it:

- `Host` is this server's own address: a rebound name gives itself away there;
- `Origin`, where there is one, is the page's own, and a WebSocket has to have one;
- `Sec-Fetch-Site`, where there is one, is not another site's; but the printed address, with the token in it, may be
  clicked anywhere, such as in a terminal that is itself a page;
- the token: once in the address, from then on in a cookie that scripts cannot read and other sites cannot send.

Whoever passes gets answers that allow no inline script, no frame, no guessing of types, and that nobody stores.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vatrace.errors import where

logger = logging.getLogger(__name__)

BODY_METHODS = ("PUT",)
HTTP_PORT = 80
MAX_HEAD_BYTES = 16 * 2**10  # names and values together; the server itself counts only what comes in several pieces
_ENTRY_PAGE = (
    '<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>vatrace</title><a href="/">vatrace</a>'
)
ENTRY_TEXT = "Open the address that `vatrace serve` printed: it holds a token, without which nothing is shown."

HostCheck = Callable[[str], bool]


def loopback_hosts(port: int) -> HostCheck:
    """Accept what this machine calls itself, with the port; nothing else, however it looks alike."""
    allowed = {f"{name}{_port_of(port)}" for name in ("127.0.0.1", "localhost")}
    return lambda host: host in allowed


def _port_of(port: int) -> str:
    """How a browser names it after the host: it leaves out HTTP's own."""
    return "" if port == HTTP_PORT else f":{port}"


def exposed_hosts(port: int, names: Iterable[str]) -> HostCheck:
    """Accept any numeric address, and some names, with the port.

    A page of somebody else can make its own name point here, but not a numeric address.
    """
    allowed = {f"{name.lower()}{_port_of(port)}" for name in (*names, "localhost")}

    def is_ours(host: str) -> bool:
        address = host.removesuffix(_port_of(port))
        try:
            ipaddress.ip_address(address.removeprefix("[").removesuffix("]"))
        except ValueError:
            return host in allowed
        return address + _port_of(port) == host

    return is_ours


@dataclass(frozen=True)
class Refused:
    """Why a request is not answered: a status code and a sentence."""

    status: int
    sentence: str


@dataclass(frozen=True)
class Guard:
    """Lets through what the page of this server asks.

    Args:
        app: what answers.
        token: the secret of this run.
        port: of this server; cookies do not tell ports apart, so it is in the cookie's name.
        is_own_host: says whether a `Host` is this server's.
    """

    app: ASGIApp
    token: str
    port: int
    is_own_host: HostCheck

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse, one request."""
        if scope["type"] not in ("http", "websocket"):
            return
        refused = self._refused(scope)
        if refused is not None and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refused.sentence})
        elif refused is not None:
            await self._answer(refused_response(scope, refused), scope, receive, send)
        elif scope["type"] == "http" and (entry := self._entry(scope)) is not None:
            await self._answer(entry, scope, receive, send)
        else:
            await self._answer(self.app, scope, receive, send)

    async def _answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Run an application with our headers; an error of ours is told without a traceback, which may hold names."""
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        try:
            await app(scope, receive, answer.send)
        except Exception as error:
            logger.error("internal error: %s", where(error))
            if answer.is_started:
                raise _Broken from None
            sentence = "Something went wrong in the server; it goes on. Try again."
            await JSONResponse({"error": sentence}, 500)(scope, receive, answer.send)

    def _refused(self, scope: Scope) -> Refused | None:
        headers = _Headers(scope)
        hosts, origins = headers.all(b"host"), headers.all(b"origin")
        if len(hosts) != 1 or not self.is_own_host(hosts[0].lower()):
            return Refused(421, "This server only answers to its own address on this machine.")
        if not scope["path"].startswith("/"):
            return Refused(400, "A request names a path on this server.")
        own_origin = f"http://{hosts[0].lower()}"
        if headers.num_bytes() + len(scope["path"]) + len(scope["query_string"]) > MAX_HEAD_BYTES:
            return Refused(431, "This request has too long a head.")
        if any(origin != own_origin for origin in origins) or len(origins) > 1:
            return Refused(403, "Requests from another page are not answered.")
        if scope["type"] == "websocket" and not origins:
            return Refused(403, "A live connection comes from this server's own page.")
        if _is_foreign(headers) and not (_is_a_click(headers) and self._offered(scope) is not None):
            return Refused(403, "Requests from another site are not answered.")
        if scope["type"] == "http" and scope["method"] not in BODY_METHODS and headers.announce_a_body():
            return Refused(400, "This request takes no body.")
        if headers.all(b"content-length") and headers.all(b"transfer-encoding"):
            return Refused(400, "A body has a length or comes in chunks, not both.")
        if not self._is_known(headers) and self._offered(scope) is None:
            return Refused(401, ENTRY_TEXT)
        return None

    def _is_known(self, headers: _Headers) -> bool:
        return any(
            hmac.compare_digest(value.encode(), self.token.encode()) for value in headers.cookies(self.cookie_name)
        )

    def _offered(self, scope: Scope) -> str | None:
        """The token out of the address, where it may stand and is right."""
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            return None
        offered = parse_qs(scope["query_string"].decode("ascii", "replace")).get("token", [])
        is_right = len(offered) == 1 and hmac.compare_digest(offered[0].encode(), self.token.encode())
        return offered[0] if is_right else None

    def _entry(self, scope: Scope) -> Response | None:
        """Move the token from the address, which histories keep, to a cookie."""
        if self._offered(scope) is None:
            return None
        if _is_foreign(_Headers(scope)):
            # A redirection would still be the other site's, which the cookie does not go with; a page of ours is not.
            response: Response = HTMLResponse(_ENTRY_PAGE)
        else:
            response = RedirectResponse("/", 303)
        response.set_cookie(self.cookie_name, self.token, httponly=True, samesite="strict", path="/")
        return response

    @property
    def cookie_name(self) -> str:
        """Name of the cookie that holds the token."""
        return f"vatrace_{self.port}"


def refused_response(scope: Scope, refused: Refused) -> Response:
    """A sentence: as JSON for the page's scripts, as text for a person."""
    if scope["path"].startswith("/api/"):
        return JSONResponse({"error": refused.sentence}, refused.status)
    return PlainTextResponse(refused.sentence + "\n", refused.status)


def _is_foreign(headers: _Headers) -> bool:
    """Whether a browser says that another site's page is behind a request."""
    return any(site not in ("same-origin", "none") for site in headers.all(b"sec-fetch-site"))


def _is_a_click(headers: _Headers) -> bool:
    """Whether a browser says that a person goes to this page: a page of its own, in no frame, fetched by no script."""
    mode, place = headers.all(b"sec-fetch-mode"), headers.all(b"sec-fetch-dest")
    return mode == ["navigate"] and place == ["document"]


class _Broken(Exception):  # noqa: N818  (never seen: it makes uvicorn close a half-sent answer)
    """An answer broke off in the middle."""


class _Headers:
    """Headers of a request, with repeated ones kept apart."""

    def __init__(self, scope: Scope) -> None:
        self._items: list[tuple[bytes, bytes]] = list(scope["headers"])

    def all(self, name: bytes) -> list[str]:
        return [value.decode("latin-1").strip() for key, value in self._items if key == name]

    def cookies(self, name: str) -> list[str]:
        pairs = (part.strip().partition("=") for line in self.all(b"cookie") for part in line.split(";"))
        return [value for key, _, value in pairs if key == name]

    def num_bytes(self) -> int:
        return sum(len(key) + len(value) for key, value in self._items)

    def announce_a_body(self) -> bool:
        return bool(self.all(b"transfer-encoding")) or any(length != "0" for length in self.all(b"content-length"))


class _Answer:
    """The answer to one request, with our headers."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        host = _Headers(scope).all(b"host")
        self._headers = _answer_headers(host[0] if host else "")
        self.is_started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.is_started = True
            given = list(message.get("headers", []))
            names = {key.lower() for key, _ in given}
            given += [(key, value) for key, value in self._headers if key not in names]
            message = {**message, "headers": given}
        await self._send(message)


def _answer_headers(host: str) -> list[tuple[bytes, bytes]]:
    own = host if host.isascii() and not set(host) & set(" ;,'\"\r\n") else ""
    policy = (
        "default-src 'self'; "
        f"connect-src 'self' ws://{own}; "  # 'self' does not cover WebSockets in every browser
        "img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return [
        (b"content-security-policy", policy.encode("ascii")),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(self), microphone=(self), geolocation=()"),
        (b"cache-control", b"no-store"),
    ]
