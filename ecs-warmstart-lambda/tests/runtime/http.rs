//! As much of HTTP as a runtime API and a proxy on loopback need, on plain sockets and threads.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// A request, or an answer: its first line differs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// `GET /path HTTP/1.1`, or `HTTP/1.1 200 OK`.
    pub(crate) first: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            first: format!("HTTP/1.1 {status} -"),
            headers: headers.collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    pub(crate) fn method(&self) -> &str {
        self.first.split(' ').next().unwrap_or_default()
    }

    pub(crate) fn path(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(its, _)| its.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// None at the end of the connection.
    fn read(input: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut message = Self::default();
        if input.read_line(&mut message.first)? == 0 {
            return Ok(None);
        }
        message.first = message.first.trim_end().to_owned();
        loop {
            let mut line = String::new();
            input.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            message.headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let length = message.header("content-length").and_then(|length| length.parse().ok());
        if let Some(length) = length {
            message.body = vec![0; length];
            input.read_exact(&mut message.body)?;
        } else if message.header("transfer-encoding") == Some("chunked") {
            read_chunks(input, &mut message.body)?;
        } else if message.first.starts_with("HTTP/") {
            input.read_to_end(&mut message.body)?;
        }
        Ok(Some(message))
    }

    fn write(&self, output: &mut impl Write) -> io::Result<()> {
        let mut head = format!("{}\r\n", self.first);
        let framing = ["content-length", "transfer-encoding", "connection"];
        for (name, value) in &self.headers {
            if !framing.contains(&name.to_ascii_lowercase().as_str()) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        output.write_all(head.as_bytes())?;
        output.write_all(&self.body)?;
        output.flush()
    }
}

fn read_chunks(input: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        let start = body.len();
        body.resize(start + size, 0);
        input.read_exact(&mut body[start..])?;
        let mut end = String::new();
        input.read_line(&mut end)?;
        if size == 0 {
            return Ok(());
        }
    }
}

/// Answers every request to a free port of 127.0.0.1, each connection on a thread of its own, as long as this process lives.
pub(crate) fn serve(answer: impl Fn(Message) -> Message + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || {
                let Ok(reading) = socket.try_clone() else { return };
                let (mut input, mut output) = (BufReader::new(reading), socket);
                while let Ok(Some(request)) = Message::read(&mut input) {
                    if answer(request).write(&mut output).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Sends the request to `host` and waits for its answer.
pub(crate) fn send(host: &str, request: &Message) -> io::Result<Message> {
    let mut socket = TcpStream::connect(host)?;
    socket.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut request = request.clone();
    // The answer ends where the connection does.
    request.first = format!("{} {} HTTP/1.0", request.method(), request.path());
    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
    request.headers.push(("Host".to_owned(), host.to_owned()));
    request.write(&mut socket)?;
    Message::read(&mut BufReader::new(socket))?.ok_or_else(|| io::Error::other("no answer"))
}
