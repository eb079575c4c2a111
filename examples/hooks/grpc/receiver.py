"""A hook service in Python, which decides about uploads and prints events.

    python3 -m venv venv
    venv/bin/pip install -r examples/hooks/grpc/requirements.txt
    venv/bin/python examples/hooks/grpc/receiver.py localhost:8000 &
    tower-tusd -hooks-grpc=localhost:8000

Serves TLS if a certificate and its key are given. With a third file, accepts only
clients with a certificate that is signed by one of its certificates:

    receiver.py localhost:8000 server.pem server-key.pem [clients.pem]
"""

import json
import sys
from concurrent import futures
from pathlib import Path

import grpc
from google.protobuf.json_format import MessageToDict

# Generates the stubs on import, from the server's own proto file. Other programs can
# generate them once, with grpc_tools.protoc.
sys.path.append(str(Path(__file__).parents[3] / "src/hooks/grpc"))
hook, hook_grpc = grpc.protos_and_services("hook.proto")


class Receiver(hook_grpc.HookHandlerServicer):
    def InvokeHook(self, request, context):
        event = MessageToDict(request, always_print_fields_with_no_presence=True)
        # Headers from -hooks-grpc-forward-headers.
        metadata = dict(context.invocation_metadata())
        if "authorization" in metadata:
            event["authorization"] = metadata["authorization"]
        # A single write, because events may arrive concurrently.
        print(json.dumps(event) + "\n", end="", flush=True)

        upload = request.event.upload
        answer = hook.HookResponse()
        if request.type == "pre-create":
            self.create(upload, answer)
        elif request.type == "post-receive" and upload.metaData["filename"] == "virus":
            answer.stopUpload = True
            answer.httpResponse.body = "no viruses\n"
        elif request.type == "pre-finish":
            answer.httpResponse.header["X-Received-By"] = "Python"
        elif request.type == "pre-terminate" and "keep" in upload.metaData:
            answer.rejectTermination = True
            answer.httpResponse.statusCode = 403
            answer.httpResponse.body = "it stays\n"
        return answer

    def create(self, upload, answer):
        filename = upload.metaData.get("filename")
        # Partial uploads need no name, only the final upload does.
        if not filename and not upload.isPartial:
            answer.rejectUpload = True
            answer.httpResponse.statusCode = 422
            answer.httpResponse.header["X-Missing"] = "filename"
            answer.httpResponse.body = "a file needs a name\n"
        elif "folder" in upload.metaData:
            change = answer.changeFileInfo
            change.id = upload.metaData["folder"] + "/" + filename
            change.metaData["filename"] = filename
            change.storage["Path"] = filename


def main(address, *tls):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    hook_grpc.add_HookHandlerServicer_to_server(Receiver(), server)
    if tls:
        certificate, key, *clients = (Path(file).read_bytes() for file in tls)
        credentials = grpc.ssl_server_credentials(
            [(key, certificate)],
            root_certificates=clients[0] if clients else None,
            require_client_auth=bool(clients),
        )
        port = server.add_secure_port(address, credentials)
    else:
        port = server.add_insecure_port(address)
    server.start()
    print(f"waiting for hooks on port {port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:])
