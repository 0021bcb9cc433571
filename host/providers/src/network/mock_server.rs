//! A scripted HTTP server for tests.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request as the server received it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// Method and path.
    pub(crate) line: String,
    /// Header names are lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// A scripted reply.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// A status and a JSON body.
    Json(u16, String),
    /// A status, a header and a body.
    WithHeader(u16, &'static str, String),
    /// A JSON body with status 200, after a delay.
    Delayed(Duration, String),
    /// No response: the connection closes after the delay.
    NoResponse(Duration),
    /// A body that ends early.
    TruncatedBody(String),
    /// A body that never ends.
    EndlessBody,
}

/// A running server. It stops when it is dropped.
pub(crate) struct MockServer {
    pub(crate) address: String,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

type Script = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }
}

impl MockServer {
    pub(crate) async fn start(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (requests, script): (Arc<Mutex<Vec<_>>>, Script) = (Arc::default(), Arc::new(script));
        let task = tokio::spawn({
            let requests = requests.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, requests.clone(), script.clone()));
                }
            }
        });
        Self { address, requests, task }
    }

    /// Returns the requests whose request line contains `piece`.
    pub(crate) fn requests(&self, needle: &str) -> Vec<Request> {
        self.requests.lock().iter().filter(|request| request.line.contains(needle)).cloned().collect()
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, requests: Arc<Mutex<Vec<Request>>>, script: Script) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let reply = script(&request);
        requests.lock().push(request);
        let write = match reply {
            Reply::Json(status, body) => respond(status, "X-Test: 1", &body),
            Reply::WithHeader(status, header, body) => respond(status, header, &body),
            Reply::Delayed(time, body) => {
                tokio::time::sleep(time).await;
                respond(200, "X-Test: 1", &body)
            }
            Reply::NoResponse(time) => {
                tokio::time::sleep(time).await;
                return;
            }
            Reply::TruncatedBody(body) => {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len() + 10);
                let _ = stream.write_all(head.as_bytes()).await;
                return;
            }
            Reply::EndlessBody => {
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
