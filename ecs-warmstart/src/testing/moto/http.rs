//! One request, one answer, over a plain socket: the emulator's own pages and the seeding need no more.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What an answer says.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Posts to `http://HOST:PORT` + `path`.
pub(super) fn post(
    endpoint: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> std::io::Result<Answer> {
    let host = endpoint.trim_start_matches("http://");
    let mut socket = TcpStream::connect(host)?;
    socket.set_read_timeout(Some(Duration::from_secs(60)))?;
    // HTTP/1.0: the answer ends where the connection does.
    let mut request = format!("POST {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    request.push_str(body);
    socket.write_all(request.as_bytes())?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    parse(&answer).ok_or_else(|| std::io::Error::other(format!("not an answer of HTTP: {answer:?}")))
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}
