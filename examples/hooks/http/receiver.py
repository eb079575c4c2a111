#!/usr/bin/env python3
"""Receives the hooks of a tus server, with only Python's standard library.

    python3 receiver.py 9000
    tower-tusd -hooks-http http://127.0.0.1:9000/ -hooks-enabled-events ""

Prints a line for each event, and replies to those that expect a decision.
"""

import json
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def pre_create(upload, request):
    """Requires a filename, and prefixes the id of the upload with the user's name."""
    user = request["Header"].get("X-User", ["nobody"])[0]
    if not upload["MetaData"].get("filename"):
        return {
            "RejectUpload": True,
            "HTTPResponse": {"StatusCode": 422, "Body": "an upload needs a filename\n"},
        }
    return {"ChangeFileInfo": {"ID": f"{user}/{uuid.uuid4().hex}"}}


def post_receive(upload, request):
    """Stops uploads of deferred length once they are large."""
    if upload["SizeIsDeferred"] and upload["Offset"] > 1 << 30:
        return {"StopUpload": True}
    return {}


def pre_finish(upload, request):
    """Adds a download URL to the response."""
    return {"HTTPResponse": {"Header": {"X-Download": f"/download/{upload['ID']}"}}}


def pre_terminate(upload, request):
    """Prevents the termination of finished uploads."""
    if upload["Offset"] == upload["Size"] and not upload["SizeIsDeferred"]:
        return {
            "RejectTermination": True,
            "HTTPResponse": {"StatusCode": 409, "Body": "it is finished\n"},
        }
    return {}


REPLIES = {
    "pre-create": pre_create,
    "post-receive": post_receive,
    "pre-finish": pre_finish,
    "pre-terminate": pre_terminate,
}


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        hook = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        upload, request = hook["Event"]["Upload"], hook["Event"]["HTTPRequest"]
        # A single write, because events may arrive concurrently.
        print(f'{hook["Type"]} {upload["ID"]} {upload["Offset"]}\n', end="", flush=True)
        reply = REPLIES.get(hook["Type"], lambda *_: {})
        body = json.dumps(reply(upload, request)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
    server = ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
