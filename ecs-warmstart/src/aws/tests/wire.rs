//! What goes over the wire: a connector that notes every request and answers from a list, or never.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

/// A request as it went out.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) uri: String,
    pub(super) body: String,
    pub(super) user_agent: String,
}

/// How one request ends.
#[derive(Clone, Debug)]
pub(super) enum End {
    Answer(u16, &'static str),
    NeverConnected,
    Silence,
}

/// Answers requests in order; the last answer is repeated.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    ends: Arc<Mutex<VecDeque<End>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Wire {
    pub(super) fn new(ends: impl IntoIterator<Item = End>) -> Self {
        Self { ends: Arc::new(Mutex::new(ends.into_iter().collect())), sent: Arc::default() }
    }

    pub(super) fn client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        self.sent.lock().unwrap().push(Sent {
            uri: request.uri().to_owned(),
            body: body.unwrap_or_default(),
            user_agent: request.headers().get("x-amz-user-agent").unwrap_or_default().to_owned(),
        });
        let mut ends = self.ends.lock().unwrap();
        let end = if ends.len() > 1 { ends.pop_front() } else { ends.front().cloned() };
        match end.expect("a wire has an end") {
            End::Answer(status, body) => HttpConnectorFuture::ready(Ok(HttpResponse::new(
                status.try_into().expect("a status of HTTP"),
                SdkBody::from(body),
            ))),
            End::NeverConnected => HttpConnectorFuture::ready(Err(ConnectorError::io(
                std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into(),
            ))),
            End::Silence => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}
