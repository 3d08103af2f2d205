"""The pages for people: the documentation of the API, with everything they need from here."""

from flask import Blueprint, Response, send_from_directory
from swagger_ui_bundle import swagger_ui_path

_DOCS = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>nedsvc: the API</title>
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
# Without `validatorUrl: null` Swagger UI asks a service elsewhere to check the document.
_START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null});\n'
# Swagger UI writes styles into its elements and loads its icons from data: addresses.
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'"


def pages() -> Blueprint:
    """The blueprint of the pages."""
    blueprint = Blueprint("pages", __name__)

    @blueprint.get("/docs")
    def docs() -> Response:
        return Response(_DOCS, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _POLICY})

    @blueprint.get("/docs/start.js")
    def start() -> Response:
        return Response(_START, content_type="text/javascript; charset=utf-8")

    @blueprint.get("/docs/assets/<path:name>")
    def assets(name: str) -> Response:
        return send_from_directory(swagger_ui_path, name)

    return blueprint
