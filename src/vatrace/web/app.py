"""The routes: what the page asks of the server, as short as it can be. `guard` has seen every request before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from vatrace.web.jobs import ModelFacts, Workshop
from vatrace.web.ranges import MEDIA_TYPES, media_response
from vatrace.web.shelf import CSV_FILE, PLAYABLE_STEM, REPORT_FILE, TRACE_FILE, Clip, Refusal
from vatrace.web.uploads import receive_clip

STATIC_FOLDER = Path(__file__).parent / "static"
STATIC_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
# A report brings its own script and style. It is handed over as a file; if a browser shows it all the same, it does so
# as a page of nowhere, which can reach nothing here.
REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; media-src data: blob:; connect-src data:; frame-ancestors 'none'"
)

AnswerLive = Callable[[WebSocket], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Served:
    """What a run serves.

    Args:
        workshop: makes clips.
        model: name of the model, as shown.
        facts: what is known of it.
        live: answers a live connection.
    """

    workshop: Workshop
    model: str
    facts: ModelFacts
    live: AnswerLive


def build_app(served: Served) -> Starlette:
    """Put the routes together; `Guard` goes around them."""
    routes = _Routes(served)
    one = "/api/clips/{clip_id}"
    return Starlette(
        routes=[
            Route("/api/limits", routes.limits, methods=["GET"]),
            Route("/api/clips", routes.clips, methods=["GET"]),
            Route("/api/clips", routes.put, methods=["PUT"]),
            Route(one, routes.get, methods=["GET"]),
            Route(one, routes.delete, methods=["DELETE"]),
            Route(f"{one}/trace.json", routes.trace, methods=["GET"]),
            Route(f"{one}/trace.csv", routes.csv, methods=["GET"]),
            Route(f"{one}/report.html", routes.report, methods=["GET"]),
            Route(f"{one}/video", routes.video, methods=["GET"]),
            WebSocketRoute("/api/live", routes.live),
            Route("/{path:path}", _static, methods=["GET"]),
        ],
        exception_handlers={Refusal: _refuse, HTTPException: _refuse_http},
    )


@dataclass(frozen=True)
class _Routes:
    served: Served

    async def limits(self, request: Request) -> Response:
        limits = self.served.workshop.shelf.limits
        return JSONResponse(
            {
                "max_bytes": limits.max_bytes,
                "max_seconds": limits.max_seconds,
                "max_clips": limits.max_clips,
                "keep_seconds": limits.keep_seconds,
                "model": self.served.model,
                "remark": self.served.facts.remark,
            }
        )

    async def clips(self, request: Request) -> Response:
        return JSONResponse([self._told(clip) for clip in self.served.workshop.shelf.clips()])

    async def put(self, request: Request) -> Response:
        clip = await receive_clip(request, self.served.workshop.shelf)
        self.served.workshop.submit(clip)
        return JSONResponse(self._told(clip), 201)

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._told(self._clip(request)))

    async def delete(self, request: Request) -> Response:
        clip = self._clip(request)
        self.served.workshop.remove(clip.id)
        return Response(status_code=204)

    async def trace(self, request: Request) -> Response:
        return FileResponse(self._result(request).folder / TRACE_FILE, media_type="application/json")

    async def csv(self, request: Request) -> Response:
        clip = self._result(request)
        headers = _download(f"{Path(clip.name).stem}.csv", "trace.csv")
        return FileResponse(clip.folder / CSV_FILE, media_type="text/csv; charset=utf-8", headers=headers)

    async def report(self, request: Request) -> Response:
        clip = self._result(request)
        headers = _download(f"{Path(clip.name).stem}.html", "report.html") | {"content-security-policy": REPORT_POLICY}
        return FileResponse(clip.folder / REPORT_FILE, media_type="text/html; charset=utf-8", headers=headers)

    async def video(self, request: Request) -> Response:
        clip = self._result(request)
        for suffix in MEDIA_TYPES:
            path = (clip.folder / PLAYABLE_STEM).with_suffix(suffix)
            if path.is_file():
                return media_response(request, path)
        raise Refusal(404, "There is nothing to play of this clip.")

    async def live(self, websocket: WebSocket) -> None:
        await self.served.live(websocket)

    def _clip(self, request: Request) -> Clip:
        clip = self.served.workshop.shelf.get(request.path_params["clip_id"])
        if clip is None:
            raise Refusal(404, "There is no such clip here, or not any more.")
        return clip

    def _result(self, request: Request) -> Clip:
        clip = self._clip(request)
        if clip.state != "done":
            raise Refusal(409, clip.error or "This clip is not ready yet.")
        self.served.workshop.shelf.look_at(clip.id)
        return clip

    def _told(self, clip: Clip) -> dict[str, object]:
        return clip.to_json(self.served.workshop.shelf.limits.keep_seconds)


async def _static(request: Request) -> Response:
    """A file of the page: only one that is there under exactly this name, so that no path leads elsewhere."""
    name = request.path_params["path"] or "index.html"
    files = {str(path.relative_to(STATIC_FOLDER).as_posix()): path for path in STATIC_FOLDER.rglob("*.*")}
    path = files.get(name)
    if path is None or path.suffix not in STATIC_TYPES or not path.is_file():
        raise Refusal(404, "There is no such page here.")
    return Response(await run_in_threadpool(path.read_bytes), media_type=STATIC_TYPES[path.suffix])


def _download(name: str, plain: str) -> dict[str, str]:
    return {"content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"}


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal), "registered for it"
    headers = {"retry-after": "1"} if error.status in (429, 503) else {}
    return JSONResponse({"error": error.sentence}, error.status, headers=headers)


async def _refuse_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "registered for it"
    return JSONResponse({"error": f"{error.detail}."}, error.status_code, headers=error.headers)
