//! Settings that no other test would miss.

use client::retry_policy::GiveUp;
use client::{
    Break, Cause, Client, Endpoint, GoOn, Instruction, Limits, Nanos, Profile, SeamLabel,
    SeamPolicy, Secret, StopReason, Timeouts,
};
use mock_provider::{Config, Seam};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::rig::{PROMPT, ROUTES, builder, collect, hasty, in_order, mock, mock_with, request};

#[tokio::test]
async fn a_hint_with_a_date_is_measured_against_this_clock_when_the_server_has_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n";
        let hint = "retry-after: Fri, 31 Dec 2100 23:59:59 GMT\r\n\r\n";
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        stream.write_all([head, hint].concat().as_bytes()).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await
    });
    let endpoint = Endpoint::new(&url, Profile::ANTHROPIC).unwrap();
    let client = Client::builder().endpoint(endpoint).policy(hasty()).build().unwrap();
    let seen = collect(&mut client.stream(request(ROUTES[0].1)).await.unwrap()).await;
    let error = seen.end.unwrap_err();
    let Some(Cause::GaveUp { reason: GiveUp::HintTooLong { after }, .. }) = error.cause() else {
        panic!("{error:?}")
    };
    assert!(after.as_secs() > 365 * 86_400);
    drop(client);
    server.abort();
}

#[tokio::test]
async fn a_response_beyond_its_limit_is_incomplete() {
    let mock = mock("").await;
    let limits = Limits { text_bytes: 100, ..Limits::default() };
    let client = builder(&mock, ROUTES[0].0).limits(limits).build().unwrap();
    let seen = collect(&mut client.stream(request(ROUTES[0].1)).await.unwrap()).await;
    assert_eq!(seen.end.unwrap_err().cause(), Some(&Cause::TooLarge));
    assert!(seen.text.len() <= 100);
}

#[tokio::test]
async fn a_stall_is_healed_after_the_time_that_was_given() {
    let mock = mock("stall@20,ok").await;
    let timeouts = Timeouts { bytes: Nanos::from_millis(50), ..Timeouts::default() };
    let client = builder(&mock, ROUTES[0].0).timeouts(timeouts).build().unwrap();
    let seen = collect(&mut client.stream(request(ROUTES[0].1)).await.unwrap()).await;
    assert_eq!(seen.text, mock.text_for(PROMPT));
    let attempt = &seen.end.unwrap().attempts[0];
    assert_eq!(attempt.cause, Some(Cause::ByteTimeout));
    assert!(attempt.ended.saturating_sub(attempt.began) < Nanos::from_secs(30));
}

#[tokio::test]
async fn a_seam_that_nothing_verifies_is_accepted_or_refused_as_asked() {
    let (profile, model) = ROUTES[2];
    for policy in [SeamPolicy::AcceptUnverified, SeamPolicy::RefuseUnverified] {
        let config =
            Config { faults: in_order("rst@20"), seam: Seam::Divergent, ..Config::default() };
        let mock = mock_with(config).await;
        let client = builder(&mock, profile).seams(policy).build().unwrap();
        let seen = collect(&mut client.stream(request(model)).await.unwrap()).await;
        if policy == SeamPolicy::AcceptUnverified {
            assert_eq!(seen.seams[0].label, SeamLabel::None);
            seen.end.unwrap();
        } else {
            assert!(mock.text_for(PROMPT).starts_with(&seen.text));
            assert_eq!(seen.end.unwrap_err().cause(), Some(&Cause::SeamUnverified));
        }
    }
}

#[tokio::test]
async fn the_callers_roots_decide_whom_to_trust() {
    let mock = mock("rst@20,ok").await;
    let (front, roots) = tls_front(mock.addr()).await;
    let url = format!("https://localhost:{}", front.port());
    let endpoint = Endpoint::new(&url, Profile::ANTHROPIC).unwrap().key(Secret::new("k"));
    let builder = Client::builder().endpoint(endpoint).policy(hasty());

    let stranger = builder.clone().build().unwrap();
    let seen = collect(&mut stranger.stream(request(ROUTES[0].1)).await.unwrap()).await;
    assert_eq!(seen.end.unwrap_err().cause(), Some(&Cause::Broke(Break::Certificate)));

    let client = builder.tls_config(roots).build().unwrap();
    let seen = collect(&mut client.stream(request(ROUTES[0].1)).await.unwrap()).await;
    seen.end.unwrap();
    assert_eq!(seen.text, mock.text_for(PROMPT));
}

/// TLS in front of a plain server, and a configuration that trusts it.
async fn tls_front(plain: SocketAddr) -> (SocketAddr, rustls::ClientConfig) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a server configuration");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(forward(listener, TlsAcceptor::from(Arc::new(server)), plain));
    (address, trusting(cert.der().clone(), provider))
}

async fn forward(listener: TcpListener, acceptor: TlsAcceptor, plain: SocketAddr) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            if let Ok(mut tls) = acceptor.accept(stream).await
                && let Ok(mut server) = TcpStream::connect(plain).await
            {
                // Either side may reset the connection; that is what it is for.
                let _ = copy_bidirectional(&mut tls, &mut server).await;
            }
        });
    }
}

fn trusting(
    certificate: CertificateDer<'static>,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).expect("a certificate");
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[tokio::test]
async fn a_model_is_asked_to_go_on_in_the_callers_words() {
    for (words, label) in [
        ("Bitte weiter nach «{fragment}», dieses Stück noch einmal.", SeamLabel::Anchored),
        ("Bitte weiter nach {fragment}", SeamLabel::None),
    ] {
        // The model repeats what stands between marks.
        let faults = in_order("rst@60");
        let mock = mock_with(Config { faults, seam: Seam::Echo, ..Config::default() }).await;
        let instruction = Instruction::new(words).unwrap();
        let (profile, model) = ROUTES[1];
        let client = builder(&mock, profile).instruction(instruction).build().unwrap();
        let seen = collect(&mut client.stream(request(model)).await.unwrap()).await;
        assert_eq!(seen.text, mock.text_for(PROMPT), "{words}");
        assert_eq!(seen.seams[0].label, label, "{words}");
    }
}

#[tokio::test]
async fn a_paused_turn_goes_on_where_the_caller_wants_it_and_is_told_where_it_cannot() {
    let go_on = GoOn { after_pause: true, ..GoOn::default() };
    for (script, go_on, requests, whole) in [
        ("pause@20,ok", go_on, 2, true),
        ("pause@20,rst@0,pause@15,ok", go_on, 4, true),
        ("pause@20,400", go_on, 2, false),
        ("pause@20,ok", GoOn::default(), 1, false),
    ] {
        let mock = mock(script).await;
        let (profile, model) = ROUTES[0];
        let client = builder(&mock, profile).go_on(go_on).build().unwrap();
        let seen = collect(&mut client.stream(request(model)).await.unwrap()).await;
        let summary = seen.end.expect("the provider finished");
        let text = mock.text_for(PROMPT);
        assert_eq!(
            (mock.ledger().requests.len(), seen.text == text),
            (requests, whole),
            "{script}"
        );
        assert!(text.starts_with(&seen.text) && !seen.text.is_empty());
        assert_eq!(summary.stop == Some(StopReason::PauseTurn), !whole, "{script}");
        assert_eq!(summary.not_gone_on.is_some(), script.ends_with("400"), "{script}");
    }
}
