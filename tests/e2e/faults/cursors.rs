//! Reading on a response that its provider keeps: what comes twice, what is missing, what is gone.

use client::{Cause, Events, Profile, Rung, Seam, SeamLabel};

use super::ask::{Seen, builder};
use super::peer::{Answer, Asked, Peer};
use super::wire::{BEGUN, REST, named, whole_text};
use crate::rig::Route;

const RESPONSES: Route = Route { profile: Profile::OPENAI_RESPONSES, model: "gpt-5" };
const PLACE: &str = r#""item_id":"msg_1","output_index":0,"content_index":0"#;

/// The events of one response, numbered as they stand here.
fn events() -> Vec<String> {
    let part = |text: &str| format!(r#"{{"type":"output_text","annotations":[],"text":"{text}"}}"#);
    let item = |status: &str, parts: &str| {
        format!(
            r#"{{"id":"msg_1","type":"message","status":"{status}","role":"assistant","content":[{parts}]}}"#
        )
    };
    let whole = part(&whole_text());
    let deltas = [BEGUN, &REST[..10], &REST[10..]]
        .map(|text| ("response.output_text.delta", format!(r#"{PLACE},"delta":"{text}""#)));
    let [first, second, third] = deltas;
    let said = [
        ("response.created", format!(r#""response":{}"#, object("in_progress", ""))),
        (
            "response.output_item.added",
            format!(r#""output_index":0,"item":{}"#, item("in_progress", "")),
        ),
        ("response.content_part.added", format!(r#"{PLACE},"part":{}"#, part(""))),
        first,
        second,
        third,
        ("response.output_text.done", format!(r#"{PLACE},"text":"{}""#, whole_text())),
        ("response.content_part.done", format!(r#"{PLACE},"part":{whole}"#)),
        (
            "response.output_item.done",
            format!(r#""output_index":0,"item":{}"#, item("completed", &whole)),
        ),
        (
            "response.completed",
            format!(r#""response":{}"#, object("completed", &item("completed", &whole))),
        ),
    ];
    let number = |(at, (name, rest)): (usize, (&str, String))| {
        named(name, &format!(r#"{{"type":"{name}","sequence_number":{at},{rest}}}"#))
    };
    said.into_iter().enumerate().map(number).collect()
}

fn object(status: &str, output: &str) -> String {
    let usage = r#"{"input_tokens":9,"output_tokens":20,"total_tokens":29}"#;
    format!(
        r#"{{"id":"resp_1","object":"response","created_at":1,"status":"{status}","model":"gpt-5","output":[{output}],"usage":{usage}}}"#
    )
}

/// The response as it is fetched whole.
fn stored(text: &str) -> Answer {
    let part = format!(r#"{{"type":"output_text","annotations":[],"text":"{text}"}}"#);
    let item = format!(
        r#"{{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{part}]}}"#
    );
    Answer::status("200 OK", "content-type: application/json\r\n", &object("completed", &item))
}

/// The first of what is kept: the events up to this number, and a break.
fn begun(events: &[String], until: usize) -> Answer {
    Answer::stream(events[..=until].concat()).reset()
}

async fn read(answers: impl IntoIterator<Item = Answer>) -> (Seen, Vec<Asked>) {
    let peer = Peer::start(answers).await;
    let builder = builder(RESPONSES, &peer.url()).events(Events::All).background(true);
    (Seen::by(RESPONSES, builder).await, peer.asked())
}

/// The stream is one native stream, told once.
#[track_caller]
fn check_whole(seen: &Seen) {
    assert_eq!(seen.summary().usage().0.output, 20, "one generation is paid for");
    assert_eq!(seen.text, whole_text());
    let frame = |frame: &client::Frame| {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).expect("UTF-8").to_owned();
        named(&text(&frame.name), &text(&frame.data))
    };
    assert_eq!(seen.frames.iter().map(frame).collect::<String>(), events().concat());
    let exact = |seam: &Seam| seam.label == SeamLabel::Exact;
    assert!(seen.seams.iter().all(exact), "{:?}", seen.seams);
}

#[track_caller]
fn request_line(asked: &Asked) -> &str {
    asked.head.lines().next().expect("a request line")
}

#[tokio::test]
async fn row_016_a_conflict_over_what_is_kept_is_waited_out_and_what_is_gone_falls_to_the_next_rung()
 {
    let events = events();
    let words = r#"{"error":{"type":"conflict_error","message":"already being continued"}}"#;
    let busy = || Answer::status("409 Conflict", "", words);
    let rest = Answer::whole(events[5..].concat());
    let (seen, asked) = read([begun(&events, 4), busy(), busy(), rest]).await;
    check_whole(&seen);
    assert_eq!(request_line(&asked[1]), request_line(&asked[3]));
    let conflict = seen.causes()[1].failure().expect("the provider's own word");
    assert_eq!(conflict.status, Some(409));

    let gone = Answer::status("404 Not Found", "", "{}");
    let (seen, asked) = read([begun(&events, 4), busy(), gone, stored(&whole_text())]).await;
    assert_eq!((seen.text.as_str(), asked.len()), (whole_text().as_str(), 4));
    assert_eq!(seen.seams.last().map(|seam| seam.rung), Some(Rung::Fetch));
}

#[tokio::test]
async fn row_069_what_comes_twice_is_dropped() {
    let events = events();
    let (seen, asked) = read([begun(&events, 4), Answer::whole(events[2..].concat())]).await;
    check_whole(&seen);
    let line = request_line(&asked[1]);
    assert_eq!(line, "GET /v1/responses/resp_1?stream=true&starting_after=4 HTTP/1.1");
    assert!(asked[1].body.is_empty() && asked[1].header("idempotency-key").is_none());
}

#[tokio::test]
async fn row_070_nothing_is_told_across_a_gap() {
    let events = events();
    let gap = Answer::whole(events[5..].concat());
    // Once: the rest is asked for again.
    let (seen, asked) =
        read([begun(&events, 3), gap.clone(), Answer::whole(events[4..].concat())]).await;
    check_whole(&seen);
    assert_eq!(request_line(&asked[1]), request_line(&asked[2]));
    assert_eq!(seen.causes()[1], &Cause::Gap);
    // Twice: the whole is fetched.
    let (seen, asked) = read([begun(&events, 3), gap.clone(), gap, stored(&whole_text())]).await;
    assert_eq!(seen.text, whole_text());
    assert_eq!(request_line(&asked[3]), "GET /v1/responses/resp_1 HTTP/1.1");
    assert_eq!(seen.seams.last().map(|seam| seam.rung), Some(Rung::Fetch));
}

#[tokio::test]
async fn row_071_what_comes_out_of_order_is_asked_for_again() {
    let events = events();
    let tangled = [&events[0], &events[1], &events[2], &events[4], &events[3]].map(String::as_str);
    let first = Answer::stream(tangled.concat()).reset();
    let (seen, asked) = read([first, Answer::whole(events[3..].concat())]).await;
    check_whole(&seen);
    assert!(request_line(&asked[1]).contains("starting_after=2 "), "{}", asked[1].head);
}

#[tokio::test]
async fn row_072_what_is_not_kept_as_events_is_fetched_whole() {
    let events = events();
    let gone = Answer::status("404 Not Found", "", r#"{"error":{"message":"gone"}}"#);
    let underway =
        Answer::status("200 OK", "content-type: application/json\r\n", &object("in_progress", ""));
    let answers = [begun(&events, 4), gone, underway, stored(&whole_text())];
    let (seen, asked) = read(answers).await;
    assert_eq!(seen.text, whole_text());
    assert_eq!(seen.summary().usage().0.output, 20, "one generation is paid for");
    assert_eq!(asked.len(), 4);
    assert_eq!(seen.causes()[2], &Cause::Unfinished);
    assert_eq!(asked[3].header("accept"), Some("application/json"));
}

#[tokio::test]
async fn row_073_a_whole_that_differs_is_told_and_not_shown() {
    let events = events();
    let gone = || Answer::status("404 Not Found", "", "{}");
    let other = whole_text().replace("calm", "wild");
    let (seen, _) = read([begun(&events, 4), gone(), stored(&other)]).await;
    assert_eq!(seen.cause(), &Cause::Contradicted);
    assert!(whole_text().starts_with(&seen.text), "nothing is taken back");
    // So does the repetition at the end of a stream that is read on.
    let mut rest = events[5..].concat();
    rest = rest.replace("until the lamps", "while the lamps");
    let split = rest.find("response.output_text.done").expect("the end of the text") - 7;
    let rest = events[5].clone() + &rest[split..];
    let (seen, _) = read([begun(&events, 4), Answer::whole(rest)]).await;
    assert_eq!(seen.cause(), &Cause::Contradicted);
}
