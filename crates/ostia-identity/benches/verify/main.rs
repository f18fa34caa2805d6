//! First sight of a token, beside the bare signature that it contains (promise Q4: at most 5 µs over it).
//!
//! `cargo bench -p ostia-identity --bench verify` times both in turns. The last column is the same measurement with the
//! bare signature in both places: where its range does not hold zero, or is wide, the machine was not fit to measure.
//! With `-- --instructions` both are counted instead (needs `valgrind`), which no noise touches.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot begin may end here")]
#![expect(clippy::panic, clippy::print_stdout, reason = "what it finds is told to whoever started it")]

mod case;
mod everyday;
mod instructions;
mod pairs;
#[path = "../../tests/it/signer.rs"]
#[expect(dead_code, reason = "the benches need fewer keys than the tests")]
mod signer;

use case::Case;
use pairs::{Estimate, difference, time};
use signer::every_algorithm;

/// That of the command, as a token's cost is in part that of its allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    match arguments.split_first() {
        Some((first, rest)) if first == instructions::REPEAT => instructions::repeat(rest),
        _ if has("--instructions") => count_instructions(),
        _ if has("--bench") => take_times(),
        // A test runner lists and tries the benches.
        _ if has("--list") => {}
        _ => every_algorithm().iter().for_each(|(alg, signer)| Case::of(alg, signer).whole()),
    }
}

fn take_times() {
    println!("µs, medians and their ranges of 99 % certainty\n");
    println!("| | signature alone | over the signature | signature over itself |");
    println!("| --- | --- | --- | --- |");
    for (alg, signer) in every_algorithm() {
        let case = Case::of(alg, signer);
        let (whole, alone) = (|| case.whole(), || case.alone());
        let nothing = difference(alone, alone);
        let [signature, over, nothing] = [time(alone), difference(whole, alone), nothing].map(told);
        println!("| {alg} | {signature} | {over} | {nothing} |");
    }
}

fn told(Estimate { median, low, high }: Estimate) -> String {
    format!("{median:.2} ({low:.2} to {high:.2})")
}

fn count_instructions() {
    println!("| | signature alone | whole token | over the signature |");
    println!("| --- | --- | --- | --- |");
    for (alg, signer) in every_algorithm() {
        let (whole, alone) = instructions::count(&Case::of(alg, signer));
        println!("| {alg} | {alone} | {whole} | {} |", whole as i64 - alone as i64);
    }
}
