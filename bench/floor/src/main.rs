//! What the kernel costs alone: relays of bytes without a session, one thread each, for `bench/run`.
//!
//! `floor epoll` is the shape of pgherd's event loop with nothing in it. `floor uring` and `floor uring-single` are the
//! same relay on io_uring, to find out which use of it pays. `floor stub` is a server that answers every query with
//! one row, for measurements with more connections than a PostgreSQL server has room for.

mod buffers;
mod epoll_relay;
mod net;
mod stub;
mod uring_relay;

use std::process::ExitCode;

use uring_relay::Receive;

const USAGE: &str = "floor epoll|uring|uring-single|uring-direct LISTEN SERVER...\n\
                     floor stub LISTEN\n\
                     LISTEN is HOST:PORT; a SERVER is HOST:PORT or the path of a Unix socket";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match words.as_slice() {
        ["stub", listen] => stub::run(listen),
        ["epoll", listen, servers @ ..] if !servers.is_empty() => epoll_relay::run(listen, servers),
        [driver, listen, servers @ ..] if !servers.is_empty() => match Receive::named(driver) {
            Some(receive) => uring_relay::run(listen, servers, receive),
            None => return usage(),
        },
        _ => return usage(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}
