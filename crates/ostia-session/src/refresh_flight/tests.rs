//! Every order of events that three nodes, a rotating single-use provider and a store can come to, with crashes,
//! pauses, lost answers and a store that loses its memory. The machine and the entry are those of the product.

use std::collections::HashSet;

use super::{Ask, Came, Outcome, Presented, RefreshFlight};
use crate::refresh_entry::{Current, RefreshEntry};

const NODES: usize = 3;
/// Time is counted in leases.
const LEASE: u64 = 1;
/// Refresh tokens that the model knows: token `n` refreshes generation `n`.
const TOKENS: usize = 4;

/// What may still go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Troubles {
    crashes: u8,
    /// Times at which everything stands still for longer than a lease.
    stalls: u8,
    /// Times at which the store forgets everything.
    losses: u8,
    /// Calls that never reach the provider.
    unsent: u8,
    /// Calls that the provider acts on, and whose answer is lost.
    unheard: u8,
    /// The provider ends the session.
    endings: u8,
    /// Sessions live in the store: they begin there, and what it lost may be given back by any node.
    in_store: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Node {
    /// The generation of the cookie that its browser carries, and whether its token may be presented.
    cookie: u32,
    refreshable: bool,
    flight: Option<(RefreshFlight<u32>, Ask<u32>)>,
    flights_left: u8,
    /// Its flight began before the store lost its memory.
    is_of_before: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    nodes: [Node; NODES],
    entry: RefreshEntry<u32>,
    now: u64,
    /// Generations from this one on were made while the store remembers.
    remembered_from: u32,
    /// The token that the provider takes; `None` after it saw one twice, or ended the session.
    live: Option<u32>,
    was_ended: bool,
    presented: [u8; TOKENS],
    /// A second presentation is one of the documented cases.
    excused: [bool; TOKENS],
    troubles: Troubles,
}

/// What was seen on all ways together: a model in which nothing happens would prove nothing.
#[derive(Debug, Default)]
struct Seen {
    worlds: usize,
    renewed: usize,
    ended: usize,
    unrefreshable: usize,
    twice: usize,
}

fn explore(troubles: Troubles, flights: u8) -> Seen {
    let node =
        Node { cookie: 0, refreshable: true, flight: None, flights_left: flights, is_of_before: false };
    let mut entry = RefreshEntry::default();
    assert!(!troubles.in_store || entry.begin(0, 0));
    let start = World {
        nodes: std::array::from_fn(|_| node.clone()),
        entry,
        now: 0,
        remembered_from: 0,
        live: Some(0),
        was_ended: false,
        presented: [0; TOKENS],
        excused: [false; TOKENS],
        troubles,
    };
    let (mut seen, mut visited, mut open) = (Seen::default(), HashSet::new(), vec![start]);
    while let Some(world) = open.pop() {
        if !visited.insert(world.clone()) {
            continue;
        }
        assert!(visited.len() < 3_000_000, "the model is too large");
        for node in 0..NODES {
            world.steps_of(node, &mut seen, &mut open);
        }
        world.troubles(&mut open);
    }
    seen.worlds = visited.len();
    seen
}

impl World {
    /// Everything that one node can do next.
    fn steps_of(&self, number: usize, seen: &mut Seen, open: &mut Vec<World>) {
        let node = &self.nodes[number];
        let Some((_, ask)) = &node.flight else {
            let has_token = node.refreshable && (node.cookie as usize) < TOKENS - 1;
            if has_token && let Some(left) = node.flights_left.checked_sub(1) {
                let mut next = self.clone();
                next.nodes[number].flight = Some(RefreshFlight::begin(1));
                next.nodes[number].flights_left = left;
                open.push(next);
            }
            return;
        };
        let (ask, generation, holder) = (ask.clone(), node.cookie, number as u128 + 1);
        let mut next = self.clone();
        let entry = &mut next.entry;
        let came = match ask {
            Ask::Take => Came::Taken {
                taken: entry.take(generation, holder, self.now, LEASE),
                is_remembered: generation >= self.remembered_from,
            },
            Ask::Spend => Came::Agreed(entry.spend(generation, holder, self.now)),
            Ask::Land(value) => Came::Agreed(entry.land(generation, holder, value)),
            Ask::GiveBack { was_sent } => {
                Came::Agreed(entry.give_back(generation, holder, was_sent, self.now))
            }
            Ask::End => Came::Agreed(entry.end(generation, holder)),
            Ask::Present => return self.presentations(number, seen, open),
            Ask::Wait | Ask::Done(_) => unreachable!("done at once: they touch nothing that is shared"),
        };
        next.told(number, came, seen);
        open.push(next);
    }

    fn told(&mut self, number: usize, came: Came<u32>, seen: &mut Seen) {
        let Some((flight, ask)) = &mut self.nodes[number].flight else { return };
        *ask = flight.next(came);
        if *ask == Ask::Wait {
            *ask = flight.next(Came::Waited);
        }
        if let Ask::Done(outcome) = ask.clone() {
            self.finish(number, &outcome, seen);
        }
    }

    /// The provider takes the token, or refuses it, or is not heard.
    fn presentations(&self, number: usize, seen: &mut Seen, open: &mut Vec<World>) {
        let token = self.nodes[number].cookie;
        if let Some(left) = self.troubles.unsent.checked_sub(1) {
            let mut next = self.clone();
            next.troubles.unsent = left;
            next.told(number, Came::Presented(Presented::NoAnswer { was_sent: false }), seen);
            open.push(next);
        }
        let mut taken = self.clone();
        let answer = taken.take_token(token, seen);
        if let Some(left) = self.troubles.unheard.checked_sub(1) {
            let mut next = taken.clone();
            next.troubles.unheard = left;
            next.excused[token as usize] = true;
            next.told(number, Came::Presented(Presented::NoAnswer { was_sent: true }), seen);
            open.push(next);
        }
        taken.told(number, Came::Presented(answer), seen);
        open.push(taken);
    }

    fn take_token(&mut self, token: u32, seen: &mut Seen) -> Presented<u32> {
        let at = token as usize;
        self.presented[at] += 1;
        if self.presented[at] > 1 {
            assert!(self.excused[at], "token {token} is presented twice: {self:#?}");
            seen.twice += 1;
        }
        if self.live == Some(token) {
            self.live = Some(token + 1);
            // While a flight of before the loss is still in the air, nothing that is made counts as remembered: the
            // store's memory begins a while after its start, longer than any call takes.
            if self.nodes.iter().any(|node| node.is_of_before && node.flight.is_some()) {
                self.remembered_from = self.remembered_from.max(token + 2);
            }
            return Presented::Next(token + 1);
        }
        // A careful provider revokes the whole family (RFC 9700 section 4.14.2).
        self.live = None;
        Presented::Ended
    }

    fn finish(&mut self, number: usize, outcome: &Outcome<u32>, seen: &mut Seen) {
        assert!(*outcome != Outcome::Ended || self.was_ended, "nobody signed them out: {self:#?}");
        let node = &mut self.nodes[number];
        node.flight = None;
        node.is_of_before = false;
        match outcome {
            Outcome::Renewed(generation) => {
                assert!(*generation > node.cookie, "a session never goes back");
                node.cookie = *generation;
                seen.renewed += 1;
            }
            Outcome::RenewedLast(generation) => {
                node.cookie = *generation;
                node.refreshable = false;
            }
            Outcome::Ended => {
                node.refreshable = false;
                seen.ended += 1;
            }
            Outcome::Postponed => {}
            Outcome::Unrefreshable => {
                node.refreshable = false;
                seen.unrefreshable += 1;
            }
        }
    }

    /// What may go wrong now.
    fn troubles(&self, open: &mut Vec<World>) {
        let Troubles { crashes, stalls, losses, endings, in_store, .. } = self.troubles;
        if let Some(left) = crashes.checked_sub(1) {
            for node in (0..NODES).filter(|node| self.nodes[*node].flight.is_some()) {
                let mut next = self.clone();
                next.troubles.crashes = left;
                next.nodes[node].flight = None;
                next.nodes[node].is_of_before = false;
                open.push(next);
            }
        }
        if let Some(left) = stalls.checked_sub(1) {
            let mut next = self.clone();
            next.troubles.stalls = left;
            next.now += LEASE;
            open.push(next);
        }
        if let Some(left) = losses.checked_sub(1) {
            let mut next = self.clone();
            next.troubles.losses = left;
            next.entry = RefreshEntry::default();
            next.nodes.iter_mut().for_each(|node| node.is_of_before = node.flight.is_some());
            let made = self.presented.iter().rposition(|count| *count > 0).map_or(0, |at| at as u32 + 1);
            next.remembered_from = made + 1;
            // What was presented, and what is about to be.
            for (token, excused) in next.excused.iter_mut().enumerate() {
                let is_spent = |node: &Node| {
                    node.cookie as usize == token && matches!(node.flight, Some((_, Ask::Present)))
                };
                *excused |= self.presented[token] > 0 || self.nodes.iter().any(is_spent);
            }
            open.push(next);
        }
        if in_store && self.entry.current() == Current::Nothing {
            for node in &self.nodes {
                let mut next = self.clone();
                next.entry.begin(node.cookie, node.cookie);
                open.push(next);
            }
        }
        if let Some(left) = endings.checked_sub(1) {
            let mut next = self.clone();
            next.troubles.endings = left;
            next.live = None;
            next.was_ended = true;
            open.push(next);
        }
    }
}

#[test]
fn three_nodes_spend_each_token_once_and_sign_nobody_out() {
    let seen = explore(Troubles { stalls: 2, ..Troubles::default() }, 2);
    assert!(seen.renewed > 100 && seen.twice == 0 && seen.ended == 0, "{seen:?}");
}

#[test]
fn crashes_and_pauses_make_no_token_be_spent_twice() {
    let seen = explore(Troubles { crashes: 2, stalls: 2, ..Troubles::default() }, 2);
    assert!(seen.renewed > 100 && seen.twice == 0 && seen.ended == 0, "{seen:?}");
    assert!(seen.unrefreshable > 0, "a spender that died leaves a session that is not refreshed: {seen:?}");
}

#[test]
fn a_provider_that_is_not_heard_signs_nobody_out() {
    let seen = explore(Troubles { unsent: 1, unheard: 1, stalls: 1, crashes: 1, ..Troubles::default() }, 2);
    assert!(seen.renewed > 100 && seen.ended == 0, "{seen:?}");
    assert!(seen.twice > 0, "a token whose answer was lost is tried again: {seen:?}");
}

#[test]
fn a_store_that_loses_its_memory_signs_nobody_out() {
    let seen = explore(Troubles { losses: 1, stalls: 1, ..Troubles::default() }, 2);
    assert!(seen.renewed > 100 && seen.ended == 0, "{seen:?}");
    assert!(seen.twice > 0, "the documented case: the store forgot that the token was spent: {seen:?}");
}

#[test]
fn a_session_that_the_provider_ended_ends() {
    let seen = explore(Troubles { endings: 1, ..Troubles::default() }, 1);
    assert!(seen.ended > 0 && seen.twice == 0, "{seen:?}");
}

#[test]
fn sessions_that_live_in_the_store_are_refreshed_by_the_same_rules() {
    let calm = Troubles { in_store: true, crashes: 1, stalls: 1, ..Troubles::default() };
    let seen = explore(calm, 2);
    assert!(seen.renewed > 100 && seen.twice == 0 && seen.ended == 0, "{seen:?}");
    let seen = explore(Troubles { losses: 1, crashes: 0, ..calm }, 2);
    assert!(seen.renewed > 100 && seen.ended == 0, "what was lost may be given back at any moment: {seen:?}");
}
