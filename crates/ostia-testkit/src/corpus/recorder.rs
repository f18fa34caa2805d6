//! The upstream of the corpus: keeps every byte that arrives and answers what has one reading.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::mark::Mark;
use super::{FENCE, Outcome, strict};

/// What arrived, and what is being sent.
#[derive(Debug, Default)]
struct Arrived {
    connections: Vec<Connection>,
    /// The case that is under way.
    case: Option<Mark>,
}

/// A connection of the proxy.
#[derive(Debug, Default)]
struct Connection {
    bytes: Vec<u8>,
    /// Where the bytes begin that came while each case was under way.
    during: Vec<(usize, Mark)>,
}

/// A running recorder; stopped when dropped.
#[derive(Debug)]
pub struct Recorder {
    arrived: Arc<Mutex<Arrived>>,
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
        let arrived = Arc::<Mutex<Arrived>>::default();
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

    /// From now on a case is under way.
    pub(super) fn begin(&self, case: Mark) {
        self.arrived.lock().unwrap().case = Some(case);
    }

    /// Gives each outcome what arrived of its case, however late. To be called when all cases have been sent.
    pub fn attribute<'a>(&self, outcomes: impl IntoIterator<Item = &'a mut Outcome>) {
        let mut by_case: HashMap<Mark, Vec<Vec<u8>>> = HashMap::new();
        for connection in &self.arrived.lock().unwrap().connections {
            let mut of_connection: Vec<(Mark, Vec<u8>)> = Vec::new();
            connection.each_request(|case, bytes| match of_connection.last_mut() {
                Some((last, piece)) if *last == case => piece.extend_from_slice(bytes),
                _ => of_connection.push((case, bytes.to_vec())),
            });
            for (case, piece) in of_connection {
                by_case.entry(case).or_default().push(piece);
            }
        }
        for outcome in outcomes {
            outcome.arrived = by_case.remove(&outcome.case).unwrap_or_default();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Connection {
    fn push(&mut self, bytes: &[u8], case: Option<Mark>) {
        if let Some(case) = case
            && self.during.last().is_none_or(|(_, last)| *last != case)
        {
            self.during.push((self.bytes.len(), case));
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Every request but the fences with its case: the one whose mark it carries; that of the marked request before it
    /// (a proxy that marks did not know of this one); where there is none, the one under way when it came.
    fn each_request(&self, mut tell: impl FnMut(Mark, &[u8])) {
        let (mut at, mut marked) = (0, None);
        while at < self.bytes.len() {
            let rest = &self.bytes[at..];
            // Where there is no next request to be seen, all that is left belongs to this one.
            let length = strict::request(rest).ok().flatten().map_or(rest.len(), |(_, length)| length);
            let request = &rest[..length];
            marked = Mark::of(request).or(marked);
            let is_fence = request.starts_with(format!("GET {FENCE} ").as_bytes());
            if let Some(case) = marked.or_else(|| self.under_way(at))
                && !is_fence
            {
                tell(case, request);
            }
            at += length;
        }
    }

    fn under_way(&self, at: usize) -> Option<Mark> {
        let begun = self.during.iter().rev().find(|(begins, _)| *begins <= at);
        begun.map(|(_, case)| *case)
    }
}

async fn record(mut stream: TcpStream, arrived: Arc<Mutex<Arrived>>) {
    let place = {
        let mut arrived = arrived.lock().unwrap();
        arrived.connections.push(Connection::default());
        arrived.connections.len() - 1
    };
    let mut unread: Vec<u8> = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let length = match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => length,
        };
        {
            let mut arrived = arrived.lock().unwrap();
            let case = arrived.case;
            arrived.connections[place].push(&buffer[..length], case);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces that came one after the other, each while a case was under way, and whose they are.
    fn attributed(pieces: &[(Mark, String)]) -> Vec<(Mark, String)> {
        let mut connection = Connection::default();
        for (under_way, bytes) in pieces {
            connection.push(bytes.as_bytes(), Some(*under_way));
        }
        let mut told = Vec::new();
        connection.each_request(|case, bytes| told.push((case, String::from_utf8(bytes.to_vec()).unwrap())));
        told
    }

    fn get(target: &str, line: &str) -> String {
        format!("GET {target} HTTP/1.1\r\nHost: app.test\r\n{line}\r\n")
    }

    #[test]
    fn what_arrives_late_counts_for_its_own_case() {
        let [one, two] = [Mark::unused(), Mark::unused()];
        let (first, late) = (get("/1", &one.line()), get("/late", &one.line()));
        let (second, fence) = (get("/2", &two.line()), get(FENCE, &one.line()));
        let came = [(one, first.clone()), (one, fence), (two, late.clone()), (two, second.clone())];
        assert_eq!(attributed(&came), [(one, first), (one, late), (two, second)]);
    }

    #[test]
    fn a_request_whose_rest_comes_late_is_one() {
        let [one, two] = [Mark::unused(), Mark::unused()];
        let head = get("/1", &format!("Content-Length: 9\r\n{}", one.line()));
        let whole = format!("{head}hello");
        assert_eq!(attributed(&[(one, head), (two, "hello".to_owned())]), [(one, whole)]);
    }

    #[test]
    fn what_carries_no_mark_was_smuggled_by_the_one_before_or_is_of_the_case_under_way() {
        let [one, two] = [Mark::unused(), Mark::unused()];
        let (plain, marked) = (get("/smuggled", ""), get("/1", &one.line()));
        let came = [(two, plain.clone()), (two, marked.clone()), (two, plain.clone())];
        assert_eq!(attributed(&came), [(two, plain.clone()), (one, marked), (one, plain)]);
    }
}
