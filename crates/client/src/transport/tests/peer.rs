//! Servers for the transport's tests: hyper's own where a server is to behave, literal bytes
//! where it is not.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::HandshakeKind;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// A certificate for `localhost` that nobody else trusts.
pub(super) struct Ca {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Alpn {
    Both,
    Http1,
    Http2,
}

impl Ca {
    pub(super) fn new() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        Self { certificate: cert.der().clone(), key }
    }

    pub(super) fn client_config(&self) -> rustls::ClientConfig {
        rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots())
            .with_no_client_auth()
    }

    /// The same for a client that shows this certificate.
    pub(super) fn client_config_of(&self, client: &Self) -> rustls::ClientConfig {
        rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots())
            .with_client_auth_cert(vec![client.certificate.clone()], client.key.clone_key())
            .unwrap()
    }

    fn roots(&self) -> rustls::RootCertStore {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        roots
    }

    fn acceptor(&self, alpn: Alpn) -> TlsAcceptor {
        self.acceptor_of(alpn, None)
    }

    /// Takes all clients, or those alone that show this certificate.
    fn acceptor_of(&self, alpn: Alpn, client: Option<&Self>) -> TlsAcceptor {
        let verifier = client.map(|client| {
            WebPkiClientVerifier::builder_with_provider(Arc::new(client.roots()), provider())
                .build()
                .unwrap()
        });
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(
                verifier.unwrap_or_else(WebPkiClientVerifier::no_client_auth),
            )
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .unwrap();
        config.alpn_protocols = match alpn {
            Alpn::Both => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Alpn::Http1 => vec![b"http/1.1".to_vec()],
            Alpn::Http2 => vec![b"h2".to_vec()],
        };
        TlsAcceptor::from(Arc::new(config))
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A server on a port of its own; its tasks end with the test's runtime.
pub(super) struct Peer {
    address: SocketAddr,
    scheme: &'static str,
    connections: Arc<AtomicUsize>,
    /// TLS sessions that went on from an earlier one.
    resumed: Arc<AtomicUsize>,
    dropped: UnboundedReceiver<()>,
    closed: Mutex<mpsc::Receiver<()>>,
}

impl Peer {
    /// Answers with the version of the request.
    pub(super) async fn echo_version(tls: Option<(&Ca, Alpn)>) -> Self {
        Self::serve(tls.map(|(ca, alpn)| ca.acceptor(alpn)), |request, _| version(&request)).await
    }

    /// The same for clients that show this certificate.
    pub(super) async fn echo_version_to(ca: &Ca, client: &Ca) -> Self {
        Self::serve(Some(ca.acceptor_of(Alpn::Both, Some(client))), |request, _| version(&request))
            .await
    }

    /// Answers with one piece of a body that never ends.
    pub(super) async fn endless(ca: &Ca, alpn: Alpn) -> Self {
        Self::serve(Some(ca.acceptor(alpn)), |_, dropped| {
            Response::new(TestBody::Endless { sent: false, dropped })
        })
        .await
    }

    /// Sends `answer` as soon as something was received, and closes.
    pub(super) async fn raw(answer: &[u8]) -> Self {
        Self::literal(answer, false).await
    }

    /// Sends `answer` and resets the connection.
    pub(super) async fn resetting(answer: &[u8]) -> Self {
        Self::literal(answer, true).await
    }

    /// An HTTP/2 server that answers the first request with literal frames and closes.
    pub(super) async fn frames(ca: &Ca, frames: Frames) -> Self {
        let acceptor = ca.acceptor(Alpn::Http2);
        Self::listen("https", move |stream| {
            let (acceptor, frames) = (acceptor.clone(), frames.0.clone());
            async move {
                let mut stream = acceptor.accept(stream).await.unwrap();
                stream.write_all(SETTINGS).await.unwrap();
                read_request(&mut stream).await;
                stream.write_all(&frames).await.unwrap();
                stream.shutdown().await.unwrap();
                drain(&mut stream).await;
            }
        })
        .await
    }

    /// An HTTP/2 server that sends a head and then nothing more, not even to a ping.
    pub(super) async fn mute(ca: &Ca) -> Self {
        let acceptor = ca.acceptor(Alpn::Http2);
        Self::listen("https", move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await.unwrap();
                stream.write_all(SETTINGS).await.unwrap();
                read_request(&mut stream).await;
                stream.write_all(&Frames::new().headers(1).0).await.unwrap();
                drain(&mut stream).await;
            }
        })
        .await
    }

    /// Reads, and says nothing.
    pub(super) async fn silent() -> Self {
        Self::listen("https", |mut stream| async move { drain(&mut stream).await }).await
    }

    /// Answers one request per connection and closes it although it promised to keep it.
    pub(super) async fn closing_when_idle() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = Self::at(listener.local_addr().unwrap(), "http");
        let (tell, closed) = mpsc::channel();
        peer.closed = Mutex::new(closed);
        let connections = Arc::clone(&peer.connections);
        // A thread, so that the close does not depend on the runtime under test.
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                connections.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 4096];
                if stream.read(&mut request).is_err() {
                    continue;
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                drop(stream);
                if tell.send(()).is_err() {
                    return;
                }
            }
        });
        peer
    }

    /// Closes the first connection without reading, and answers on the others.
    pub(super) async fn closing_the_first() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = Self::at(listener.local_addr().unwrap(), "http");
        let (tell, closed) = mpsc::channel();
        peer.closed = Mutex::new(closed);
        let connections = Arc::clone(&peer.connections);
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let is_first = connections.fetch_add(1, Ordering::SeqCst) == 0;
                if !is_first && stream.read(&mut [0; 4096]).is_ok() {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                }
                drop(stream);
                if tell.send(()).is_err() {
                    return;
                }
            }
        });
        peer
    }

    /// Sends [`FLOOD_BYTES`]; tells how many it could send when nobody read for a while.
    pub(super) fn flood() -> (String, oneshot::Receiver<usize>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (tell, blocked) = oneshot::channel();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let piece = [b'x'; 64 << 10];
            let mut sent = 0;
            while sent < FLOOD_BYTES {
                match stream.write(&piece) {
                    Ok(written) => sent += written,
                    Err(_) => break,
                }
            }
            let _ = tell.send(sent);
        });
        (url, blocked)
    }

    pub(super) fn url(&self, host: &str) -> String {
        format!("{}://{host}:{}/v1/messages", self.scheme, self.address.port())
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// TLS sessions that went on from an earlier one.
    pub(super) fn resumed(&self) -> usize {
        self.resumed.load(Ordering::SeqCst)
    }

    /// Waits until the server saw that nobody wants its response.
    pub(super) async fn body_dropped(&mut self) {
        self.dropped.recv().await.unwrap();
    }

    /// Blocks until the server closed a connection.
    pub(super) fn closed(&self) {
        self.closed.lock().unwrap().recv().unwrap();
    }

    async fn literal(answer: &[u8], reset: bool) -> Self {
        let answer = answer.to_vec();
        Self::listen("http", move |mut stream| {
            let answer = answer.clone();
            async move {
                let mut first = [0; 4096];
                if stream.read(&mut first).await.is_err() {
                    return;
                }
                stream.write_all(&answer).await.unwrap();
                if reset {
                    stream.set_zero_linger().unwrap();
                } else {
                    stream.shutdown().await.unwrap();
                    drain(&mut stream).await;
                }
            }
        })
        .await
    }

    async fn serve(
        acceptor: Option<TlsAcceptor>,
        answer: fn(Request<Incoming>, Dropped) -> Response<TestBody>,
    ) -> Self {
        let (tell, dropped) = unbounded_channel();
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let resumed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&resumed);
        let mut peer = Self::listen(scheme, move |stream| {
            let (acceptor, tell, count) = (acceptor.clone(), tell.clone(), Arc::clone(&count));
            async move {
                match acceptor {
                    None => converse(stream, answer, tell).await,
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            let kind = stream.get_ref().1.handshake_kind();
                            let is_resumed = kind == Some(HandshakeKind::Resumed);
                            count.fetch_add(usize::from(is_resumed), Ordering::SeqCst);
                            converse(stream, answer, tell).await;
                        }
                    }
                }
            }
        })
        .await;
        (peer.dropped, peer.resumed) = (dropped, resumed);
        peer
    }

    async fn listen<F>(
        scheme: &'static str,
        talk: impl Fn(tokio::net::TcpStream) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = Self::at(listener.local_addr().unwrap(), scheme);
        let connections = Arc::clone(&peer.connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(talk(stream));
            }
        });
        peer
    }

    fn at(address: SocketAddr, scheme: &'static str) -> Self {
        let (_, dropped) = unbounded_channel();
        let (_, closed) = mpsc::channel();
        Self {
            address,
            scheme,
            connections: Arc::default(),
            resumed: Arc::default(),
            dropped,
            closed: Mutex::new(closed),
        }
    }
}

fn version(request: &Request<Incoming>) -> Response<TestBody> {
    Response::new(TestBody::Whole(Full::new(Bytes::from(format!("{:?}", request.version())))))
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    answer: fn(Request<Incoming>, Dropped) -> Response<TestBody>,
    tell: UnboundedSender<()>,
) {
    let service = service_fn(move |request| {
        let response = answer(request, Dropped(tell.clone()));
        async move { Ok::<_, Infallible>(response) }
    });
    // An error is the client going away, which is what some tests do.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn drain(stream: &mut (impl AsyncRead + Unpin)) {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}

/// More than all buffers of a loopback connection hold.
pub(super) const FLOOD_BYTES: usize = 64 << 20;

/// Tells when it is dropped.
struct Dropped(UnboundedSender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

enum TestBody {
    Whole(Full<Bytes>),
    Endless {
        sent: bool,
        #[expect(dead_code, reason = "it acts when dropped")]
        dropped: Dropped,
    },
}

impl Body for TestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(body) => Pin::new(body).poll_frame(cx),
            Self::Endless { sent: true, .. } => Poll::Pending,
            Self::Endless { sent, .. } => {
                *sent = true;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
            }
        }
    }
}

/// HTTP/2 frames as bytes.
#[derive(Clone, Debug)]
pub(super) struct Frames(Vec<u8>);

impl Frames {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn go_away(self, last_stream: u32, code: u32) -> Self {
        let payload = [last_stream.to_be_bytes(), code.to_be_bytes()].concat();
        self.frame(7, 0, 0, &payload)
    }

    pub(super) fn reset(self, stream: u32, code: u32) -> Self {
        self.frame(3, 0, stream, &code.to_be_bytes())
    }

    /// A head with status 200 (entry 8 of HPACK's static table).
    pub(super) fn headers(self, stream: u32) -> Self {
        self.frame(1, END_HEADERS, stream, &[0x88])
    }

    /// The same with so many times `accept-encoding: gzip, deflate` (entry 16), each of which counts as 60
    /// bytes (RFC 9113, 6.5.2).
    pub(super) fn headers_with(self, stream: u32, fields: usize) -> Self {
        self.frame(1, END_HEADERS, stream, &[&[0x88], &*vec![0x90; fields]].concat())
    }

    /// The end of a body.
    pub(super) fn data(self, stream: u32, bytes: &[u8]) -> Self {
        self.frame(0, END_STREAM, stream, bytes)
    }

    /// A connection error of type `PROTOCOL_ERROR`.
    pub(super) fn data_of_stream_0(self) -> Self {
        self.frame(0, 0, 0, b"x")
    }

    fn frame(mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Self {
        let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
        self.0.extend_from_slice(&len[1..]);
        self.0.extend_from_slice(&[kind, flags]);
        self.0.extend_from_slice(&stream.to_be_bytes());
        self.0.extend_from_slice(payload);
        self
    }
}

const END_HEADERS: u8 = 4;
const END_STREAM: u8 = 1;
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
const PREFACE_BYTES: usize = 24;
const HEADERS: u8 = 1;

/// Reads the preface and frames until a request came.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) {
    let mut preface = [0; PREFACE_BYTES];
    stream.read_exact(&mut preface).await.unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        stream.read_exact(&mut vec![0; len]).await.unwrap();
        if head[3] == HEADERS {
            return;
        }
    }
}
