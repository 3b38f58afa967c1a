//! Rings on pairs of sockets.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use core::time::Duration;
use std::collections::VecDeque;
use std::io::{IoSlice, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use pgherd_uring::{Completion, End, Interest, Rank, Ring, Socket, Ticket, probe};

const LIMIT: Option<Duration> = Some(Duration::from_secs(10));
const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

fn ring() -> Ring {
    let ring = Ring::new().unwrap();
    ring.enable().unwrap();
    ring
}

/// A socket of the ring, and its peer.
fn pair(ring: &mut Ring) -> (Socket, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    let mut socket = Socket::new(OwnedFd::from(near));
    ring.adopt(&mut socket);
    (socket, far)
}

fn turn(ring: &mut Ring, limit: Option<Duration>) -> VecDeque<Completion> {
    let mut all = VecDeque::new();
    ring.turn(limit, &mut all).unwrap();
    all
}

#[test]
fn this_kernel_can_do_it() {
    probe().unwrap();
}

#[test]
fn parts_from_buffers_and_from_elsewhere_are_sent_in_order() {
    let mut ring = ring();
    let memory = ring.memory();
    let ((mut from, mut writer), (to, mut reader)) = (pair(&mut ring), pair(&mut ring));
    ring.receive(&mut from, 1);
    let long: Vec<u8> = (0..10_000_u32).map(|n| n as u8).collect();
    writer.write_all(&long).unwrap();
    let heard = turn(&mut ring, LIMIT).pop_front().unwrap();
    let Completion::Received { name: 1, bytes, more: true } = heard else { panic!("{heard:?}") };
    assert_eq!(memory.bytes(&bytes), long);
    let before = ring.spare_buffers();
    let mut ticket = Ticket::default();
    ring.send(&to, 2, Rank::Last, &mut ticket, &[IoSlice::new(b"head"), IoSlice::new(memory.bytes(&bytes))]);
    ring.send(
        &to,
        2,
        Rank::Last,
        &mut ticket,
        &[IoSlice::new(&memory.bytes(&bytes)[..5000]), IoSlice::new(b"tail")],
    );
    ring.give_back(bytes);
    assert_eq!(ring.spare_buffers(), before, "the send holds it");
    turn(&mut ring, AT_ONCE);
    assert_eq!(ring.spare_buffers(), before + 1, "the send is done");
    let mut all = vec![0; 15_008];
    reader.read_exact(&mut all).unwrap();
    assert_eq!(all, [b"head", &long[..], &long[..5000], b"tail"].concat());
}

#[test]
fn what_does_not_fit_is_handed_back_and_what_is_taken_back_is_not_sent() {
    let mut ring = ring();
    let (socket, mut peer) = pair(&mut ring);
    let (mut ticket, much) = (Ticket::default(), vec![3; 4 << 20]);
    ring.send(&socket, 9, Rank::Last, &mut ticket, &[IoSlice::new(b"first"), IoSlice::new(&much)]);
    let heard = turn(&mut ring, AT_ONCE).pop_front().unwrap();
    let Completion::Unsent { name: 9, rest, broken: false } = heard else { panic!("{heard:?}") };
    let mut there = vec![0; 5 + much.len() - rest.len()];
    peer.read_exact(&mut there).unwrap();
    assert!(there.starts_with(b"first") && rest.iter().all(|byte| *byte == 3));

    let ((other, mut reader), mut others) = (pair(&mut ring), Ticket::default());
    ring.send(&other, 8, Rank::Last, &mut others, &[IoSlice::new(b"another's")]);
    ring.send(&socket, 9, Rank::Last, &mut ticket, &[IoSlice::new(b"to"), IoSlice::new(b"gether")]);
    assert_eq!(ring.take_back(&mut ticket), b"together");
    assert_eq!(ring.take_back(&mut ticket), b"", "it is gone");
    turn(&mut ring, AT_ONCE);
    reader.read_exact(&mut [0; 9]).unwrap();
    peer.set_nonblocking(true).unwrap();
    assert!(peer.read(&mut [0]).is_err());

    drop(peer);
    ring.send(&socket, 9, Rank::Last, &mut ticket, &[IoSlice::new(b"nobody reads this")]);
    let heard = turn(&mut ring, AT_ONCE).pop_front();
    assert!(matches!(heard, Some(Completion::Unsent { name: 9, broken: true, .. })), "{heard:?}");
}

#[test]
fn a_stream_that_finds_no_buffer_can_be_armed_again() {
    let mut ring = ring();
    let (mut socket, mut peer) = pair(&mut ring);
    let writer = std::thread::spawn(move || {
        peer.write_all(&vec![1; 4 << 20]).unwrap();
        peer
    });
    ring.receive(&mut socket, 1);
    let mut kept = Vec::new();
    let why = 'starved: loop {
        for heard in turn(&mut ring, LIMIT) {
            match heard {
                Completion::Received { bytes, .. } => kept.push(bytes),
                Completion::Ended { name: 1, why } => break 'starved why,
                Completion::Ended { name, .. } => panic!("nobody knows {name}"),
                other @ (Completion::Ready { .. } | Completion::Unsent { .. }) => panic!("{other:?}"),
            }
        }
    };
    assert_eq!((why, ring.spare_buffers()), (End::NoBuffers, 0));
    kept.drain(..).for_each(|bytes| ring.give_back(bytes));
    ring.receive(&mut socket, 1);
    let heard = turn(&mut ring, LIMIT).pop_front();
    assert!(matches!(heard, Some(Completion::Received { .. })), "{heard:?}");
    drop(socket);
    assert!(ring.close().is_ok());
    writer.join().unwrap_err();
}

#[test]
fn a_stream_that_is_stopped_loses_nothing() {
    let mut ring = ring();
    let memory = ring.memory();
    let (mut socket, mut peer) = pair(&mut ring);
    ring.receive(&mut socket, 1);
    peer.write_all(b"before").unwrap();
    let mut heard = VecDeque::new();
    ring.stop_now(&socket, &mut heard).unwrap();
    peer.write_all(b" and after").unwrap();
    ring.receive(&mut socket, 1);
    ring.turn(LIMIT, &mut heard).unwrap();
    let mut text = Vec::new();
    for one in heard {
        match one {
            Completion::Received { bytes, .. } => {
                text.extend_from_slice(memory.bytes(&bytes));
                ring.give_back(bytes);
            }
            Completion::Ended { why, .. } => assert_eq!(why, End::Stopped),
            other @ (Completion::Ready { .. } | Completion::Unsent { .. }) => panic!("{other:?}"),
        }
    }
    assert_eq!(String::from_utf8(text).unwrap(), "before and after");
}

#[test]
fn a_dropped_socket_is_closed_behind_what_it_was_to_send() {
    let mut ring = ring();
    let (mut socket, mut peer) = pair(&mut ring);
    ring.receive(&mut socket, 1);
    ring.watch(&mut socket, 1, Interest::End);
    turn(&mut ring, AT_ONCE);
    ring.send(&socket, 1, Rank::Last, &mut Ticket::default(), &[IoSlice::new(b"last words")]);
    drop(socket);
    turn(&mut ring, LIMIT);
    let mut text = String::new();
    peer.read_to_string(&mut text).unwrap();
    assert_eq!(text, "last words", "and then the end");
}

#[test]
fn readiness_is_told_once_or_each_time() {
    let mut ring = ring();
    let ((mut once, mut first), (mut each, mut second)) = (pair(&mut ring), pair(&mut ring));
    ring.watch(&mut once, 1, Interest::ReadableOnce);
    ring.watch(&mut each, 2, Interest::Readable);
    for round in 0..2 {
        first.write_all(b"x").unwrap();
        second.write_all(b"x").unwrap();
        let mut told: Vec<u64> = Vec::new();
        for one in turn(&mut ring, LIMIT) {
            let Completion::Ready { name, mask, .. } = one else { panic!("{one:?}") };
            assert_eq!(mask & 1, 1);
            told.push(name);
        }
        assert_eq!(told.contains(&1), round == 0, "{told:?}");
        assert!(told.contains(&2), "{told:?}");
    }
    ring.unwatch(&mut each);
    turn(&mut ring, AT_ONCE);
    second.write_all(b"x").unwrap();
    assert_eq!(turn(&mut ring, AT_ONCE).len(), 0);
}

#[test]
fn more_than_fits_in_the_queues_is_told_all_the_same() {
    let mut ring = ring();
    let (mut streams, mut all) = (Vec::new(), VecDeque::new());
    for name in 0..200 {
        let (mut near, far) = pair(&mut ring);
        ring.receive(&mut near, name);
        streams.push((near, far));
    }
    ring.turn(AT_ONCE, &mut all).unwrap();
    let mut senders = Vec::new();
    for (_, far) in &streams {
        let mut sender = Socket::new(OwnedFd::from(far.try_clone().unwrap()));
        ring.adopt(&mut sender);
        ring.send(&sender, 999, Rank::Last, &mut Ticket::default(), &[IoSlice::new(b"x")]);
        senders.push(sender);
    }
    let (mut watched, mut writer) = pair(&mut ring);
    writer.write_all(b"x").unwrap();
    for name in 1000..3000 {
        ring.watch(&mut watched, name, Interest::ReadableOnce);
    }
    let (mut received, mut ready) = (Vec::new(), Vec::new());
    while received.len() < 200 || ready.len() < 2000 {
        ring.turn(LIMIT, &mut all).unwrap();
        assert!(!all.is_empty(), "{} and {} came", received.len(), ready.len());
        for one in all.drain(..) {
            match one {
                Completion::Received { name, bytes, .. } => {
                    received.push(name);
                    ring.give_back(bytes);
                }
                Completion::Ended { name, why: End::NoBuffers } => {
                    let near = streams.get_mut(name as usize).map(|(near, _)| near).unwrap();
                    ring.receive(near, name);
                }
                Completion::Ready { name, .. } => ready.push(name),
                other @ (Completion::Ended { .. } | Completion::Unsent { .. }) => panic!("{other:?}"),
            }
        }
    }
    received.sort_unstable();
    ready.sort_unstable();
    assert_eq!(received, (0..200).collect::<Vec<_>>());
    assert_eq!(ready, (1000..3000).collect::<Vec<_>>());
}

#[test]
fn what_is_first_in_rank_is_sent_first() {
    let mut ring = ring();
    let (near, mut far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    // The same way twice, so that the reader sees the order.
    let mut ends = [near.try_clone().unwrap(), near].map(|end| Socket::new(OwnedFd::from(end)));
    ends.iter_mut().for_each(|end| ring.adopt(end));
    let mut tickets = [Ticket::default(); 2];
    for (rank, words) in [(Rank::Last, [b"3", b"4"]), (Rank::First, [b"1", b"2"])] {
        for word in words {
            let [one, other] = &mut tickets;
            let (end, ticket) = if rank == Rank::Last { (&ends[0], one) } else { (&ends[1], other) };
            ring.send(end, 1, rank, ticket, &[IoSlice::new(word)]);
        }
    }
    turn(&mut ring, AT_ONCE);
    let mut got = [0; 4];
    far.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"1234");
}
