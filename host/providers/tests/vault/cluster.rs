//! A Kubernetes API server that reviews tokens and accepts all of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::json;

/// Starts a server for the lifetime of the process; returns its address.
pub(crate) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(&stream)));
    address
}

fn answer(mut stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let _ = reader.read_exact(&mut vec![0; length]);
    let user =
        json!({ "username": "system:serviceaccount:default:far", "uid": "u-1", "groups": ["system:serviceaccounts"] });
    let review = json!({
        "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": { "authenticated": true, "user": user },
    });
    let (head, review) =
        ("HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nConnection: close", review.to_string());
    let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{review}", review.len());
}
