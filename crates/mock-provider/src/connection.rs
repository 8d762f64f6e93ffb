//! One connection: request after request until either side ends it.
//! Routes and checks requests; streams are sent by `delivery`.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::ask::{Ask, carries_key, given_key};
use crate::call::Call;
use crate::control;
use crate::delivery::Delivery;
use crate::http::{Request, RequestError};
use crate::ledger::{Authorization, Ending};
use crate::refusal::Refusal;
use crate::responder::Responder;
use crate::retrieval;
use crate::server::Shared;
use crate::socket::{Gone, Socket};
use crate::state::{Facts, Verdict};
use crate::websocket;
use crate::wire::Wire;

/// What becomes of a connection after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Keep,
    Close,
    Reset,
}

/// Serves one connection until it ends.
pub(crate) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let mut outages = shared.watch_outages();
    let mut socket = Socket::new(stream, &shared.config.limits);
    loop {
        let request = match next_request(&mut socket, &mut outages).await {
            Ok(Ok(request)) => request,
            Ok(Err(error)) => {
                let _ = refuse_unread(&mut socket, &shared, error).await;
                return socket.close().await;
            }
            Err(Gone) => return socket.close().await,
        };
        let keeps_alive = request.keeps_alive();
        if websocket::is_asked(&request) {
            return match websocket::serve(&mut socket, &shared, &request, &mut outages).await {
                After::Reset => socket.reset(),
                After::Keep | After::Close => socket.close().await,
            };
        }
        let active = shared.begin();
        let after = answer(&mut socket, &shared, &request).await;
        // The last byte of a break is sent before the request counts as answered.
        match after {
            After::Keep if keeps_alive => drop(active),
            After::Keep | After::Close => return socket.close().await,
            After::Reset => return socket.reset(),
        }
    }
}

/// The next request, or why what came is none. Idle connections end with an outage.
async fn next_request(
    socket: &mut Socket,
    outages: &mut watch::Receiver<u64>,
) -> Result<Result<Request, RequestError>, Gone> {
    let mut deadline = None;
    loop {
        match socket.parser.next() {
            Ok(Some(request)) => return Ok(Ok(request)),
            Ok(None) => {}
            Err(error) => return Ok(Err(error)),
        }
        if socket.parser.take_expectation() {
            socket.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        if socket.parser.is_idle() {
            tokio::select! {
                biased;
                _ = outages.changed() => return Err(Gone),
                read = socket.read() => read?,
            }
        } else {
            let deadline = *deadline.get_or_insert(Instant::now() + socket.hold_max());
            timeout_at(deadline, socket.read()).await.map_err(|_| Gone)??;
        }
    }
}

async fn answer(socket: &mut Socket, shared: &Arc<Shared>, request: &Request) -> After {
    if let Some(page) = control::page(shared, request) {
        let mut responder = Responder { socket, shared, number: 0, wire: Wire::OpenAiChat };
        return responder.page(200, page.content_type, page.body.as_bytes(), Vec::new()).await;
    }
    if let Some(call) = Call::of(request) {
        return retrieval::answer(socket, shared, request, call).await;
    }
    let Some(wire) = Wire::of_path(request.path()) else {
        let mut responder = Responder { socket, shared, number: 0, wire: Wire::OpenAiChat };
        return responder.refusal(&Refusal::of_status(404), Vec::new()).await;
    };
    if request.method != "POST" {
        let mut responder = Responder { socket, shared, number: 0, wire };
        return responder.refusal(&Refusal::of_status(405), Vec::new()).await;
    }
    let facts = facts(shared, wire, request);
    let ask = check_key(shared, &facts).and_then(|()| Ask::read(wire, request));
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

/// Whether the key is one that is taken.
pub(crate) fn check_key(shared: &Shared, facts: &Facts) -> Result<(), Refusal> {
    match facts.authorization {
        Authorization::Accepted | Authorization::Unchecked => Ok(()),
        Authorization::Absent if shared.config.api_key.is_none() => Ok(()),
        // Google says so with another status.
        Authorization::Absent | Authorization::Rejected if facts.wire == Wire::Gemini => {
            Err(Refusal::unknown_key())
        }
        Authorization::Absent | Authorization::Rejected => Err(Refusal::bad_key()),
    }
}

pub(crate) fn facts(shared: &Shared, wire: Wire, request: &Request) -> Facts {
    let authorization = match &shared.config.api_key {
        _ if given_key(request).is_none() => Authorization::Absent,
        None => Authorization::Unchecked,
        Some(key) if carries_key(request, key) => Authorization::Accepted,
        Some(_) => Authorization::Rejected,
    };
    Facts {
        at: shared.now(),
        wire,
        path: request.path().to_owned(),
        idempotency_key: request.header("idempotency-key").map(str::to_owned),
        authorization,
        body_bytes: request.body.len(),
        websocket: None,
    }
}

/// Answers bytes that are no request; the connection ends after it.
async fn refuse_unread(
    socket: &mut Socket,
    shared: &Arc<Shared>,
    error: RequestError,
) -> Result<(), Gone> {
    let status = match error {
        RequestError::HeadTooLarge => 431,
        RequestError::BodyTooLarge => 413,
        RequestError::Malformed => 400,
    };
    let mut responder = Responder { socket, shared, number: 0, wire: Wire::OpenAiChat };
    responder.refusal(&Refusal::of_status(status), Vec::new()).await;
    // What is still arriving is read away, so that the answer is not lost to a reset.
    let until = Instant::now() + UNREAD_PAUSE;
    while let Ok(read) = timeout_at(until, socket.read()).await {
        read?;
        socket.parser.buffer().clear();
    }
    Ok(())
}

/// How long the rest of a request that is too large is read away.
const UNREAD_PAUSE: std::time::Duration = std::time::Duration::from_millis(500);
