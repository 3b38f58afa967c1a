//! Many writes by one call, to sockets that take all, some, or nothing.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use pgherd_uring::Batch;

/// More than one call takes.
const MANY: usize = 150;

/// More than a socket takes.
const MUCH: usize = 4 * 1024 * 1024;

fn pairs(count: usize) -> Vec<(UnixStream, UnixStream)> {
    let pair = || {
        let (near, far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        far.set_nonblocking(true).unwrap();
        (near, far)
    };
    (0..count).map(|_| pair()).collect()
}

/// All that has come.
fn read(from: &mut UnixStream) -> Vec<u8> {
    let mut got = Vec::new();
    let end = from.read_to_end(&mut got).map_err(|error| error.kind());
    assert!(matches!(end, Ok(_) | Err(ErrorKind::WouldBlock)), "{end:?}");
    got
}

#[test]
fn each_socket_gets_its_bytes_and_each_write_is_told_of() {
    let mut batch = Batch::new().unwrap();
    let mut pairs = pairs(MANY);
    let texts: Vec<String> = (0..MANY).map(|number| format!("this is for {number}")).collect();
    for round in 1..=2 {
        let mut told = Vec::new();
        let writes = pairs.iter().zip(&texts).enumerate();
        batch.write(
            writes.map(|(number, ((near, _), text))| (number, near.as_fd(), text.as_bytes())),
            |number, result| told.push((number, result.unwrap())),
        );
        let expected: Vec<(usize, usize)> = texts.iter().map(String::len).enumerate().collect();
        assert_eq!(told, expected, "in round {round}");
        for ((_, far), text) in pairs.iter_mut().zip(&texts) {
            assert_eq!(read(far), text.as_bytes());
        }
    }
    batch.write(core::iter::empty::<((), _, _)>(), |(), _| panic!("nothing was written"));
}

#[test]
fn one_that_is_full_or_gone_does_not_concern_the_others() {
    let mut batch = Batch::new().unwrap();
    let [(full, mut reader), (gone, nobody), (fine, mut other)] = <[_; 3]>::try_from(pairs(3)).unwrap();
    drop(nobody);
    let much = vec![7; MUCH];
    let mut told = Vec::new();
    let writes = [&full, &gone, &full, &fine].into_iter().zip([&much[..], b"lost", b"later", b"here"]);
    batch.write(writes.map(|(socket, bytes)| ((), socket.as_fd(), bytes)), |(), result| {
        told.push(result.map_err(|error| error.kind()));
    });
    let taken = read(&mut reader).len();
    assert!(0 < taken && taken < MUCH);
    assert_eq!(told, [Ok(taken), Err(ErrorKind::BrokenPipe), Ok(0), Ok(4)]);
    assert_eq!(read(&mut other), b"here");
}
