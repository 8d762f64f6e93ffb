//! No body makes a reader panic, and every body made from one that is read is read as well.
#![no_main]

use bytes::Bytes;
use fuzz::wire;
use libfuzzer_sys::fuzz_target;
use protocol::{Profile, RequestBody, Wire};

fuzz_target!(|input: &[u8]| {
    let Some((wire, body)) = wire(input) else { return };
    let Ok(request) = RequestBody::parse(wire, body.to_vec().into()) else { return };
    let _ = request.continuable();
    for profile in Profile::all().iter().filter(|profile| profile.wire == wire) {
        let _ = request.takes_prefill(profile);
        for made in [
            request.initial(profile),
            request.clone().in_background().initial(profile),
            request.prefill(profile, "partial \"text\"", 3),
            request.instruct(profile, "partial", "Go on.", u64::MAX),
        ] {
            let again = RequestBody::parse(wire, named(wire, made));
            assert!(again.is_ok(), "{again:?}");
        }
    }
});

/// The body with the model that the Gemini wire took out of it.
fn named(wire: Wire, made: Bytes) -> Bytes {
    match made.iter().position(|byte| *byte == b'{') {
        Some(at) if wire == Wire::Gemini => {
            [&br#"{"model":"m","#[..], &made[at + 1..]].concat().into()
        }
        _ => made,
    }
}
