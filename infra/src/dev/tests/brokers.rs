//! What users of NATS may do, and what becomes of a nats-server that is lost.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use async_nats::{Client, ConnectOptions, jetstream};
use futures::{FutureExt, StreamExt};

use super::{connect, make_stream, stream_names};
use crate::dev::{chance, harness, http};

/// More than anything here takes.
const LONG: Duration = Duration::from_secs(10);

/// Returns when the server has taken what was sent before: a flush only hands it to the system, but
/// a request that nobody can answer is answered by the server itself.
async fn settle(client: &Client, subject: &'static str) {
    let asking = client.request(subject, "".into());
    assert!(tokio::time::timeout(LONG, asking).await.unwrap().is_err());
}

/// Nobody listens there; commands may be sent there.
const COMMAND: &str = "nobody.cmd.listens";
/// Nobody listens there; only Annals' own processes may.
const OWN: &str = "annals.appended";

/// Sends what a client must not, then what it may; all that arrives must be the latter.
async fn forge(service: &Client, client: &Client) {
    let mut events = service.subscribe("*.evt.>").await.unwrap();
    let mut replies = service.subscribe("_INBOX.annals.*").await.unwrap();
    let mut commands = service.queue_subscribe("lift.cmd.*", "q".to_owned()).await.unwrap();
    // A client that would like to be the command service, and get every other command.
    let _impostor = client.queue_subscribe("lift.cmd.*", "q".to_owned()).await.unwrap();
    settle(service, OWN).await;
    settle(client, COMMAND).await;
    for subject in ["lift.evt.alert.1.raised", "_INBOX.annals.1"] {
        client.publish(subject, "forged".into()).await.unwrap();
    }
    for asked in 0..20 {
        client.publish("lift.cmd.acknowledge_alert", asked.to_string().into()).await.unwrap();
    }
    client.flush().await.unwrap();
    for asked in 0..20 {
        let command = tokio::time::timeout(LONG, commands.next()).await.unwrap().unwrap();
        assert_eq!(command.payload, asked.to_string().as_bytes(), "none went to the impostor");
    }
    // Whatever was published before the commands has arrived before them, or never will.
    assert!(events.next().now_or_never().is_none(), "an event was forged");
    assert!(replies.next().now_or_never().is_none(), "a reply was forged");
}

#[tokio::test]
async fn a_client_can_send_commands_but_make_neither_events_nor_replies_nor_take_commands() {
    let nats = harness::nats().await.unwrap();
    let service = connect(&nats.url()).await.unwrap();
    let client = connect(&nats.client_url()).await.unwrap();
    make_stream(&nats.url(), "EVT_LIFT").await;
    forge(&service, &client).await;
}

/// The nats-server of `deploy/nats.conf`, on a port of its own.
struct Deployed {
    server: Child,
    port: u16,
}

impl Deployed {
    async fn start() -> Self {
        let (_, program) = harness::programs(None).await.unwrap();
        let folder = harness::scratch().unwrap().join(format!("deployed-{}", chance::hex::<4>()));
        fs::create_dir(&folder).unwrap();
        let store = format!("\"{}\"", folder.display());
        let here = include_str!("../../../../deploy/nats.conf").replace("\"/data\"", &store);
        fs::write(folder.join("nats.conf"), here).unwrap();
        let (port, monitor) = (chance::port(), chance::port());
        let server = Command::new(program)
            .arg("-c")
            .arg(folder.join("nats.conf"))
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-m", &monitor.to_string()])
            .env("ANNALS_NATS_PASSWORD", "of_annals")
            .env("ANNALS_API_NATS_PASSWORD", "of_api")
            .env("ANNALS_SYS_NATS_PASSWORD", "of_sys")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deployed = Self { server, port };
        let started = Instant::now();
        while !matches!(http::get(monitor, "/healthz", LONG).await, Ok((200, _))) {
            assert!(started.elapsed() < LONG, "the configuration is not taken");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        deployed
    }

    async fn connect(&self, user: &str, inbox: &str) -> Client {
        ConnectOptions::with_user_and_password(user.to_owned(), format!("of_{user}"))
            .custom_inbox_prefix(inbox)
            .connect(format!("127.0.0.1:{}", self.port))
            .await
            .unwrap()
    }
}

impl Drop for Deployed {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[tokio::test]
async fn the_deployed_configuration_lets_nobody_but_annals_make_events() {
    let nats = Deployed::start().await;
    let service = nats.connect("annals", "_INBOX").await;
    let api = nats.connect("api", "_INBOX.api").await;
    forge(&service, &api).await;

    // Nor may it read the answers to others.
    let mut overheard = api.subscribe("_INBOX.>").await.unwrap();
    settle(&api, COMMAND).await;
    service.publish("_INBOX.billing.1", "an answer".into()).await.unwrap();
    settle(&service, OWN).await;
    settle(&api, COMMAND).await;
    assert!(overheard.next().now_or_never().flatten().is_none());
}

#[tokio::test]
async fn the_deployed_configuration_lets_annals_do_its_work() {
    let nats = Deployed::start().await;
    let annals = nats.connect("annals", "_INBOX").await;
    let api = nats.connect("api", "_INBOX.api").await;

    // The command service answers; what it was asked to answer to is the client's own inbox.
    let mut commands = annals.subscribe("lift.cmd.acknowledge_alert").await.unwrap();
    settle(&annals, OWN).await;
    let service = annals.clone();
    tokio::spawn(async move {
        let asked = commands.next().await.unwrap();
        service.publish(asked.reply.unwrap(), "done".into()).await.unwrap();
    });
    let asking = api.request("lift.cmd.acknowledge_alert", "".into());
    let answer = tokio::time::timeout(LONG, asking).await.unwrap().unwrap();
    assert_eq!(&answer.payload[..], b"done");

    // The relay makes its stream, publishes and looks back; a projector reads and acknowledges.
    let jetstream = jetstream::new(annals.clone());
    let config = jetstream::stream::Config {
        name: "EVT_LIFT".to_owned(),
        subjects: vec!["lift.evt.>".to_owned()],
        deny_delete: true,
        allow_direct: true,
        allow_atomic_publish: true,
        ..Default::default()
    };
    let mut stream = jetstream.get_or_create_stream(config).await.unwrap();
    let publishing = jetstream.publish("lift.evt.alert.1.alert_raised", "raised".into());
    publishing.await.unwrap().await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.messages, 1);
    let raw = stream.get_raw_message(1).await.unwrap();
    assert_eq!(&raw.payload[..], b"raised");
    for durable in [None, Some("reader".to_owned())] {
        let config =
            jetstream::consumer::pull::Config { durable_name: durable, ..Default::default() };
        let consumer = stream.create_consumer(config).await.unwrap();
        let mut messages = consumer.messages().await.unwrap();
        let read = tokio::time::timeout(LONG, messages.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(&read.payload[..], b"raised");
        read.double_ack().await.unwrap();
    }
    stream.purge().await.unwrap();
    // Only whoever operates the server deletes a stream.
    let deleting = jetstream.delete_stream("EVT_LIFT");
    assert!(tokio::time::timeout(Duration::from_secs(1), deleting).await.is_err());
}

#[tokio::test]
async fn a_nats_server_can_be_lost_and_come_back() {
    let mut nats = harness::nats().await.unwrap();
    make_stream(&nats.url(), "EVT_LIFT").await;
    nats.kill();
    assert!(connect(&nats.url()).await.is_err());
    nats.resume().await.unwrap();
    assert_eq!(stream_names(&nats.url()).await, ["EVT_LIFT"]);
    nats.stop().await;
    nats.lose_everything().unwrap();
    nats.resume().await.unwrap();
    assert!(stream_names(&nats.url()).await.is_empty());
}
