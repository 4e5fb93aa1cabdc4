#!/usr/bin/env python3
"""Measures the function's binary: its size, how long it takes until it asks for the first event, how long a start takes
besides the task's own time, and the memory that it needed at most.

    deploy.sh package --architecture x86_64
    python3 measure.py ../../target/lambda/ecs-warmstart-lambda/bootstrap [FUNCTION.zip]

It plays Lambda's runtime API, and an ECS and a load balancer that answer at once and whose task is RUNNING and healthy at
once: what is left is the function's own time. Nothing is asked of AWS; TLS is not part of it. Linux, Python 3 alone.
"""

import http.server
import json
import os
import queue
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import zipfile

INITS = 20
FIRST_STARTS = 3
WARM_STARTS = 5
ACCOUNT = "arn:aws:ecs:us-east-1:123456789012"
GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/0123456789abcdef"
DEFINITION = ACCOUNT + ":task-definition/web:1"
CLUSTER = ACCOUNT + ":cluster/web"


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def address(self):
        return "127.0.0.1:%d" % self.server_address[1]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, body=b"", status=200, kind="application/json", headers=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Runtime:
    """The runtime API of one function."""

    def __init__(self):
        self.events, self.answers, self.polls = queue.Queue(), queue.Queue(), queue.Queue()
        runtime = self

        class Api(Handler):
            def do_GET(self):
                runtime.polls.put(time.monotonic())
                number, event = runtime.events.get()
                deadline = int((time.time() + 120) * 1000)
                self.answer(
                    json.dumps(event).encode(),
                    headers=[
                        ("Lambda-Runtime-Aws-Request-Id", "request-%d" % number),
                        ("Lambda-Runtime-Deadline-Ms", str(deadline)),
                        ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:f"),
                    ],
                )

            def do_POST(self):
                kind = self.path.rsplit("/", 1)[-1]
                runtime.answers.put((time.monotonic(), kind, json.loads(self.body() or b"null")))
                self.answer(b"{}", 202)

        self.server = Server(Api)


class Aws(Handler):
    """One cluster, one definition, one group, in which everything happens at once."""

    tasks, targets = {}, set()

    def do_POST(self):
        body = self.body().decode()
        action = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if action:
            self.answer(json.dumps(self.ecs(action, json.loads(body or "{}"))).encode(), kind="application/x-amz-json-1.1")
        else:
            form = {name: values[0] for name, values in urllib.parse.parse_qs(body).items()}
            self.answer(self.elb(form).encode(), kind="text/xml")

    def ecs(self, action, asked):
        if action == "RunTask":
            number = len(self.tasks) + 1
            address = "10.0.%d.%d" % divmod(number, 250)
            arn = "%s:task/web/%032x" % (ACCOUNT, number)
            self.tasks[arn] = {
                "taskArn": arn,
                "clusterArn": CLUSTER,
                "taskDefinitionArn": DEFINITION,
                "startedBy": asked.get("startedBy", ""),
                "lastStatus": "RUNNING",
                "desiredStatus": "RUNNING",
                "healthStatus": "UNKNOWN",
                "launchType": "FARGATE",
                "createdAt": time.time(),
                "startedAt": time.time(),
                "version": 3,
                "attachments": [
                    {
                        "id": "a",
                        "type": "ElasticNetworkInterface",
                        "status": "ATTACHED",
                        "details": [{"name": "privateIPv4Address", "value": address}],
                    }
                ],
                "containers": [
                    {
                        "name": "main",
                        "lastStatus": "RUNNING",
                        "healthStatus": "UNKNOWN",
                        "networkInterfaces": [{"attachmentId": "a", "privateIpv4Address": address}],
                    }
                ],
            }
            return {"tasks": [self.tasks[arn]], "failures": []}
        if action == "DescribeTasks":
            return {"tasks": [self.tasks[arn] for arn in asked["tasks"] if arn in self.tasks], "failures": []}
        if action == "ListTasks":
            mine = [arn for arn, task in self.tasks.items() if task["startedBy"] == asked.get("startedBy")]
            return {"taskArns": mine}
        if action == "DescribeTaskDefinition":
            container = {"name": "main", "image": "main:1", "essential": True}
            container["portMappings"] = [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}]
            definition = {"taskDefinitionArn": DEFINITION, "family": "web", "revision": 1, "status": "ACTIVE"}
            definition.update(networkMode="awsvpc", requiresCompatibilities=["FARGATE"], containerDefinitions=[container])
            return {"taskDefinition": definition}
        raise SystemExit("measure.py knows no " + action)

    def elb(self, form):
        action = form["Action"]
        result = ""
        if action == "DescribeTargetGroups":
            result = (
                f"<TargetGroups><member><TargetGroupArn>{GROUP}</TargetGroupArn><TargetGroupName>web</TargetGroupName>"
                "<Protocol>HTTP</Protocol><Port>8080</Port><VpcId>vpc-1</VpcId><TargetType>ip</TargetType>"
                "<HealthCheckEnabled>true</HealthCheckEnabled><HealthCheckIntervalSeconds>30</HealthCheckIntervalSeconds>"
                "<HealthCheckTimeoutSeconds>5</HealthCheckTimeoutSeconds><HealthyThresholdCount>5</HealthyThresholdCount>"
                "<UnhealthyThresholdCount>2</UnhealthyThresholdCount><HealthCheckPath>/</HealthCheckPath>"
                f"<LoadBalancerArns><member>{BALANCER}</member></LoadBalancerArns></member></TargetGroups>"
            )
        elif action == "DescribeTargetGroupAttributes":
            result = "<Attributes></Attributes>"
        elif action == "RegisterTargets":
            self.targets.add((form["Targets.member.1.Id"], form["Targets.member.1.Port"]))
        elif action == "DescribeTargetHealth":
            asked = [value for name, value in form.items() if re.fullmatch(r"Targets\.member\.\d+\.Id", name)]
            result = "<TargetHealthDescriptions>"
            known = dict(self.targets)
            for address in asked or known:
                state = "<State>healthy</State>" if address in known else "<State>unused</State><Reason>Target.NotRegistered</Reason>"
                result += f"<member><Target><Id>{address}</Id><Port>8080</Port></Target><TargetHealth>{state}</TargetHealth></member>"
            result += "</TargetHealthDescriptions>"
        else:
            raise SystemExit("measure.py knows no " + action)
        return f'<{action}Response xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><{action}Result>{result}</{action}Result></{action}Response>'


class Function:
    """The binary as a process, as Lambda starts it."""

    def __init__(self, binary, aws):
        self.runtime = Runtime()
        self.number = 0
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": self.runtime.server.address(),
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_GROUP_NAME": "g",
            "AWS_LAMBDA_LOG_STREAM_NAME": "s",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL": "http://" + aws.address(),
            "ECS_CLUSTER": CLUSTER,
            "TASK_DEFINITION": "web",
            "TARGET_GROUP_ARN": GROUP,
            "SUBNETS": "subnet-1",
            "SECURITY_GROUPS": "sg-1",
            "CONTAINER_PORT": "8080",
            "LOG_LEVEL": "WARN",
        }
        self.log = tempfile.TemporaryFile()
        began = time.monotonic()
        self.process = subprocess.Popen([binary], env=environment, stdout=self.log, stderr=self.log)
        self.init = self.next_poll() - began

    def next_poll(self):
        while True:
            try:
                return self.runtime.polls.get(timeout=1)
            except queue.Empty:
                if self.process.poll() is not None:
                    self.log.seek(0)
                    raise SystemExit("the function ended: " + self.log.read().decode())

    def start(self):
        """One `Start ECS Task`; the seconds until it was answered."""
        self.number += 1
        event = {"id": "event-%d" % self.number, "detail-type": "Start ECS Task", "source": "measure", "detail": {"service": "web"}}
        began = time.monotonic()
        self.runtime.events.put((self.number, event))
        answered, kind, answer = self.runtime.answers.get(timeout=130)
        if kind != "response" or answer.get("status") != "finished":
            raise SystemExit("not a start: %s %s" % (kind, json.dumps(answer)))
        self.next_poll()
        return answered - began

    def peak(self):
        with open("/proc/%d/status" % self.process.pid) as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) / 1024

    def end(self):
        self.process.kill()
        self.process.wait()


def spread(seconds):
    return "%.0f ms (%.0f to %.0f)" % tuple(1000 * f(seconds) for f in (statistics.median, min, max))


def main(binary, archive=None):
    if archive is None:
        archive = os.path.join(tempfile.mkdtemp(), "bootstrap.zip")
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
            package.write(binary, "bootstrap")
    aws = Server(Aws)
    inits, firsts, warm, peaks = [], [], [], []
    for number in range(INITS):
        function = Function(binary, aws)
        inits.append(function.init)
        if number < FIRST_STARTS:
            firsts.append(function.start())
        peaks.append(function.peak())
        function.end()
    function = Function(binary, aws)
    function.start()
    warm = [function.start() for _ in range(WARM_STARTS)]
    peaks.append(function.peak())
    function.end()
    print("| | |\n|---|---|")
    print("| size, zipped | %.1f MB (%.1f MB) |" % tuple(os.path.getsize(path) / 1e6 for path in (binary, archive)))
    print("| init: from the start of the process until it asks for an event, of %d | %s |" % (INITS, spread(inits)))
    print("| first start, besides the task's own time, of %d | %s |" % (FIRST_STARTS, spread(firsts)))
    print("| further starts, besides the task's own time, of %d | %s |" % (WARM_STARTS, spread(warm)))
    print("| peak memory | %.0f MiB |" % max(peaks))


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
