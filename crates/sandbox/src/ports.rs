use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::SandboxError;

/// Ports outside the range that the kernel gives to outgoing connections (from 32768): a port that is free
/// now is not taken by chance before its server starts.
const LOWEST: u16 = 10_240;
const HIGHEST: u16 = 32_000;

/// `wanted` free ports in a row, as the operating system says by letting us bind them.
///
/// # Errors
/// When there are none.
pub fn free_ports(wanted: usize) -> Result<Vec<u16>, SandboxError> {
    let wanted16 = u16::try_from(wanted).map_err(|_| SandboxError::NoPorts { wanted })?;
    let starts = usize::from((HIGHEST - LOWEST) / wanted16.max(1));
    // Sandboxes that are made at the same time begin in different places.
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    let first = (nanos as usize / 100 + std::process::id() as usize * 7919) % starts.max(1);
    for i in 0..starts {
        let slot = u16::try_from((first + i) % starts).map_err(|_| SandboxError::NoPorts { wanted })?;
        let low = LOWEST + slot * wanted16;
        if (low..low + wanted16).all(is_free) {
            return Ok((low..low + wanted16).collect());
        }
    }
    Err(SandboxError::NoPorts { wanted })
}

/// The ports from `base` on.
///
/// # Errors
/// When one of them is taken, or there are no such ports.
pub(crate) fn ports_from(base: u16, wanted: usize) -> Result<Vec<u16>, SandboxError> {
    let last = u16::try_from(wanted).ok().and_then(|wanted| base.checked_add(wanted.checked_sub(1)?));
    let Some(last) = last.filter(|_| base >= 1024) else {
        let message = format!("--port-base {base} leaves no {wanted} ports from 1024 to 65535");
        return Err(SandboxError::Usage { message });
    };
    match (base..=last).find(|port| !is_free(*port)) {
        Some(port) => Err(SandboxError::PortTaken { port }),
        None => Ok((base..=last).collect()),
    }
}

fn is_free(port: u16) -> bool {
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    // A machine without IPv6 has nothing that could be taken there.
    let v6_taken = TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port)))
        .is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse);
    v4 && !v6_taken
}

#[cfg(test)]
mod tests {
    use super::{free_ports, ports_from};
    use crate::error::SandboxError;
    use std::net::TcpListener;

    #[test]
    fn free_ports_are_in_a_row_and_can_be_bound() {
        let ports = free_ports(5).unwrap();
        let low = ports[0];
        assert_eq!(ports, (low..low + 5).collect::<Vec<_>>());
        for port in ports {
            TcpListener::bind(("127.0.0.1", port)).unwrap();
        }
    }

    #[test]
    fn a_taken_port_is_named() {
        let base = free_ports(3).unwrap()[0];
        let _taken = TcpListener::bind(("127.0.0.1", base + 1)).unwrap();
        let error = ports_from(base, 3).unwrap_err();
        assert!(matches!(error, SandboxError::PortTaken { port } if port == base + 1), "{error}");
    }

    #[test]
    fn ports_that_do_not_exist_are_refused() {
        for (base, wanted) in [(80, 3), (65_534, 3), (65_535, 100_000)] {
            assert!(matches!(ports_from(base, wanted), Err(SandboxError::Usage { .. })), "{base} {wanted}");
        }
    }
}
