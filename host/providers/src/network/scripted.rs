//! A server over HTTP that does as it is told.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// Method and path.
    pub(crate) line: String,
    /// In lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// A status, and JSON.
    Json(u16, String),
    /// The same, with a header.
    With(u16, &'static str, String),
    /// A status of 200 and JSON, that much later.
    Late(Duration, String),
    /// Nothing, for so long; then an end.
    Nothing(Duration),
    /// An end in the middle of a body.
    Cut(String),
    /// A body without an end.
    Endless,
}

/// The server; it ends when it is dropped.
pub(crate) struct Scripted {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

type Script = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }
}

impl Scripted {
    pub(crate) async fn start(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (asked, script): (Arc<Mutex<Vec<_>>>, Script) = (Arc::default(), Arc::new(script));
        let task = tokio::spawn({
            let asked = asked.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, asked.clone(), script.clone()));
                }
            }
        });
        Self { address, asked, task }
    }

    /// What was asked whose line has this in it.
    pub(crate) fn asked(&self, piece: &str) -> Vec<Request> {
        self.asked.lock().iter().filter(|request| request.line.contains(piece)).cloned().collect()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, asked: Arc<Mutex<Vec<Request>>>, script: Script) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let reply = script(&request);
        asked.lock().push(request);
        let write = match reply {
            Reply::Json(status, body) => respond(status, "X-Test: 1", &body),
            Reply::With(status, header, body) => respond(status, header, &body),
            Reply::Late(time, body) => {
                tokio::time::sleep(time).await;
                respond(200, "X-Test: 1", &body)
            }
            Reply::Nothing(time) => {
                tokio::time::sleep(time).await;
                return;
            }
            Reply::Cut(body) => {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len() + 10);
                let _ = stream.write_all(head.as_bytes()).await;
                return;
            }
            Reply::Endless => {
                let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
                let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
                let mut sent = stream.write_all(head.as_bytes()).await;
                while sent.is_ok() {
                    sent = stream.write_all(chunk.as_bytes()).await;
                }
                return;
            }
        };
        if stream.write_all(write.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn respond(status: u16, header: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} Status\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}")
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut request = Request { line: line(stream).await?, ..Request::default() };
    request.line = request.line.trim_end_matches(" HTTP/1.1").to_owned();
    loop {
        let header = line(stream).await?;
        let Some((name, value)) = header.split_once(": ") else { break };
        request.headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    request.body = String::from_utf8(body).unwrap();
    Some(request)
}

async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    (stream.read_line(&mut line).await.ok()? > 0).then(|| line.trim_end().to_owned())
}
