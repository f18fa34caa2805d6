//! Requests that two parsers could read in two ways, and what must become of them, judged at the upstream.
//!
//! A case is bytes on the wire. It is sent to a proxy, and what arrives behind the proxy is read byte for byte by a
//! reader that repairs nothing ([`strict`]). The corpus knows the proxy by its address only: the same cases run
//! against Ostia in the tests and against others with `cargo run -p ostia-testkit --bin http-corpus`.

pub mod http1;
pub mod http2;
mod mark;
mod recorder;
mod report;
mod strict;

pub use mark::Mark;
pub use recorder::Recorder;
pub use report::{Report, Tally};
pub use strict::{Ambiguous, Request, requests};

/// The host that the proxy must route to the recorder.
pub const HOST: &str = "app.test";

/// The target of one more request behind each case, so that what the case caused has arrived by the time its answer is
/// there.
const FENCE: &str = "/fence-behind-the-case";

/// What must become of a case.
#[derive(Clone, Debug)]
pub enum Expected {
    /// Answered with this status and closed; nothing of it arrives.
    Refused(u16),
    /// As [`Expected::Refused`], after the head went on: the body turned out to be malformed. What arrived is an
    /// unfinished request, never a whole one.
    BrokenOff(u16),
    /// Nothing of it arrives. How the client is told is left to the proxy: an answer, a reset, a GOAWAY.
    Stopped,
    /// Nothing of it arrives, and the connection ends.
    Closed,
    /// These requests arrive, in order, and no others: target and body, byte for byte, and a check of the head.
    Arrives(Vec<Arrival>),
    /// As [`Expected::Arrives`]; a proxy may close behind the first (RFC 9112 section 9.3.2).
    Pipelined(Vec<Arrival>),
}

/// A request as it must arrive.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// The target, byte for byte.
    pub target: String,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
    /// Fields that must not be there, in lower case.
    pub without: &'static [&'static str],
    /// Fields that must be there with exactly this value, names in lower case.
    pub with: Vec<(&'static str, String)>,
}

/// What became of a case.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which case it was.
    pub case: Mark,
    /// The status of each answer, 1xx aside; 0 for a stream that was reset.
    pub statuses: Vec<u16>,
    /// Whether the proxy closed the connection by itself, or said that it will (GOAWAY).
    pub is_closed: bool,
    /// The connection carries other streams, too: it need not be closed when one is refused.
    pub is_shared: bool,
    /// What arrived, one piece for each connection of the proxy; nothing until [`Recorder::attribute`].
    pub arrived: Vec<Vec<u8>>,
}

impl Outcome {
    /// Whether something arrived that carries the mark of the case: the proxy tells where requests come from.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.arrived.iter().any(|bytes| Mark::of(bytes) == Some(self.case))
    }

    /// Of a case that has not been answered.
    fn of(case: Mark) -> Self {
        Self { case, statuses: Vec::new(), is_closed: false, is_shared: false, arrived: Vec::new() }
    }
}

/// How an outcome is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Good,
    /// Otherwise than expected, but what arrived has one reading and is no more than what was sent.
    Lenient(String),
    /// What arrived can be read in two ways, or is something that the client did not ask for.
    Bad(String),
}

impl Verdict {
    /// `good`, `lenient` or `bad`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Lenient(_) => "lenient",
            Self::Bad(_) => "bad",
        }
    }
}

/// Judges what became of a case.
#[must_use]
pub fn judge(expected: &Expected, outcome: &Outcome) -> Verdict {
    let mut arrived = Vec::new();
    let mut unfinished = 0;
    for bytes in &outcome.arrived {
        match strict::requests(bytes) {
            Ok(read) => {
                arrived.extend(read.whole);
                unfinished += usize::from(read.is_cut);
            }
            Err(ambiguous) => return Verdict::Bad(format!("the upstream got {ambiguous}")),
        }
    }
    match expected {
        Expected::Arrives(arrivals) => judge_arrivals(arrivals, &arrived, outcome),
        Expected::Pipelined(arrivals) => {
            let count = arrived.len().clamp(1, arrivals.len());
            judge_arrivals(&arrivals[..count], &arrived, outcome)
        }
        Expected::Stopped | Expected::Closed => match arrived.len() {
            0 if unfinished > 0 => Verdict::Lenient("begun, then broken off".to_owned()),
            0 if matches!(expected, Expected::Closed) && !outcome.is_closed => {
                Verdict::Lenient(format!("the connection is kept, answered {:?}", outcome.statuses))
            }
            0 if outcome.statuses.iter().any(|status| (200..400).contains(status)) => {
                Verdict::Lenient(format!("answered {:?}", outcome.statuses))
            }
            0 => Verdict::Good,
            1 => Verdict::Lenient(format!("forwarded as {}", arrived[0].shown())),
            count => Verdict::Bad(format!("one request became {count}")),
        },
        Expected::Refused(status) => match (arrived.len() + unfinished, outcome) {
            (0, _) => judge_refusal(*status, outcome),
            (1, _) if arrived.len() == 1 => Verdict::Lenient(format!("forwarded as {}", arrived[0].shown())),
            (1, _) => Verdict::Lenient("begun, then broken off".to_owned()),
            (count, _) => Verdict::Bad(format!("one request became {count}")),
        },
        Expected::BrokenOff(status) => match arrived.len() {
            0 => judge_refusal(*status, outcome),
            1 => Verdict::Lenient(format!("forwarded as {}", arrived[0].shown())),
            count => Verdict::Bad(format!("one request became {count}")),
        },
    }
}

fn judge_refusal(status: u16, outcome: &Outcome) -> Verdict {
    match outcome.statuses.as_slice() {
        [got] if *got == status && (outcome.is_closed || outcome.is_shared) => Verdict::Good,
        [got] if *got == status => Verdict::Lenient("refused, but the connection is kept".to_owned()),
        [] if outcome.is_closed => Verdict::Lenient(format!("closed without an answer, not {status}")),
        [] => Verdict::Lenient(format!("no answer, not {status}")),
        [0] => Verdict::Lenient(format!("reset, not {status}")),
        got => Verdict::Lenient(format!("answered {got:?}, not {status}")),
    }
}

fn judge_arrivals(expected: &[Arrival], arrived: &[Request], outcome: &Outcome) -> Verdict {
    if arrived.len() > expected.len() {
        return Verdict::Bad(format!("{} requests became {}", expected.len(), arrived.len()));
    }
    for (expected, arrived) in expected.iter().zip(arrived) {
        if let Some(difference) = expected.difference(arrived) {
            return Verdict::Bad(difference);
        }
    }
    if arrived.len() < expected.len() {
        return Verdict::Lenient(format!("refused with {:?}", outcome.statuses));
    }
    if outcome.statuses.first() == Some(&200) {
        Verdict::Good
    } else {
        Verdict::Lenient(format!("arrived, but answered {:?}", outcome.statuses))
    }
}

impl Arrival {
    fn difference(&self, arrived: &Request) -> Option<String> {
        if self.target != arrived.target {
            return Some(format!("the target arrived as {:?}", arrived.target));
        }
        if self.body != arrived.body {
            return Some(format!("the body arrived as {}", arrived.body.escape_ascii()));
        }
        if let Some(name) = self.without.iter().find(|name| arrived.values(name).next().is_some()) {
            return Some(format!("`{name}` arrived"));
        }
        self.with.iter().find_map(|(name, value)| {
            let got: Vec<_> = arrived.values(name).collect();
            (got != [value.as_bytes()]).then(|| {
                let got: Vec<_> = got.iter().map(|value| value.escape_ascii().to_string()).collect();
                format!("`{name}` arrived as {got:?}")
            })
        })
    }
}
