//! The WebSocket mode of the Responses wire, as a server speaks it: request after request on one
//! connection, each answered with the events of the stream as messages.

mod frame;
mod handshake;

use std::sync::Arc;

use tokio::sync::watch;

use crate::ask::Ask;
use crate::connection::{After, check_key, facts};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::http::Request;
use crate::json::{self, Value};
use crate::ledger::Ending;
use crate::refusal::Refusal;
use crate::responder::Responder;
use crate::server::Shared;
use crate::socket::{Gone, Socket};
use crate::state::Verdict;
use crate::wire::Wire;

use frame::{BadFrame, Message};
pub(crate) use frame::{close, ping, text, torn};

/// Whether a request asks for a WebSocket.
pub(crate) fn is_asked(request: &Request) -> bool {
    request.method == "GET"
        && request.header("upgrade").is_some()
        && Wire::of_path(request.path()) == Some(Wire::OpenAiResponses)
}

/// Opens a WebSocket and answers what is asked on it until either side ends it.
pub(crate) async fn serve(
    socket: &mut Socket,
    shared: &Arc<Shared>,
    request: &Request,
    outages: &mut watch::Receiver<u64>,
) -> After {
    let wire = Wire::OpenAiResponses;
    let facts = facts(shared, wire, request);
    let refusal = match (check_key(shared, &facts), handshake::opening(request)) {
        (Ok(()), Some(head)) => {
            if socket.write(&head).await.is_err() {
                return After::Close;
            }
            None
        }
        (Err(refusal), _) => Some(refusal),
        (_, None) => Some(Refusal::of_status(400)),
    };
    if let Some(refusal) = refusal {
        let mut responder = Responder { socket, shared, number: 0, wire };
        return responder.refusal(&refusal, Vec::new()).await;
    }
    socket.is_websocket = true;
    let number = shared.state().book.websocket();
    let mut partial = Vec::new();
    loop {
        let message = match next(socket, &mut partial, shared, outages).await {
            Ok(message) => message,
            Err(End::Gone) => return After::Close,
            Err(End::Bad(BadFrame(code))) => {
                let _ = socket.write(&close(code)).await;
                return After::Close;
            }
        };
        let after = match message {
            Message::Text(text) => {
                let _active = shared.begin();
                answer(socket, shared, request, text, number).await
            }
            Message::Ping(payload) => match socket.write(&frame::pong(&payload)).await {
                Ok(()) => After::Keep,
                Err(Gone) => After::Close,
            },
            Message::Pong => After::Keep,
            Message::Close => {
                let _ = socket.write(&close(1000)).await;
                After::Close
            }
        };
        if after != After::Keep {
            return after;
        }
    }
}

/// Why there is no next message.
enum End {
    Gone,
    Bad(BadFrame),
}

async fn next(
    socket: &mut Socket,
    partial: &mut Vec<u8>,
    shared: &Shared,
    outages: &mut watch::Receiver<u64>,
) -> Result<Message, End> {
    loop {
        let bytes_max = shared.config.limits.body_bytes_max;
        match frame::take(socket.parser.buffer(), partial, bytes_max) {
            Ok(Some(message)) => return Ok(message),
            Ok(None) => {}
            Err(bad) => return Err(End::Bad(bad)),
        }
        tokio::select! {
            biased;
            _ = outages.changed() => return Err(End::Gone),
            read = socket.read() => read.map_err(|Gone| End::Gone)?,
        }
    }
}

/// Answers one request; a refusal is a message too.
async fn answer(
    socket: &mut Socket,
    shared: &Arc<Shared>,
    opening: &Request,
    text: Vec<u8>,
    connection: u64,
) -> After {
    let wire = Wire::OpenAiResponses;
    let mut request = opening.clone();
    request.body = text;
    let mut facts = facts(shared, wire, &request);
    facts.websocket = Some(connection);
    let ask = read(&request);
    let (number, verdict) = match &ask {
        Ok(ask) => shared.state().admit(&shared.config, ask, facts),
        Err(refusal) => (shared.state().refuse(facts), Err(refusal.clone())),
    };
    let mut responder = Responder { socket, shared, number, wire };
    match (ask, verdict) {
        (Ok(ask), Ok(Verdict { fault, reply })) => {
            Delivery::new(responder, &ask).run(&reply, &fault).await
        }
        (_, Err(refusal)) | (Err(refusal), _) => {
            responder.end(Ending::Rejected);
            responder.refusal(&refusal, Vec::new()).await
        }
    }
}

/// A request as it is said on a socket: `response.create` with the members of the body, of which
/// `stream` and `background` are none.
fn read(request: &Request) -> Result<Ask, Refusal> {
    let previous = json::read(&request.body).ok();
    let previous = previous.as_ref().and_then(|body| body.member("previous_response_id"));
    if previous.is_some_and(|previous| *previous != Value::Null) {
        return Err(Refusal::of_socket(&Fault::PreviousLost));
    }
    let mut ask = Ask::read(Wire::OpenAiResponses, request)?;
    let kind = ask.fields.iter().find(|(name, _)| name == "type").map(|(_, value)| value.as_str());
    if kind != Some(Some("response.create")) {
        return Err(Refusal::invalid("type: must be response.create"));
    }
    if ask.create.streams || ask.create.background {
        return Err(Refusal::invalid("stream, background: not supported on a WebSocket"));
    }
    ask.fields.retain(|(name, _)| name != "type");
    ask.create.streams = true;
    Ok(ask)
}
