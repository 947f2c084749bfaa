//! One GET, for the health checks of servers on this machine.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The most of an answer that is read, in bytes.
const LIMIT: u64 = 64 * 1024;

/// Asks a server on this machine for a path: the status code and what came after the headers.
pub(super) async fn get(port: u16, path: &str, within: Duration) -> io::Result<(u16, String)> {
    timeout(within, ask(port, path)).await?
}

async fn ask(port: u16, path: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LIMIT).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .split_whitespace()
        .nth(1)
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer"))?;
    Ok((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn answering(words: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 256];
            let _ = stream.read(&mut asked).await.unwrap();
            stream.write_all(words.as_bytes()).await.unwrap();
        });
        port
    }

    #[tokio::test]
    async fn an_answer_is_its_status_and_its_body() {
        let port =
            answering("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}").await;
        let answer = get(port, "/healthz", Duration::from_secs(2)).await.unwrap();
        assert_eq!(answer, (200, "{\"status\":\"ok\"}".to_owned()));
    }

    #[tokio::test]
    async fn noise_is_an_error_and_not_an_answer() {
        let port = answering("hello\r\n\r\n").await;
        assert!(get(port, "/", Duration::from_secs(2)).await.is_err());
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(get(port, "/", Duration::from_millis(50)).await.is_err());
    }
}
