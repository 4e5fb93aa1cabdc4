//! Ctrl-C and SIGTERM: the first undoes, the second leaves everything and names it.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use ecs_warmstart::fleet::{Report, RunOutcome};

use crate::common::{group, spawn, spawn_with};

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn stderr(child: &mut Child) -> Lines<BufReader<ChildStderr>> {
    BufReader::new(child.stderr.take().unwrap()).lines()
}

/// Waits for a line that contains the text.
#[track_caller]
fn await_line(lines: &mut Lines<BufReader<ChildStderr>>, text: &str) {
    let found = lines.map(Result::unwrap).find(|line| line.contains(text));
    assert!(found.is_some(), "it ended without {text:?}");
}

fn ended(mut child: Child) -> (Option<i32>, String) {
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    (child.wait().unwrap().code(), stdout)
}

#[test]
fn the_first_undoes_and_ends_with_130() {
    for (name, said) in [("-INT", "interrupted: "), ("-TERM", "asked to end: ")] {
        let mut child = spawn(&["up", "--backend", "memory", "--output", "json"]);
        let mut lines = stderr(&mut child);
        // Signals are watched before the first event, so from here on they are the command's.
        await_line(&mut lines, "launching");
        signal(&child, name);
        await_line(&mut lines, said);
        lines.for_each(drop);
        let (code, stdout) = ended(child);
        assert_eq!(code, Some(130), "{stdout}");
        let report: Report = serde_json::from_str(&stdout).unwrap();
        assert_eq!(report.leftovers().count(), 0, "{stdout}");
        for service in &report.services {
            assert_eq!(service.outcome, RunOutcome::Undone, "{stdout}");
            assert!(
                service.tasks.iter().all(|task| task.cause.as_ref().unwrap().code == "cancelled"),
                "{stdout}"
            );
        }
    }
}

#[test]
fn the_second_leaves_what_may_be_there_and_ends_with_4() {
    let cloud = MuteCloud::start();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("warmstart.toml");
    let text = format!(
        "region = \"us-east-2\"\n[services.auth]\ncluster = \"c\"\ntask_definition = \"t\"\n\
         bindings = [{{ target_group = \"{}\", port = 8080 }}]\n",
        group("auth")
    );
    std::fs::write(&file, text).unwrap();
    let mut child = cloud.up(&file);
    let mut lines = stderr(&mut child);
    cloud.await_launch();
    signal(&child, "-INT");
    await_line(&mut lines, "interrupted: undoing what is not ready");
    signal(&child, "-TERM");
    await_line(&mut lines, "asked to end again: leaving everything as it is");
    lines.for_each(drop);
    let (code, stdout) = ended(child);
    assert_eq!(code, Some(4), "{stdout}");
    assert!(stdout.contains("\nleft over, to be looked after by hand:\n"), "{stdout}");
    assert!(stdout.contains("aws ecs list-tasks --cluster c --started-by ecs-warmstart/auth"), "{stdout}");
}

/// A cloud in which nothing runs and nothing may be read, and that never answers a launch.
struct MuteCloud {
    endpoint: String,
    launches: Receiver<()>,
}

impl MuteCloud {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (launched, launches) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let launched = launched.clone();
                thread::spawn(move || {
                    let mut stream = BufReader::new(stream);
                    while let Some(head) = request(&mut stream) {
                        if head.contains("RunTask") {
                            // The test is over where nobody listens any more.
                            let _ = launched.send(());
                        } else {
                            answer(stream.get_mut(), &head);
                        }
                    }
                });
            }
        });
        Self { endpoint, launches }
    }

    fn up(&self, file: &Path) -> Child {
        let keys = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
        let file = file.to_str().unwrap();
        spawn_with(&["up", "--config", file, "--endpoint-url", &self.endpoint], &keys)
    }

    fn await_launch(&self) {
        let launched = self.launches.recv_timeout(Duration::from_secs(60));
        assert_eq!(launched, Ok(()), "nothing was launched");
    }
}

/// The head of the next request, its body read and let go; nothing when the connection has ended.
fn request(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    Some(head)
}

fn answer(stream: &mut TcpStream, head: &str) {
    let (status, body) = if head.contains("ListTasks") {
        ("200 OK", r#"{"taskArns":[]}"#)
    } else if head.to_lowercase().contains("x-amz-target") {
        ("400 Bad Request", r#"{"__type":"AccessDeniedException","message":"not allowed"}"#)
    } else {
        // Elastic Load Balancing speaks XML.
        (
            "403 Forbidden",
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
        )
    };
    let length = body.len();
    // Whoever asked may be gone.
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
}
