//! What a transport error means for the engine. Decided by types, never by wording.

use hyper_util::client::legacy;
use resume::Break;
use std::error::Error as StdError;
use std::io;

use super::resolver::Unresolved;
use crate::proxy::ProxyFailure;

/// How an exchange failed before its response began.
pub(crate) fn before_head(error: &legacy::Error) -> Break {
    if error.is_connect() {
        return connecting(error);
    }
    chain(error).find_map(|error| unsent(error).or_else(|| broken(error))).unwrap_or(Break::Reset)
}

/// How an exchange failed inside its response.
pub(crate) fn in_body(error: &hyper::Error) -> Break {
    chain(error).find_map(broken).unwrap_or(Break::Reset)
}

/// The proxy that was in the way.
pub(crate) fn of_proxy(error: &legacy::Error) -> Option<ProxyFailure> {
    chain(error).find_map(|error| error.downcast_ref::<ProxyFailure>().cloned())
}

/// Whether a failure to connect is one that is named by itself, whoever was connected to.
pub(crate) fn has_own_name(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|error| {
        let tls = error.downcast_ref::<rustls::Error>();
        error.is::<Unresolved>() || tls.is_some_and(|error| handshake(error) == Break::Certificate)
    })
}

fn connecting(error: &legacy::Error) -> Break {
    let found = chain(error).find_map(|error| {
        if let Some(failure) = error.downcast_ref::<ProxyFailure>() {
            let is_final = failure.is_final();
            return Some(if is_final { Break::ProxyRefused } else { Break::ProxyFailed });
        }
        if let Some(error) = error.downcast_ref::<Unresolved>() {
            return Some(if error.is_unknown { Break::UnknownName } else { Break::Unresolved });
        }
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(handshake(error));
        }
        match error.downcast_ref::<io::Error>()?.kind() {
            io::ErrorKind::ConnectionRefused => Some(Break::Refused),
            // A peer that accepts and then hangs up did so during the handshake.
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Some(Break::Handshake),
            _ => None,
        }
    });
    found.unwrap_or(Break::Unreachable)
}

fn handshake(error: &rustls::Error) -> Break {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            Break::Certificate
        }
        _ => Break::Handshake,
    }
}

/// Proof that the server did not act on the request.
fn unsent(error: &(dyn StdError + 'static)) -> Option<Break> {
    if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled) {
        return Some(Break::NotSent);
    }
    let error = error.downcast_ref::<h2::Error>().filter(|error| error.is_remote())?;
    match error.reason() {
        Some(h2::Reason::ENHANCE_YOUR_CALM) => Some(Break::Calm),
        Some(h2::Reason::REFUSED_STREAM) => Some(Break::NotSent),
        // h2 gives a GOAWAY only to the streams above its last-stream-id (RFC 9113, 6.8).
        _ if error.is_go_away() => Some(Break::NotSent),
        _ => None,
    }
}

fn broken(error: &(dyn StdError + 'static)) -> Option<Break> {
    if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
        return Some(Break::Framing);
    }
    if let Some(error) = error.downcast_ref::<h2::Error>() {
        return match error.reason() {
            Some(h2::Reason::ENHANCE_YOUR_CALM) if error.is_remote() => Some(Break::Calm),
            Some(_) if error.is_library() => Some(Break::Framing),
            _ => Some(Break::Reset),
        };
    }
    match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Some(Break::Framing),
        _ => None,
    }
}

/// An error and its causes. `io::Error` skips the error it wraps when it is asked for its
/// source, so that one is visited as well.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| next(*error)).take(CHAIN_LENGTH_MAX)
}

fn next<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// Errors that are looked at; real chains have about six.
const CHAIN_LENGTH_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_inside_io_errors_are_found() {
        let invalid = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let error = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, invalid));
        let found = chain(&error).find_map(|error| error.downcast_ref::<rustls::Error>());
        assert_eq!(found.map(handshake), Some(Break::Certificate));
    }

    #[test]
    fn a_server_that_speaks_no_tls_is_a_handshake_failure() {
        let error = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        assert_eq!(handshake(&error), Break::Handshake);
    }
}
