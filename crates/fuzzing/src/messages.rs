//! Streams of messages, whole and cut.

use pgherd_wire::Framer;
use pgherd_wire::frame::FrameError;

/// The largest body of a kind that may come from one side.
pub(crate) type LargestBody = fn(u8) -> Option<u32>;

/// What a framer made of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Messages that are whole, header included.
    pub(crate) whole: Vec<Vec<u8>>,
    /// The begin of a message whose end is not there, without a header that is cut off.
    pub(crate) open: Vec<u8>,
    /// What ended it.
    pub(crate) error: Option<FrameError>,
}

/// Follows a stream that arrives in pieces.
pub(crate) fn follow<'a>(pieces: impl Iterator<Item = &'a [u8]>, largest_body: LargestBody) -> Seen {
    let mut framer = Framer::new(largest_body);
    let mut seen = Seen { whole: Vec::new(), open: Vec::new(), error: None };
    for mut input in pieces {
        loop {
            match framer.next(&mut input) {
                Ok(None) => break,
                Ok(Some(piece)) => {
                    assert_eq!(piece.first, seen.open.is_empty(), "a first piece begins a message");
                    assert_eq!(piece.last, framer.at_boundary(), "a last piece ends at a boundary");
                    assert!(piece.first || piece.carried.is_empty(), "only a first piece has carried bytes");
                    assert!(!piece.raw.is_empty(), "a piece takes something");
                    seen.open.extend(piece.carried.bytes());
                    seen.open.extend(piece.raw);
                    if piece.last {
                        assert_eq!(seen.open.len(), piece.body_bytes as usize + 5, "header and body");
                        assert!(piece.whole().is_none_or(|whole| whole == seen.open));
                        seen.whole.push(core::mem::take(&mut seen.open));
                    }
                }
                Err(error) => {
                    seen.error = Some(error);
                    return seen;
                }
            }
        }
        assert!(input.is_empty(), "all input is taken");
    }
    seen
}

/// Bytes of a stream that follow runs of some kinds, and how many bytes the runs had.
pub(crate) fn follow_runs<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    largest_body: LargestBody,
    in_run: &[u8],
) -> (Vec<u8>, usize) {
    let mut framer = Framer::new(largest_body);
    let (mut others, mut run_bytes) = (Vec::new(), 0);
    for mut input in pieces {
        loop {
            for &kind in in_run {
                let n = framer.skip_run(input, kind);
                run_bytes += n;
                input = input.split_at(n).1;
            }
            let piece = match framer.next(&mut input) {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(_) => return (others, run_bytes),
            };
            if in_run.contains(&piece.kind) {
                run_bytes += piece.carried.bytes().len() + piece.raw.len();
            } else {
                others.extend(piece.carried.bytes());
                others.extend(piece.raw);
            }
        }
    }
    (others, run_bytes)
}

/// A stream cut at places that `seed` decides: a few bytes here, many there.
pub(crate) fn cut(mut stream: &[u8], mut seed: u32) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        if stream.is_empty() {
            return None;
        }
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let most = if seed >> 31 == 0 { 6 } else { 200 };
        let (piece, rest) = stream.split_at(((seed >> 8) as usize % most + 1).min(stream.len()));
        stream = rest;
        Some(piece)
    })
}

/// States that neither the cut nor skipping of runs changes what a stream means, and gives the messages that it holds.
pub(crate) fn same_however_cut(stream: &[u8], seed: u32, largest_body: LargestBody, in_run: &[u8]) -> Seen {
    let seen = follow(core::iter::once(stream), largest_body);
    let pieces = follow(cut(stream, seed), largest_body);
    assert_eq!(pieces, seen, "cut by {seed}");
    assert_eq!(follow(stream.chunks(1), largest_body), seen, "byte by byte");

    let is_run = |message: &&Vec<u8>| message.first().is_some_and(|kind| in_run.contains(kind));
    let all = || seen.whole.iter().chain((!seen.open.is_empty()).then_some(&seen.open));
    let expected: Vec<u8> = all().filter(|message| !is_run(message)).flatten().copied().collect();
    let run_bytes: usize = all().filter(is_run).map(Vec::len).sum();
    for pieces in [&mut cut(stream, seed) as &mut dyn Iterator<Item = &[u8]>, &mut core::iter::once(stream)] {
        let (others, skipped) = follow_runs(pieces, largest_body, in_run);
        assert_eq!(skipped, run_bytes, "runs cut by {seed}");
        assert_eq!(others, expected, "what is no run, cut by {seed}");
    }
    seen
}

/// The number that decides the cuts, and the stream after it.
pub(crate) fn seeded(data: &[u8]) -> (u32, &[u8]) {
    match data.split_first_chunk() {
        Some((&seed, stream)) => (u32::from_be_bytes(seed), stream),
        None => (0, data),
    }
}
