//! A provider, a client for it, and all that came out of one stream.

use client::endpoint_pool::{self, Ejection, Probing};
use client::retry_policy::Backoff;
use client::{
    Builder, Cause, Client, Endpoint, Error, ErrorKind, Event, Nanos, Policy, Profile, Prompt,
    Request, ResponseStream, Seam, Secret, State, StreamId, Summary, Timeouts,
};
use mock_provider::{Config, Faults, Ledger, Mock, Prefill};

/// The key that every request carries.
pub(crate) const KEY: &str = "sk-e2e-0f3b-wholly-secret-9d27";

/// Who answers, and in which way a broken answer goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) profile: Profile,
    pub(crate) model: &'static str,
}

/// Every wire: with a model that takes a prefill, where it has such, and with one that refuses it.
pub(crate) const ROUTES: [Route; 6] = [
    Route { profile: Profile::ANTHROPIC, model: "claude-haiku-4-5" },
    Route { profile: Profile::ANTHROPIC, model: "claude-opus-4-6" },
    Route { profile: Profile::DEEPSEEK_BETA, model: "deepseek-chat" },
    Route { profile: Profile::OPENAI, model: "gpt-4.1" },
    Route { profile: Profile::OPENAI_RESPONSES, model: "gpt-5" },
    Route { profile: Profile::GEMINI, model: "gemini-2.5-pro" },
];

/// One model of each wire that refuses a prefill.
pub(crate) const INSTRUCTED: [Route; 4] = [ROUTES[1], ROUTES[3], ROUTES[4], ROUTES[5]];

impl Route {
    pub(crate) async fn mock(self, config: Config) -> Mock {
        let prefill = match self.model {
            "deepseek-chat" => Prefill::Accept,
            _ => Prefill::ByModel,
        };
        Mock::start(Config { prefill, ..config }).await.expect("a loopback port is free")
    }

    /// A client that loses no time between attempts, on clocks that a busy machine does not trip.
    pub(crate) fn builder(self, mock: &Mock) -> Builder {
        let builder = Client::builder().endpoint(self.endpoint(mock)).pool(hasty_pool());
        builder.policy(hasty()).timeouts(patient())
    }

    pub(crate) fn endpoint(self, mock: &Mock) -> Endpoint {
        let endpoint = Endpoint::new(&mock.url(), self.profile).expect("a mock's URL is valid");
        endpoint.key(Secret::new(KEY))
    }

    pub(crate) fn client(self, mock: &Mock) -> Client {
        self.builder(mock).build().expect("a valid client")
    }

    pub(crate) fn request(self, prompt: &str) -> Request {
        Prompt::new(self.model, prompt).system("You are a poet.").max_tokens(20_000).into()
    }
}

pub(crate) fn in_order(script: &str) -> Faults {
    Faults::InOrder(script.parse().expect("a valid script"))
}

pub(crate) fn hasty() -> Policy {
    let base = Nanos::from_millis(1);
    let backoff = Backoff::Full { base, cap: Nanos::from_millis(50) };
    Policy { backoff, throttle: backoff, overload: backoff, ..Policy::DEFAULT }
}

/// Probes as close together as the delays of [`hasty`].
pub(crate) fn hasty_pool() -> endpoint_pool::Config {
    let (first, max) = (Nanos::from_millis(1), Nanos::from_millis(50));
    let probing = Probing { first, floor: first, max, ..Probing::default() };
    let ejection = Ejection { base: first, max, ..Ejection::default() };
    endpoint_pool::Config { probing, ejection, ..endpoint_pool::Config::default() }
}

/// Clocks for faults that only a clock can find.
pub(crate) const fn impatient() -> Timeouts {
    Timeouts {
        connect: Nanos::from_secs(5),
        first_token: Nanos::from_millis(800),
        idle: Nanos::from_millis(800),
        bytes: Nanos::from_millis(600),
        sentinel: Nanos::from_millis(300),
    }
}

const fn patient() -> Timeouts {
    let minute = Nanos::from_secs(60);
    Timeouts { connect: minute, first_token: minute, idle: minute, bytes: minute, sentinel: minute }
}

/// All that a stream yielded.
#[derive(Debug)]
pub(crate) struct Told {
    /// The text of the events, recovered text first.
    pub(crate) text: String,
    pub(crate) seams: Vec<Seam>,
    pub(crate) states: Vec<State>,
    /// How it ended.
    pub(crate) end: Result<Summary, Error>,
    pub(crate) id: StreamId,
}

impl Told {
    /// Reads a stream to its end.
    pub(crate) async fn by(stream: ResponseStream) -> Self {
        Self::after(stream.recovered_text().to_owned(), stream).await
    }

    /// Reads the rest of a stream of which this text is known.
    pub(crate) async fn after(mut text: String, mut stream: ResponseStream) -> Self {
        let id = stream.id().clone();
        let (mut seams, mut states) = (Vec::new(), Vec::new());
        let mut end = None;
        while let Some(item) = stream.next().await {
            assert!(end.is_none(), "nothing follows the end");
            match item {
                Ok(Event::Text(more)) => text.push_str(&more),
                Ok(Event::Seam(seam)) => seams.push(seam),
                Ok(Event::State(state)) => states.push(state),
                Ok(Event::End(summary)) => end = Some(Ok(*summary)),
                Ok(other) => panic!("nobody asked for {other:?}"),
                Err(error) => end = Some(Err(error)),
            }
        }
        assert_eq!(stream.text(), text, "the stream's own text");
        Self { text, seams, states, end: end.expect("a stream has an end"), id }
    }

    pub(crate) async fn of(client: &Client, request: Request) -> Self {
        Self::by(client.stream(request).await.expect("a valid request")).await
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.end.is_ok()
    }

    #[track_caller]
    pub(crate) fn error(&self) -> &Error {
        self.end.as_ref().expect_err("the stream failed")
    }

    #[track_caller]
    pub(crate) fn cause(&self) -> &Cause {
        self.error().cause().expect("a failed stream has a cause")
    }

    #[track_caller]
    pub(crate) fn kind(&self) -> ErrorKind {
        self.error().kind()
    }
}

/// What must be true of every request in a ledger.
#[track_caller]
pub(crate) fn check_requests(ledger: &Ledger) {
    for request in &ledger.requests {
        assert!(request.caller_fields_kept(), "lost {:?}", request.lost_fields);
        assert!(!request.flags.prefill_trailing_space, "request {}", request.number);
        assert!(!request.flags.prefill_ignored, "request {}", request.number);
        assert!(!request.flags.unknown_prefix, "request {}", request.number);
    }
}
