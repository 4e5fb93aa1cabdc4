"""Runs moto's server until standard input ends, so that it never outlives the process that started it.

Every call is noted in the file that WARMSTART_CALLS names, one action a line, before it is answered.
"""

import io
import os
import sys
import threading
import urllib.parse

CALLS = os.environ["WARMSTART_CALLS"]


def end_with_parent():
    sys.stdin.read()
    try:
        os.remove(CALLS)
    except OSError:
        pass
    os._exit(0)


def action_of(environ, body):
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    return target or urllib.parse.parse_qs(body.decode("latin-1")).get("Action", [""])[0]


def noting(answer):
    def call(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        action = action_of(environ, body)
        if action:
            with open(CALLS, "a") as calls:
                calls.write(action + "\n")
        return answer(self, environ, start_response)

    return call


threading.Thread(target=end_with_parent, daemon=True).start()

from moto import server  # noqa: E402

server.DomainDispatcherApplication.__call__ = noting(server.DomainDispatcherApplication.__call__)
server.main(["-H", "127.0.0.1", "-p", "0"])
