//! Seeds of fuzz targets: inputs that every run of the tests replays, with their neighbours.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::Path;

/// A fuzz target: its name, which is that of the folder of its seeds, and what runs one input.
pub type FuzzTarget = (&'static str, fn(&[u8]));

/// Bytes that parsers treat in a way of their own.
const TELLING: [u8; 5] = [0, b'\r', b'\n', b' ', b':'];

/// Runs the targets of the crate in `folder` on their seeds, the files of `corpus/<name>`, and on what is one step away
/// from each: cut, and with a byte changed, at `places` places (at most; all where it is `usize::MAX`).
///
/// # Panics
/// When a target does, which names the input; and when `corpus` is not exactly the targets with three seeds or more
/// each.
pub fn replay(folder: &str, targets: &[FuzzTarget], places: usize) {
    let corpus = Path::new(folder).join("corpus");
    let names = targets.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(entries(&corpus), names, "a folder of seeds for each target");
    for (name, run) in targets {
        let seeds = entries(&corpus.join(name));
        assert!(seeds.len() >= 3, "{name} has {} seeds", seeds.len());
        for seed in seeds {
            let bytes = std::fs::read(corpus.join(name).join(&seed)).unwrap();
            let run = |input: &[u8]| {
                let ran = catch_unwind(|| run(input));
                assert!(ran.is_ok(), "{name}, at {seed} or beside it: \"{}\"", input.escape_ascii());
            };
            run(&bytes);
            neighbours(&bytes, places, run);
        }
    }
}

fn entries(folder: &Path) -> BTreeSet<String> {
    let listed = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn neighbours(seed: &[u8], places: usize, run: impl Fn(&[u8])) {
    for at in (0..seed.len()).step_by(seed.len() / places + 1) {
        run(&seed[..at]);
        let mut changed = seed.to_vec();
        for byte in [seed[at] ^ 1, seed[at] ^ 0x80].into_iter().chain(TELLING) {
            changed[at] = byte;
            run(&changed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_cut_or_one_byte_away() {
        let seen = std::cell::RefCell::new(Vec::new());
        neighbours(b"ab", usize::MAX, |input| seen.borrow_mut().push(input.to_vec()));
        let expected: [&[u8]; 16] = [
            b"", b"`b", b"\xe1b", b"\0b", b"\rb", b"\nb", b" b", b":b", b"a", b"ac", b"a\xe2", b"a\0",
            b"a\r", b"a\n", b"a ", b"a:",
        ];
        assert_eq!(*seen.borrow(), expected);
        seen.borrow_mut().clear();
        neighbours(&[b'x'; 100], 10, |input| seen.borrow_mut().push(input.to_vec()));
        assert_eq!(seen.borrow().len(), 80, "eight at each of ten places");
    }

    #[test]
    fn a_target_that_fails_beside_a_seed_fails_the_replay() {
        let folder = tempfile::tempdir().unwrap();
        let seeds = folder.path().join("corpus/picky");
        std::fs::create_dir_all(&seeds).unwrap();
        for seed in ["one", "two", "three"] {
            std::fs::write(seeds.join(seed), seed).unwrap();
        }
        let replayed = |targets: &[FuzzTarget]| {
            let folder = folder.path().to_str().unwrap();
            catch_unwind(|| replay(folder, targets, 40)).is_ok()
        };
        assert!(replayed(&[("picky", |_| ())]));
        assert!(!replayed(&[("picky", |input| assert_ne!(input, b"thr"))]), "a seed that is cut");
        assert!(!replayed(&[("picky", |_| ()), ("other", |_| ())]), "a target without seeds");
        assert!(!replayed(&[]), "seeds without a target");
    }
}
