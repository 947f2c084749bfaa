//! A wire that can be cut: a small TCP proxy before Postgres or nats-server.
//!
//! Besides letting everything through it can drop all connections at once, and cut a single one at the
//! worst moments: after Postgres has committed and before it says so, in the middle of a request that
//! would commit, after JetStream has stored and before it says so.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
    task::JoinHandle,
};

use super::Done;

/// What is spoken on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Postgres'.
    Postgres,
    /// NATS'.
    Nats,
}

/// Where the next exchange that commits is to be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Half of the request gets through: nothing is committed.
    Request,
    /// The server did it, its answer gets lost.
    Answer,
}

#[derive(Debug, Default)]
struct Cuts {
    /// Requests yet to be cut.
    requests: AtomicU64,
    /// Answers yet to be cut.
    answers: AtomicU64,
    /// Exchanges that were cut at such a moment.
    done: AtomicU64,
    /// Connections that were dropped as they were.
    dropped: AtomicU64,
}

/// A running proxy; it ends with this value.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    cuts: Arc<Cuts>,
    drop_all: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a port of its own, for a server on this machine.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(protocol: Protocol, server: u16) -> Done<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let cuts = Arc::new(Cuts::default());
        let (drop_all, dropped) = watch::channel(0);
        let task = tokio::spawn(accept(listener, protocol, server, Arc::clone(&cuts), dropped));
        Ok(Self { port, cuts, drop_all, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// An address of the server, by way of this proxy.
    #[must_use]
    pub fn through(&self, url: &str, server: u16) -> String {
        url.replacen(&format!(":{server}"), &format!(":{}", self.port), 1)
    }

    /// Drops every connection.
    pub fn cut_all(&self) {
        self.drop_all.send_modify(|times| *times += 1);
    }

    /// Has the next exchange that commits cut at this moment.
    pub fn cut_next(&self, moment: Moment) {
        self.armed(moment).fetch_add(1, Ordering::SeqCst);
    }

    /// Whether cuts that were asked for are still to come.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        [Moment::Request, Moment::Answer]
            .iter()
            .any(|it| self.armed(*it).load(Ordering::SeqCst) > 0)
    }

    /// Takes back what was asked for and did not come.
    pub fn disarm(&self) {
        for moment in [Moment::Request, Moment::Answer] {
            self.armed(moment).store(0, Ordering::SeqCst);
        }
    }

    /// Exchanges that were cut at such a moment.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.cuts.done.load(Ordering::SeqCst)
    }

    /// Connections that were dropped as they were.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.cuts.dropped.load(Ordering::SeqCst)
    }

    fn armed(&self, moment: Moment) -> &AtomicU64 {
        match moment {
            Moment::Request => &self.cuts.requests,
            Moment::Answer => &self.cuts.answers,
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut_all();
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    protocol: Protocol,
    server: u16,
    cuts: Arc<Cuts>,
    dropped: watch::Receiver<u64>,
) {
    while let Ok((client, _)) = listener.accept().await {
        let (cuts, mut dropped) = (Arc::clone(&cuts), dropped.clone());
        dropped.mark_unchanged();
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
            let _ = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
            tokio::select! {
                () = exchange(protocol, client, server, &cuts) => {}
                // The proxy's own end counts as well: nothing passes that nobody watches.
                _ = dropped.changed() => { cuts.dropped.fetch_add(1, Ordering::SeqCst); }
            }
        });
    }
}

/// Lets bytes through until one side ends, or a cut is due. Both sides end with it.
async fn exchange(protocol: Protocol, client: TcpStream, server: TcpStream, cuts: &Cuts) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let swallow = AtomicBool::new(false);
    tokio::select! {
        () = forward(protocol, from_client, to_server, cuts, &swallow) => {}
        () = back(protocol, from_server, to_client, cuts, &swallow) => {}
    }
}

async fn forward(
    protocol: Protocol,
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    cuts: &Cuts,
    swallow: &AtomicBool,
) {
    let mut frontend = Frontend::default();
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let bytes = &buffer[..count];
        if protocol == Protocol::Postgres && frontend.commits(bytes) {
            if take(&cuts.requests) {
                let _ = to.write_all(&bytes[..count / 2]).await;
                let _ = to.flush().await;
                cuts.done.fetch_add(1, Ordering::SeqCst);
                return;
            }
            if take(&cuts.answers) {
                swallow.store(true, Ordering::SeqCst);
            }
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

async fn back(
    protocol: Protocol,
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    cuts: &Cuts,
    swallow: &AtomicBool,
) {
    let mut buffer = vec![0; 64 << 10];
    let mut swallowed = Vec::new();
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let bytes = &buffer[..count];
        if protocol == Protocol::Nats && is_publish_ack(bytes) && take(&cuts.answers) {
            cuts.done.fetch_add(1, Ordering::SeqCst);
            return;
        }
        if swallow.load(Ordering::SeqCst) {
            swallowed.extend_from_slice(bytes);
            // ReadyForQuery, in no transaction: whatever was asked is committed, or refused.
            if swallowed.ends_with(b"Z\0\0\0\x05I") {
                cuts.done.fetch_add(1, Ordering::SeqCst);
                return;
            }
            continue;
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

fn take(armed: &AtomicU64) -> bool {
    armed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

/// JetStream's word that a message is stored.
fn is_publish_ack(bytes: &[u8]) -> bool {
    let has = |text: &[u8]| bytes.windows(text.len()).any(|it| it == text);
    has(b"\"stream\":\"EVT_") && has(b"\"seq\":")
}

/// What a client of Postgres says, read only as far as to see a commit in it.
#[derive(Debug, Default)]
struct Frontend {
    begun: bool,
    pending: Vec<u8>,
    /// Statements of this connection that append.
    appends: HashSet<Vec<u8>>,
}

impl Frontend {
    /// Takes more bytes; says whether they complete a message that commits.
    fn commits(&mut self, bytes: &[u8]) -> bool {
        self.pending.extend_from_slice(bytes);
        let mut commits = false;
        loop {
            // The first messages have no type in front of them.
            let header = usize::from(self.begun);
            let Some(length) = self.pending.get(header..header + 4) else { return commits };
            let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]);
            let end = header + usize::try_from(length).unwrap_or_default();
            if self.pending.len() < end || end < header + 4 {
                return commits;
            }
            let message: Vec<u8> = self.pending.drain(..end).collect();
            if self.begun {
                commits |= self.reads(message[0], &message[5..]);
            } else {
                // A wish for TLS or the like is followed by another such message.
                self.begun = message.get(4..6) != Some(&[0x04, 0xd2]);
            }
        }
    }

    fn reads(&mut self, kind: u8, body: &[u8]) -> bool {
        let mut texts = body.split(|byte| *byte == 0);
        let (first, second) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        match kind {
            b'P' => {
                let append = second.windows(13).any(|it| it == b"annals.append");
                if append {
                    self.appends.insert(first.to_vec());
                }
                false
            }
            b'B' => self.appends.contains(second),
            b'Q' => first.eq_ignore_ascii_case(b"COMMIT"),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind], &length[..], body].concat()
    }

    fn begun() -> Frontend {
        let mut frontend = Frontend::default();
        assert!(!frontend.commits(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]));
        assert!(!frontend.commits(&[0, 0, 0, 9, 0, 3, 0, 0, 0]));
        frontend
    }

    #[test]
    fn an_append_commits_each_time_it_is_bound() {
        let mut frontend = begun();
        assert!(!frontend.commits(&message(b'P', b"one\0SELECT annals.append($1)\0\0\0")));
        assert!(!frontend.commits(&message(b'P', b"two\0SELECT 1\0\0\0")));
        assert!(frontend.commits(&message(b'B', b"\0one\0\0\0")));
        assert!(!frontend.commits(&message(b'B', b"\0two\0\0\0")));
        assert!(frontend.commits(&message(b'B', b"\0one\0\0\0")));
    }

    #[test]
    fn a_commit_is_seen_however_it_is_cut_into_pieces() {
        let mut frontend = begun();
        let bytes = [message(b'Q', b"BEGIN\0"), message(b'Q', b"COMMIT\0")].concat();
        let found =
            bytes.iter().filter(|byte| frontend.commits(std::slice::from_ref(byte))).count();
        assert_eq!(found, 1);
    }
}
