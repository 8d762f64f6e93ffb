//! What is written down is enough to go on, from every prefix of it.

use crate::drive::*;
use bytes::Bytes;
use resume::{Break, Checkpoint, CheckpointError, Outcome, RECORD_BYTES_MAX, Seq};

const PART: &str = "The lighthouse keeper climbed the stairs every evening and lit";

#[test]
fn a_journal_folds_to_what_was_delivered() {
    let (config, request) = anthropic("claude-haiku-4-5");
    let mut drive = Drive::new((config, request.clone()));
    drive.accept().send(opening("m1") + &text(0, PART) + &text(0, "\n"));
    let checkpoint = Checkpoint::fold(&drive.records).unwrap();
    assert_eq!(checkpoint.text(), drive.text);
    assert_eq!(checkpoint.request().bytes(), request.bytes());
    assert_eq!(checkpoint.key(), &KEY);
    assert_eq!(checkpoint.origin().endpoint, "http://provider/v1");
    assert_eq!(checkpoint.profile_name(), "anthropic");
    assert_eq!(checkpoint.seq(), Seq(drive.records.len() as u64));
    assert!(!checkpoint.is_complete());
    assert_eq!(checkpoint.stop(), None);
}

#[test]
fn another_process_goes_on_from_every_prefix() {
    let (config, request) = anthropic("claude-haiku-4-5");
    let mut drive = Drive::new((config.clone(), request));
    drive
        .accept()
        .send(opening("m1") + &text(0, "One ") + &text(0, " two"))
        .broke(Break::Reset)
        .pass();
    drive.accept().send(opening("m2") + &text(0, " three") + &closing(3));
    let whole = "One  two three";
    assert_eq!(drive.text, whole);
    for len in 1..=drive.records.len() {
        let mut next = Drive::resume(config.clone(), &drive.records[..len]);
        let had = Checkpoint::fold(&drive.records[..len]).unwrap().text().to_owned();
        if !next.complete() {
            let rest = &whole[had.trim_end().len()..];
            next.accept().send(opening("m9") + &text(0, rest) + &closing(3));
        }
        assert!(next.complete(), "after {len} records");
        assert_eq!(had + &next.text, whole, "after {len} records");
        assert_eq!(Checkpoint::fold(&next.records).unwrap().text(), whole);
    }
}

#[test]
fn a_complete_journal_needs_no_request() {
    let (config, request) = anthropic("claude-haiku-4-5");
    let mut drive = Drive::new((config.clone(), request));
    drive.accept().send(opening("m1") + &text(0, "One") + &closing(3));
    let records = drive.records.len();
    let checkpoint = Checkpoint::fold(&drive.records).unwrap();
    assert_eq!(checkpoint.stop(), Some(protocol::StopReason::EndTurn));
    let next = Drive::resume(config, &drive.records);
    assert!(matches!(next.outcome, Some(Outcome::Complete(_))));
    assert!(next.requests.is_empty());
    assert_eq!(next.records.len(), records, "it is not closed twice");
}

#[test]
fn large_contents_are_split_over_records() {
    let long = "x".repeat(2 * RECORD_BYTES_MAX);
    let body = format!(
        r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":"{long}"}}]}}"#
    );
    let (config, _) = anthropic("claude-haiku-4-5");
    let request = protocol::RequestBody::parse(config.profile.wire, Bytes::from(body)).unwrap();
    let mut drive = Drive::new((config, request.clone()));
    drive.accept().send(opening("m1") + &text(0, &long));
    assert!(drive.records.iter().all(|record| record.len() <= RECORD_BYTES_MAX));
    let checkpoint = Checkpoint::fold(&drive.records).unwrap();
    assert_eq!(checkpoint.text(), long);
    assert_eq!(checkpoint.request().bytes(), request.bytes());
    let cut = Checkpoint::fold(&drive.records[..drive.records.len() - 1]).unwrap();
    assert_eq!(cut.text(), "", "half an event was never delivered");
}

#[test]
fn what_is_not_a_journal_is_refused() {
    assert_eq!(Checkpoint::fold(<[&[u8]; 0]>::default()).unwrap_err(), CheckpointError::Empty);
    let malformed = |seq| CheckpointError::Malformed { seq: Seq(seq) };
    assert_eq!(Checkpoint::fold([b"\x02\x00\x00{}"]).unwrap_err(), malformed(1));
    assert_eq!(
        Checkpoint::fold([b"\x01\x00\x63"]).unwrap_err(),
        CheckpointError::Version { found: 0x63 }
    );
    let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
    drive.records.push(vec![0xFF, 0]);
    assert_eq!(
        Checkpoint::fold(&drive.records).unwrap_err(),
        malformed(drive.records.len() as u64)
    );
}

#[test]
fn no_prefix_or_flip_of_a_record_panics() {
    let mut drive = Drive::new(anthropic("claude-haiku-4-5"));
    drive.accept().send(opening("m1") + &text(0, "One")).broke(Break::Reset).pass();
    for at in 0..drive.records.len() {
        for byte in 0..drive.records[at].len() {
            let mut records = drive.records.clone();
            records[at][byte] ^= 0x55;
            let _folded = Checkpoint::fold(&records);
            records[at].truncate(byte);
            let _folded = Checkpoint::fold(&records);
        }
    }
}

#[test]
fn output_tokens_of_an_earlier_process_are_in_the_last_usage() {
    let (config, request) = anthropic("claude-haiku-4-5");
    let mut drive = Drive::new((config.clone(), request));
    drive.accept().send(opening("m1") + &text(0, "One") + &text(0, " two"));
    let mut next = Drive::resume(config, &drive.records);
    next.accept().send(opening("m2") + &text(0, " three") + &closing(5));
    let delta = next.frames.iter().find(|frame| &frame.name[..] == b"message_delta").unwrap();
    assert!(std::str::from_utf8(&delta.data).unwrap().contains(r#""output_tokens":7"#));
}

#[test]
fn characters_split_over_events_are_the_same_in_the_journal_at_every_seam() {
    let shown = "The lighthouse keeper 👩 climbed the stairs every evening 👩 and lit";
    let raw = |units: &str| delta(0, &format!(r#"{{"type":"text_delta","text":"{units}"}}"#));
    let escaped = |text: &str| -> Vec<String> {
        let unit = |unit: u16| {
            if unit < 128 { char::from(unit as u8).to_string() } else { format!("\\u{unit:04x}") }
        };
        text.encode_utf16().map(unit).collect()
    };
    for model in ["claude-haiku-4-5", "claude-opus-5"] {
        let (config, request) = anthropic(model);
        let mut drive = Drive::new((config.clone(), request));
        let first: String = escaped(shown).iter().map(|unit| raw(unit)).collect();
        drive.accept().send(opening("m1") + &first).end().pass();
        assert_eq!(drive.text, shown);
        let fragment = drive.body().split('«').nth(1).and_then(|rest| rest.split('»').next());
        let again = format!("{}👩 the 😀 lamp", fragment.unwrap_or_default());
        let second: String = escaped(&again).iter().map(|unit| raw(unit)).collect();
        drive.accept().send(opening("m2") + &second + &closing(9));
        assert!(drive.complete());
        assert_eq!(drive.text, format!("{shown}👩 the 😀 lamp"));
        assert_eq!(Checkpoint::fold(&drive.records).unwrap().text(), drive.text, "{model}");
    }
}
