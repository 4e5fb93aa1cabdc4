//! Calling its services as an AWS client does, in each of the protocols that they speak.

use serde_json::Value;

use super::super::emulator::{Answer, Request, authorization, encoded, send, texts_between};
use super::Ministack;

impl Ministack {
    /// One call of a service that speaks JSON and names the action in a header: `("events", "AWSEvents.PutEvents")`,
    /// `("sqs", "AmazonSQS.SendMessage")`, `("states", "AWSStepFunctions.StartExecution")`.
    pub fn json(&self, service: &str, target: &str, body: &Value) -> Value {
        let authorization = authorization(service);
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Content-Type", "application/x-amz-json-1.0"),
            ("X-Amz-Target", target),
        ];
        let answer = self.answer("POST", "/", &headers, &body.to_string());
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    /// One call of a service that takes a form; the texts between such tags of the XML that it answers.
    pub fn form(
        &self,
        service: &str,
        version: &str,
        action: &str,
        parameters: &[(&str, &str)],
        tag: &str,
    ) -> Vec<String> {
        let authorization = authorization(service);
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        let answer = self.answer("POST", "/", &headers, &encoded(action, version, parameters));
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
        texts_between(&answer.body, tag)
    }

    /// One call of a service that has its resources in the path; status and body.
    pub fn rest(&self, service: &str, method: &str, path: &str, body: &str) -> (u16, String) {
        let authorization = authorization(service);
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
        let answer = self.answer(method, path, &headers, body);
        (answer.status, answer.body)
    }

    fn answer(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let request = Request { method, path, headers, body };
        send(self.endpoint(), &request)
            .unwrap_or_else(|error| panic!("ministack does not answer: {error}\n{}", self.said()))
    }
}
