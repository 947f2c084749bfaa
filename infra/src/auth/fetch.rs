//! Asking another server one thing: over TLS unless it stays on this machine.
//!
//! hyper and rustls are here anyway (for axum, NATS and Postgres), so this is a page of code rather
//! than an HTTP client with all that one brings.

use std::{error::Error, net::IpAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, StatusCode, Uri,
    body::Bytes,
    client::conn::http1,
    header::{self, HeaderValue},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::AuthError;

type Answer = (StatusCode, Vec<u8>);
type BoxError = Box<dyn Error + Send + Sync>;

/// The most of an answer that is read, in bytes.
pub const MAX_SET: usize = 256 * 1024;

/// Fetches one address, again and again.
pub struct Fetcher {
    /// The address, for messages.
    pub url: String,
    uri: Uri,
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    within: Duration,
}

impl Fetcher {
    /// For an address that keys may be fetched from.
    pub fn new(url: &str, within: Duration) -> Result<Self, AuthError> {
        let address = |why| AuthError::Address { url: url.to_owned(), why };
        let uri: Uri = url.parse().map_err(|_| address("is no address"))?;
        let authority = uri.authority().ok_or_else(|| address("names no host"))?;
        if authority.as_str().contains('@') {
            return Err(AuthError::Address {
                url: "(not shown)".to_owned(),
                why: "holds a password",
            });
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let here = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let (tls, port) = match uri.scheme_str() {
            Some("https") => (Some(tls(url)?), 443),
            Some("http") if here => (None, 80),
            _ => return Err(address("is not https, and not on this machine")),
        };
        let port = authority.port_u16().unwrap_or(port);
        Ok(Self { url: url.to_owned(), host, port, tls, within, uri })
    }

    /// What is there now.
    pub async fn fetch(&self) -> Result<Vec<u8>, AuthError> {
        let failed = |why: String| AuthError::Fetch { url: self.url.clone(), why };
        match timeout(self.within, self.get()).await {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed(format!("no answer within {:?}", self.within))),
        }
    }

    async fn get(&self) -> Result<Vec<u8>, BoxError> {
        let accepted = "application/jwk-set+json, application/json";
        let request = Request::get(self.path()).header(header::ACCEPT, accepted);
        let (status, body) = self.send(request.body(Full::default())?).await?;
        if status != StatusCode::OK {
            return Err(format!("the answer is {status}").into());
        }
        Ok(body)
    }

    /// Posts a text to the address, and returns status and body of the answer.
    pub async fn post(&self, text: String) -> Result<(StatusCode, Vec<u8>), AuthError> {
        let failed = |why: String| AuthError::Fetch { url: self.url.clone(), why };
        let request = Request::post(self.path()).body(Full::from(text));
        let request = request.map_err(|error| failed(error.to_string()))?;
        match timeout(self.within, self.send(request)).await {
            Ok(answer) => answer.map_err(|error| failed(error.to_string())),
            Err(_) => Err(failed(format!("no answer within {:?}", self.within))),
        }
    }

    fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, BoxError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        match &self.tls {
            None => self.ask(stream, request).await,
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone())?;
                self.ask(tls.connect(name, stream).await?, request).await
            }
        }
    }

    async fn ask(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Answer, BoxError> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let host = self.uri.authority().map_or(self.host.as_str(), |it| it.as_str());
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_str(host)?);
        headers.insert(header::USER_AGENT, HeaderValue::from_static("annals"));
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_SET).collect().await?;
        Ok((status, body.to_bytes().into()))
    }
}

/// TLS with the system's roots, or those that `SSL_CERT_FILE` names.
fn tls(url: &str) -> Result<TlsConnector, AuthError> {
    let failed = |why: String| AuthError::Fetch { url: url.to_owned(), why };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(failed("this system has no root certificates (ca-certificates)".to_owned()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fetched_over_tls_or_from_this_machine() {
        let new = |url| Fetcher::new(url, Duration::from_secs(1));
        for good in [
            "http://localhost:9999/auth/v1/.well-known/jwks.json",
            "http://127.0.0.1/jwks.json",
            "http://[::1]:80/",
        ] {
            assert!(new(good).is_ok(), "{good}");
        }
        for bad in [
            "http://keys.example.org/jwks.json",
            "http://127.0.0.1.example.org/",
            "ftp://localhost/",
            "file:///etc/passwd",
            "/jwks.json",
            "",
        ] {
            assert!(new(bad).is_err(), "{bad}");
        }
        let error = new("https://ada:lovelace@example.org/").err().unwrap().to_string();
        assert!(!error.contains("lovelace"), "{error}");
    }
}
