"""Serves the live pages on this machine."""

from __future__ import annotations

import asyncio
from functools import partial
from importlib.resources import files
from pathlib import Path

from aiohttp import web

from mlebench.reports.markup import linked_page
from mlebench.reports.view.act_page import with_said
from mlebench.reports.view.routes import ACTS, PAGES, Act, Maker
from mlebench.reports.view.view import Page, View
from mlebench.reports.view.watched_runs import WatchedRuns

_STATIC = {"page.css": "mlebench.reports", "page.js": "mlebench.reports", "view.js": "mlebench.reports.view"}
_TYPES = {"css": "text/css", "js": "text/javascript"}


def make_application(view: View) -> web.Application:
    """The server's application."""
    application = web.Application()
    for path, maker in PAGES.items():
        application.router.add_get(view.root + path, partial(_answer, view, maker))
    for path, act in ACTS.items():
        application.router.add_post(view.root + path, partial(_act, view, act))
    for name in _STATIC:
        application.router.add_get(f"{view.root}/static/{name}", partial(_static, name))
    return application


async def _answer(view: View, maker: Maker, request: web.Request) -> web.Response:
    page = await asyncio.to_thread(maker, view, dict(request.query), **request.match_info)
    page = page or Page("Not found", "There is no such page.", status=404, every=None)
    return _shown(view, with_said(view, dict(request.query), page))


async def _act(view: View, act: Act, request: web.Request) -> web.Response:
    form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    done = await asyncio.to_thread(act, view, form, **request.match_info)
    if isinstance(done, str):
        raise web.HTTPSeeOther(done)
    return _shown(view, done)


def _shown(view: View, page: Page) -> web.Response:
    text = linked_page(
        page.title,
        page.lead,
        page.sections,
        style=view.address("static", "page.css"),
        scripts=[view.address("static", f"{name}.js") for name in ("page", "view", *page.scripts)],
        crumbs=page.crumbs,
        every=page.every,
    )
    return web.Response(text=text, content_type="text/html", status=page.status)


async def _static(name: str, request: web.Request) -> web.Response:
    text = files(_STATIC[name]).joinpath(name).read_text(encoding="utf-8")
    return web.Response(text=text, content_type=_TYPES[name.rpartition(".")[2]])


def serve(folder: Path, port: int) -> None:
    """Serve until Ctrl-C."""
    web.run_app(make_application(View(WatchedRuns(folder))), host="127.0.0.1", port=port, print=None)
