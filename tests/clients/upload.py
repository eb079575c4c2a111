"""Uploads a file with tuspy in a process that is killed within a chunk, and
resumes the upload in this process.

    python3 upload.py <endpoint> <file> <interrupt-after-bytes>

Prints `resumed from <offset>`, and the URL of the upload as the last line.
"""

import http.client
import multiprocessing
import os
import signal
import sys

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage

CHUNK_SIZE = 64 * 1024 * 1024


def uploader(endpoint, file):
    """Returns a client with only the stored URLs, and without retries."""
    return TusClient(endpoint).uploader(
        file,
        chunk_size=CHUNK_SIZE,
        metadata={"filename": os.path.basename(file)},
        store_url=True,
        url_storage=FileStorage(f"{file}.urls"),
    )


def upload_until_killed(endpoint, file, interrupt_after):
    kill_after_sending(interrupt_after)
    uploader(endpoint, file).upload()


def kill_after_sending(limit):
    """Kills this process once it has sent `limit` bytes."""
    send = http.client.HTTPConnection.send
    sent = 0

    def send_and_count(connection, data):
        nonlocal sent
        view = memoryview(data)
        while view:
            part = view[: min(64 * 1024, limit - sent)]
            send(connection, part)
            sent += len(part)
            if sent == limit:
                os.kill(os.getpid(), signal.SIGKILL)
            view = view[len(part) :]

    # tuspy hands over each chunk as a whole, and tells of no progress within it.
    http.client.HTTPConnection.send = send_and_count


def main():
    endpoint, file, interrupt_after = sys.argv[1:]
    first = multiprocessing.Process(
        target=upload_until_killed, args=(endpoint, file, int(interrupt_after))
    )
    first.start()
    first.join()
    if first.exitcode != -signal.SIGKILL:
        sys.exit(f"the upload was not killed, it ended with {first.exitcode}")

    second = uploader(endpoint, file)
    if not second.url:
        sys.exit("the URL of the upload was not stored")
    offset = second.offset
    if offset % CHUNK_SIZE == 0:
        sys.exit(f"{offset} is the end of a chunk, what came after it is lost")
    second.upload()
    print(f"resumed from {offset}")
    print(second.url)


if __name__ == "__main__":
    main()
