"""Decides calls by policies. In: [{"policy": document, "calls": [{"action", "resource", "context"}, ...]}, ...].
Out: for each policy and call, whether it is allowed. The evaluation is that of ministack, which covers what is in these
policies: Allow and Deny, wildcards in actions and resources, condition operators on keys of the request."""

import json
import sys

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document


def is_allowed(statements, call):
    context = EvalContext(
        principal_arn="arn:aws:sts::123456789012:assumed-role/function/function",
        principal_type="AssumedRole",
        principal_account="123456789012",
        action=call["action"],
        resource_arn=call["resource"],
        region="us-east-1",
        service_context={key.lower(): value for key, value in call["context"].items()},
    )
    return evaluate(context, [statements]).decision == "Allow"


questions = json.load(sys.stdin)
answers = []
for question in questions:
    statements = parse_policy_document(question["policy"])
    answers.append([is_allowed(statements, call) for call in question["calls"]])
json.dump(answers, sys.stdout)
