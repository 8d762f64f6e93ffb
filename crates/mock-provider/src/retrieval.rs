//! Calls about a response that was made before: its object, its events again, its end.
//! What is found is decided by `state`; it is sent as an answer is, with its fault.

use std::sync::Arc;

use crate::call::Call;
use crate::connection::{After, check_key, facts};
use crate::delivery::Delivery;
use crate::http::Request;
use crate::ledger::Ending;
use crate::refusal::Refusal;
use crate::responder::Responder;
use crate::server::Shared;
use crate::socket::Socket;
use crate::state::Found;
use crate::wire::Wire;

/// Answers one call.
pub(crate) async fn answer(
    socket: &mut Socket,
    shared: &Arc<Shared>,
    request: &Request,
    call: Result<Call, Refusal>,
) -> After {
    let wire = Wire::OpenAiResponses;
    let facts = facts(shared, wire, request);
    let call = check_key(shared, &facts).and(call);
    let (number, found) = match &call {
        Ok(call) => shared.state().look_up(&shared.config, call, facts),
        Err(refusal) => (shared.state().refuse(facts), Err(refusal.clone())),
    };
    let mut responder = Responder { socket, shared, number, wire };
    match (call, found) {
        (Ok(call), Ok(Found { kept, fault })) => {
            let streams = matches!(call, Call::Stream { .. });
            let mut delivery = Delivery::reading(responder, &kept, streams);
            if let Call::Stream { starting_after, include_obfuscation, .. } = call {
                delivery = delivery.from(starting_after, include_obfuscation);
            }
            delivery.run(&kept.reply, &fault).await
        }
        (_, Err(refusal)) | (Err(refusal), _) => {
            responder.end(Ending::Rejected);
            responder.refusal(&refusal, Vec::new()).await
        }
    }
}
