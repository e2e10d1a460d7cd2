"""A small HTTP service: `/` says which version answers, `/health` says whether it can."""

import json
import os
import signal
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = "1.0.0"
HEALTHY = True


def identity(environ):
    """Return what `/` answers."""
    return {
        "version": VERSION,
        "commit": environ.get("COMMIT", "unknown"),
        "environment": environ.get("ENVIRONMENT", "unknown"),
    }


def answer(path, environ):
    """Return the status and the document for a path."""
    if path == "/":
        return HTTPStatus.OK, identity(environ)
    if path == "/health":
        if HEALTHY:
            return HTTPStatus.OK, {"status": "healthy"}
        return HTTPStatus.SERVICE_UNAVAILABLE, {"status": "unhealthy"}
    return HTTPStatus.NOT_FOUND, {"error": f"there is nothing at {path}"}


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status, document = answer(self.path.partition("?")[0], os.environ)
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Print nothing: the load balancer keeps the access log."""


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


def main():
    server = Server(("", int(os.environ.get("PORT", "8000"))), Handler)
    # The load balancer has drained us before this arrives, so there is nothing to wait for.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    print(f"version {VERSION} listens on {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
