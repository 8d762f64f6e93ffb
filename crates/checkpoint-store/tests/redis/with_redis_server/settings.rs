//! Servers that are set up in other ways: another protocol, other names of commands, users with few
//! rights, TLS.

use std::path::Path;
use std::process::Command;

use checkpoint_store::conformance::crash::{Directory, store};
use checkpoint_store::conformance::run;
use checkpoint_store::{Backend, ErrorKind, Level, RedisBackend, Store, StreamId};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::{connect, options};
use crate::server::Server;

/// In the process that trusts the authority of the server: its URL.
const TRUSTING: &str = "CHECKPOINT_STORE_TLS_URL";

/// The life of a stream, every call of the backend in it.
fn live(store: &Store) {
    let id = StreamId::new("s").expect("valid");
    let mut writer = run(store.create(&id)).expect("created");
    let seq = writer.append(&[b"record"]).expect("appended");
    run(writer.durable_at_least(seq)).expect("durable");
    let over = writer.epoch();
    let writer = run(store.take_over(&id, over)).expect("taken over");
    assert_eq!(run(store.read(&id, None, 100)).expect("it reads").len(), 1);
    assert_eq!(run(store.list(None)).expect("listed").streams.len(), 1);
    run(writer.close()).expect("closed");
    run(store.compact(&id, b"folded")).expect("compacted");
    assert!(run(store.snapshot(&id)).expect("it reads").is_some());
    run(store.sweep()).expect("swept");
    run(store.delete(&id)).expect("deleted");
}

#[test]
fn the_newer_protocol_has_the_same_level_and_answers() {
    let directory = Directory::new();
    let server = Server::appending(directory.path(), "always");
    let store = store(connect(&format!("{}?protocol=resp3", server.url())));
    assert_eq!(store.level(), Level::Disk);
    live(&store);
}

#[test]
fn a_server_that_quotes_the_password_is_not_repeated() {
    for (command, flags) in [("HELLO", "?protocol=resp3&pass=hunter2"), ("AUTH", "?pass=hunter2")] {
        let directory = Directory::new();
        let settings = ["--requirepass", "hunter2", "--rename-command", command, ""];
        let server = Server::start(directory.path(), &settings, |_| ());
        let url = format!("{}{flags}", server.url());
        let error = RedisBackend::connect(&url, options()).expect_err("no way to log in");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn a_user_needs_few_rights() {
    let directory = Directory::new();
    let server = Server::appending(directory.path(), "always");
    let set = |rights: &str| {
        let command = format!("ACL SETUSER u reset on >pw {rights}");
        assert_eq!(server.ask(&command).expect("answered"), "+OK");
    };
    let url = format!("{}?user=u&pass=pw", server.url());
    // Without the right to look at the settings a server is worth what the weakest are.
    set("~{unbroken}* +@read +@write +@scripting +info +time");
    let store = store(connect(&url));
    assert_eq!(store.level(), Level::Memory);
    live(&store);
    set("~{other}* +@read +@write +@scripting +info +time");
    let refused = RedisBackend::connect(&url, options()).expect_err("other keys");
    assert_eq!(refused.kind(), ErrorKind::Io);
}

/// An authority, and a server's certificate of it, as files.
fn certify(directory: &Path) {
    let write = |name: &str, text: String| {
        std::fs::write(directory.join(name), text).expect("written");
    };
    let key = || KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = key();
    let authority = params.self_signed(&authority_key).expect("signed");
    write("authority.pem", authority.pem());
    let issuer = Issuer::new(params, authority_key);
    let server_key = key();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    write("server.pem", server.signed_by(&server_key, &issuer).expect("signed").pem());
    write("server.key", server_key.serialize_pem());
}

/// Makes a server listen with TLS; its URL.
fn listen_with_tls(server: &Server, directory: &Path) -> String {
    let file = |name: &str| directory.join(name).display().to_string();
    let (pem, key, authority) = (file("server.pem"), file("server.key"), file("authority.pem"));
    let set = |settings: &str| {
        let answer = server.ask(&format!("CONFIG SET {settings}")).expect("answered");
        assert_eq!(answer, "+OK", "{settings}");
    };
    set("tls-auth-clients no");
    set(&format!("tls-ca-cert-file {authority} tls-cert-file {pem} tls-key-file {key}"));
    let port = super::outages::free_port("tls-port", server);
    format!("rediss://localhost:{port}")
}

#[test]
fn tls_works_with_an_authority_that_is_trusted_and_with_no_other() {
    if let Some(url) = std::env::var_os(TRUSTING) {
        return live(&store(connect(url.to_str().expect("text"))));
    }
    let directory = Directory::new();
    certify(directory.path());
    let server = Server::appending(directory.path(), "no");
    let url = listen_with_tls(&server, directory.path());
    let distrusted = RedisBackend::connect(&url, options()).expect_err("nobody vouches for it");
    assert_eq!(distrusted.kind(), ErrorKind::Io, "{distrusted:?}");

    let test =
        concat!(module_path!(), "::tls_works_with_an_authority_that_is_trusted_and_with_no_other");
    let name = test.split_once("::").map_or(test, |(_, name)| name);
    let mut trusting = Command::new(std::env::current_exe().expect("this binary"));
    trusting.args(["--exact", name]).env(TRUSTING, &url);
    trusting.env("SSL_CERT_FILE", directory.path().join("authority.pem"));
    let output = trusting.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "it ran");
}

#[test]
fn nothing_is_synced_while_the_file_is_rewritten_where_the_server_is_told_so() {
    let directory = Directory::new();
    let settings =
        ["--appendonly", "yes", "--appendfsync", "always", "--no-appendfsync-on-rewrite", "yes"];
    let server = Server::start(directory.path(), &settings, |_| ());
    assert_eq!(connect(&server.url()).caps().level, Level::Process);
}
