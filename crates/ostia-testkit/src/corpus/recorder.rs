//! The upstream of the corpus: keeps every byte that arrives and answers what has one reading.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::strict;

/// What arrived, by connection.
type Arrived = Arc<Mutex<Vec<Vec<u8>>>>;

/// A running recorder; stopped when dropped.
#[derive(Debug)]
pub struct Recorder {
    arrived: Arrived,
    port: u16,
    accepting: JoinHandle<()>,
}

impl Recorder {
    /// Listens on an address, such as `127.0.0.1:0`.
    ///
    /// # Panics
    /// When it cannot be bound.
    pub async fn start(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let arrived = Arrived::default();
        let into = Arc::clone(&arrived);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(record(stream, Arc::clone(&into)));
            }
        });
        Self { arrived, port, accepting }
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port, for a configuration.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Takes what arrived since the last call, without what carries the mark of another case.
    #[must_use]
    pub fn take(&self) -> Vec<Vec<u8>> {
        let mut arrived = self.arrived.lock().unwrap();
        let taken = arrived.iter_mut().map(std::mem::take).filter(|bytes| !bytes.is_empty());
        taken.collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn record(mut stream: TcpStream, arrived: Arrived) {
    let place = {
        let mut arrived = arrived.lock().unwrap();
        arrived.push(Vec::new());
        arrived.len() - 1
    };
    let mut unread: Vec<u8> = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let length = match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => length,
        };
        arrived.lock().unwrap()[place].extend_from_slice(&buffer[..length]);
        unread.extend_from_slice(&buffer[..length]);
        loop {
            let answer = match strict::request(&unread) {
                Ok(Some((_, length))) => {
                    unread.drain(..length);
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
                }
                Ok(None) => break,
                Err(_) => "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            };
            if stream.write_all(answer.as_bytes()).await.is_err() || answer.contains("400") {
                return;
            }
        }
    }
}
