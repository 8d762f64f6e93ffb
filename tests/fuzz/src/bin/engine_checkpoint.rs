//! No records make the fold of a journal panic, and what it accepts can be gone on with.
#![no_main]

use fuzz::{Operations, wire};
use libfuzzer_sys::fuzz_target;
use protocol::{Profile, RequestBody};
use resume::{Checkpoint, Config, Origin, Output, Session};
use retry_policy::{IdempotencyKey, Nanos};

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"input":"hi","contents":[{"parts":[{"text":"hi"}]}]}"#;

fuzz_target!(|input: &[u8]| {
    let Some((wire, input)) = wire(input) else { return };
    let profile = Profile::for_wire(wire);
    let request = RequestBody::parse(wire, BODY.into()).expect("a valid body");
    let key = IdempotencyKey::from_bytes([0; 16]);
    let mut begun =
        Session::new(Config::new(profile), &Origin::default(), request, key, 0, Nanos::ZERO);
    let mut records: Vec<Vec<u8>> = Vec::new();
    while let Output::Record { record, .. } = begun.poll(Nanos::ZERO) {
        records.push(record.as_ref().to_vec());
    }
    records.extend(Operations::of(input).map(|(kind, payload)| [&[kind], payload].concat()));
    let Ok(checkpoint) = Checkpoint::fold(&records) else { return };
    let text = checkpoint.text().to_owned();
    let mut session = Session::resume(Config::new(profile), checkpoint, 0, Nanos::ZERO);
    assert_eq!(session.text(), text);
    loop {
        match session.poll(Nanos::ZERO) {
            Output::Wait(_) | Output::Done(_) => return,
            _ => {}
        }
    }
});
