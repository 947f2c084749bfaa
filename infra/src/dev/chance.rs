//! Passwords, names and ports that nobody can guess or has taken.

use std::{fmt::Write, net::TcpListener, ops::Range};

/// Ports that systems do not hand out by themselves, so that one kept for later is likely free then.
const PORTS: Range<u16> = 15_000..32_000;

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        // The system's own generator failed: a UUID asks it by another way, and aborts if it must.
        for chunk in bytes.chunks_mut(16) {
            let length = chunk.len();
            chunk.copy_from_slice(&uuid::Uuid::new_v4().as_bytes()[..length]);
        }
    }
    bytes
}

/// Random hexadecimal digits, two for each of `N` bytes.
pub(super) fn hex<const N: usize>() -> String {
    bytes::<N>().iter().fold(String::with_capacity(2 * N), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether a port of this machine's own address can be had now.
pub(super) fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// A port that is free now.
pub(super) fn port() -> u16 {
    let span = PORTS.end - PORTS.start;
    // On a machine without one free port in many, the server's own message will say so.
    (0..100)
        .map(|_| PORTS.start + u16::from_le_bytes(bytes::<2>()) % span)
        .find(|port| is_free(*port))
        .unwrap_or(PORTS.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_never_the_same() {
        assert_eq!(hex::<24>().len(), 48);
        assert_ne!(hex::<24>(), hex::<24>());
    }

    #[test]
    fn a_port_in_use_is_not_given_out() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(!is_free(taken.local_addr().unwrap().port()));
        assert!(PORTS.contains(&port()));
    }
}
