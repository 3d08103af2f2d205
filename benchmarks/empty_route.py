"""The least that Flask can do, under the service's own server: `python benchmarks/empty_route.py PORT WORKERS`."""

import sys

from flask import Flask

from nedsvc.web.server import Binding, ReloadFailed, Served, serve


def empty_app() -> Flask:
    """An application with one route that answers nothing."""
    app = Flask(__name__, static_folder=None)

    @app.get("/")
    def nothing() -> str:
        return ""

    return app


if __name__ == "__main__":
    binding = Binding(host="127.0.0.1", port=int(sys.argv[1]), workers=int(sys.argv[2]))
    serve(lambda: Served(empty_app(), "nothing"), binding, ReloadFailed())
