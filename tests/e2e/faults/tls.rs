//! TLS servers for the rows that need one: HTTP/1.1 behind handshakes that fail, and raw streams
//! for HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::peer::drain;

/// A certificate for `localhost` that is trusted by those alone who are given it.
pub(crate) struct Tls {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

/// A server that counts; its tasks end with the test's runtime.
pub(crate) struct TlsPeer {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    /// Relayed connections that are over.
    over: Arc<Notify>,
}

impl TlsPeer {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// Waits for the end of a connection that is relayed.
    pub(crate) async fn closed(&self) {
        self.over.notified().await;
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// What becomes of a connection before its handshake.
#[derive(Clone, Copy)]
enum Greeting {
    HangUp,
    Silence,
}

impl Tls {
    pub(crate) fn new() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
        Self { certificate: cert.der().clone(), key }
    }

    /// What a client needs to trust it.
    pub(crate) fn trusting(&self) -> rustls::ClientConfig {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("a certificate");
        rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    /// Answers the first request of each connection with an event stream over HTTP/1.1.
    pub(crate) async fn serve(&self, body: &str) -> TlsPeer {
        self.greet(0, Greeting::HangUp, body).await
    }

    /// [`serve`](Self::serve), after so many connections that are closed within the handshake.
    pub(crate) async fn serve_after_hanging_up(&self, times: usize, body: &str) -> TlsPeer {
        self.greet(times, Greeting::HangUp, body).await
    }

    /// [`serve`](Self::serve), after so many connections that are accepted and left alone.
    pub(crate) async fn serve_after_silence(&self, times: usize, body: &str) -> TlsPeer {
        self.greet(times, Greeting::Silence, body).await
    }

    /// A server of HTTP/2 of which each connection is handled by `talk`, with its number from 1.
    pub(crate) async fn serve_h2<F>(
        &self,
        talk: impl Fn(TlsStream<TcpStream>, usize) -> F + Send + 'static,
    ) -> TlsPeer
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let acceptor = self.acceptor(b"h2");
        let (peer, listener) = TlsPeer::bind().await;
        let connections = Arc::clone(&peer.connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = connections.fetch_add(1, Ordering::SeqCst) + 1;
                if let Ok(stream) = acceptor.accept(stream).await {
                    tokio::spawn(talk(stream, number));
                }
            }
        });
        peer
    }

    async fn greet(&self, times: usize, greeting: Greeting, body: &str) -> TlsPeer {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
        let answer = format!("{head}connection: close\r\n\r\n{body}").into_bytes();
        let acceptor = self.acceptor(b"http/1.1");
        let (peer, listener) = TlsPeer::bind().await;
        let (connections, requests) = (Arc::clone(&peer.connections), Arc::clone(&peer.requests));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let number = connections.fetch_add(1, Ordering::SeqCst) + 1;
                let (acceptor, requests) = (acceptor.clone(), Arc::clone(&requests));
                let answer = answer.clone();
                tokio::spawn(async move {
                    match greeting {
                        Greeting::HangUp if number <= times => drop(stream),
                        Greeting::Silence if number <= times => drain(&mut stream).await,
                        _ => talk(acceptor, stream, &requests, &answer).await,
                    }
                });
            }
        });
        peer
    }

    /// Takes the TLS off what is for the server at `target`.
    pub(crate) async fn relay(&self, target: SocketAddr) -> TlsPeer {
        let acceptor = self.acceptor(b"http/1.1");
        let (peer, listener) = TlsPeer::bind().await;
        let over = Arc::clone(&peer.over);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, over) = (acceptor.clone(), Arc::clone(&over));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut server = TcpStream::connect(target).await.expect("it is there");
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
                    over.notify_one();
                });
            }
        });
        peer
    }

    fn acceptor(&self, protocol: &[u8]) -> TlsAcceptor {
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .expect("a server configuration");
        config.alpn_protocols = vec![protocol.to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

impl TlsPeer {
    async fn bind() -> (Self, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let peer = Self {
            address,
            connections: Arc::default(),
            requests: Arc::default(),
            over: Arc::default(),
        };
        (peer, listener)
    }
}

/// One handshake, one request, one answer.
async fn talk(acceptor: TlsAcceptor, stream: TcpStream, requests: &AtomicUsize, answer: &[u8]) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    // The requests here fit into one record.
    if stream.read(&mut [0; 16 << 10]).await.is_ok_and(|bytes| bytes > 0) {
        requests.fetch_add(1, Ordering::SeqCst);
        let _ = stream.write_all(answer).await;
        let _ = stream.shutdown().await;
        drain(&mut stream).await;
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
