//! One request, one answer, over a plain socket: the emulators' own pages and the seeding need no more.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What is asked.
#[derive(Debug)]
pub(in super::super) struct Request<'a> {
    pub(in super::super) method: &'a str,
    pub(in super::super) path: &'a str,
    pub(in super::super) headers: &'a [(&'a str, &'a str)],
    pub(in super::super) body: &'a str,
}

/// What an answer says.
#[derive(Debug)]
pub(in super::super) struct Answer {
    pub(in super::super) status: u16,
    pub(in super::super) body: String,
}

/// Asks `http://HOST:PORT`.
pub(in super::super) fn send(endpoint: &str, request: &Request<'_>) -> std::io::Result<Answer> {
    let host = endpoint.trim_start_matches("http://");
    let mut socket = TcpStream::connect(host)?;
    socket.set_read_timeout(Some(Duration::from_secs(120)))?;
    // HTTP/1.0: the answer ends where the connection does.
    let mut text = format!(
        "{} {} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {}\r\n",
        request.method,
        request.path,
        request.body.len()
    );
    for (name, value) in request.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(request.body);
    socket.write_all(text.as_bytes())?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    parse(&answer).ok_or_else(|| std::io::Error::other(format!("not an answer of HTTP: {answer:?}")))
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}
