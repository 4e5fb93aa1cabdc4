"""Runs moto's server until standard input ends, so that it never outlives the process that started it.

Every call is noted in the file that WARMSTART_CALLS names, one a line, before it is answered.
"""

import io
import json
import os
import re
import shutil
import sys
import threading
import urllib.parse

CALLS = os.environ["WARMSTART_CALLS"]
ONE_LINE_AT_A_TIME = threading.Lock()


def end_with_parent():
    sys.stdin.read()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os._exit(0)


def note_of(environ, body):
    key = re.search(r"Credential=([^/]*)/", environ.get("HTTP_AUTHORIZATION", ""))
    action = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    if action:
        parameters = json.loads(body or "{}")
    else:
        form = urllib.parse.parse_qs(body.decode("latin-1"))
        parameters = {name: values[0] for name, values in form.items()}
        action = parameters.get("Action", "")
    return {"action": action, "access_key": key.group(1) if key else "", "parameters": parameters}


def noting(answer):
    def call(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        note = note_of(environ, body)
        if note["action"]:
            with ONE_LINE_AT_A_TIME, open(CALLS, "a") as calls:
                calls.write(json.dumps(note) + "\n")
        return answer(self, environ, start_response)

    return call


threading.Thread(target=end_with_parent, daemon=True).start()

from moto import server  # noqa: E402

server.DomainDispatcherApplication.__call__ = noting(server.DomainDispatcherApplication.__call__)
server.main(["-H", "127.0.0.1", "-p", "0"])
