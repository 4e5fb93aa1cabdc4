"""Runs ministack's server until standard input ends, so that neither it nor a function it runs outlives the process
that started it.

Every call is noted in the file that WARMSTART_CALLS names, one a line, before it is answered.
"""

import json
import os
import re
import shutil
import signal
import socket
import sys
import threading
import urllib.parse

CALLS = os.environ["WARMSTART_CALLS"]
ONE_LINE_AT_A_TIME = threading.Lock()


def end_with_parent():
    sys.stdin.read()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settle_environment():
    # Functions inherit what is here: nothing of the developer's AWS may get to them.
    for name in list(os.environ):
        if name.startswith("AWS_") and not name.startswith("AWS_ENDPOINT_URL_"):
            del os.environ[name]
    port = str(free_port())
    os.environ.update(
        GATEWAY_PORT=port,
        BIND_HOST="127.0.0.1",
        MINISTACK_HOST="127.0.0.1",
        AWS_ENDPOINT_URL="http://127.0.0.1:" + port,
        AWS_EC2_METADATA_DISABLED="true",
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        # A retry after a minute, and a wait, are over in a hundredth of the time.
        LAMBDA_ASYNC_RETRY_BASE_SECONDS="0.1",
        SFN_WAIT_SCALE="0.01",
    )


def note_of(scope, body):
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    key = re.search(r"Credential=([^/]*)/", headers.get("authorization", ""))
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    parameters = None
    if action:
        parameters = json.loads(body or b"{}")
    elif headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = urllib.parse.parse_qs(body.decode("latin-1"))
        parameters = {name: values[0] for name, values in form.items()}
        action = parameters.get("Action", "")
    return {
        "action": action or scope["method"] + " " + scope["path"],
        "access_key": key.group(1) if key else "",
        "parameters": parameters,
    }


def noting(answer):
    async def app(scope, receive, send):
        if scope["type"] != "http":
            return await answer(scope, receive, send)
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        note = note_of(scope, body)
        with ONE_LINE_AT_A_TIME, open(CALLS, "a") as calls:
            calls.write(json.dumps(note) + "\n")
        given = False

        async def again():
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        return await answer(scope, again, send)

    return app


def invoke_as_aws_does(eventbridge, lambda_svc):
    """A rule calls a function asynchronously: with retries, and what failed for good goes to its destination."""

    def dispatch(arn, payload):
        function, config, _ = lambda_svc._get_func_record_for_ref(arn)
        lambda_svc.invoke_async_with_retry(
            lambda_svc._execution_record_for_config(function, config), json.loads(payload)
        )

    eventbridge._dispatch_to_lambda = dispatch


def speak_for_aws(eventbridge):
    """ECS is at moto, which sends no events: a test sends them in its name, as in AWS nobody can."""
    put = eventbridge._put_events
    eventbridge._put_events = lambda data, **_: put(data, allow_aws_source=True)


os.setpgrp()
threading.Thread(target=end_with_parent, daemon=True).start()
settle_environment()

from ministack import app  # noqa: E402
from ministack.services import eventbridge, lambda_svc  # noqa: E402

invoke_as_aws_does(eventbridge, lambda_svc)
speak_for_aws(eventbridge)
app.app = noting(app.app)
sys.argv[1:] = []
app.main()
