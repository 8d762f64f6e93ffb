//! Where requests go and what they carry: a base URL, a profile, a key and headers. It opens
//! no connection.

mod base_url;
mod headers;
mod keys;

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use protocol::{KeyHeader, Profile, RequestForm, Wire};
use resume::Origin;
use std::future::Future;
use std::sync::Arc;

use crate::carrier::Carrier;
use crate::error::Error;
use crate::secret::Secret;

pub(crate) use base_url::BaseUrl;
use keys::Keys;

/// A provider's address, its wire and the key for it.
///
/// ```
/// use client::{Endpoint, Profile, Secret};
///
/// let endpoint = Endpoint::new("http://127.0.0.1:8080", Profile::OPENAI)?
///     .key(Secret::new("local"))
///     .header("x-team", "search")?;
/// assert_eq!(endpoint.base_url(), "http://127.0.0.1:8080/v1");
/// # Ok::<(), client::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Endpoint {
    base: BaseUrl,
    profile: Profile,
    keys: Keys,
    headers: HeaderMap,
    carrier: Carrier,
    model: Option<Arc<str>>,
}

impl Endpoint {
    /// Anthropic's own API.
    #[must_use]
    pub fn anthropic(key: Secret) -> Self {
        Self::known(BaseUrl::ANTHROPIC, Profile::ANTHROPIC, key)
    }

    /// Claude on Amazon Bedrock in a region such as `eu-west-1`, with an API key of Bedrock.
    ///
    /// Requests are not signed (SigV4). The key is short-lived or belongs to a user of its own;
    /// [`Endpoint::renew_key`] brings another one.
    ///
    /// ```
    /// use client::{Endpoint, Secret};
    ///
    /// let endpoint = Endpoint::bedrock("eu-west-1", Secret::new("bedrock-api-key"))?;
    /// assert_eq!(endpoint.base_url(), "https://bedrock-runtime.eu-west-1.amazonaws.com");
    /// # Ok::<(), client::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidConfig` for a region that is none: letters of a-z, digits and hyphens.
    pub fn bedrock(region: &str, key: Secret) -> Result<Self, Error> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if region.is_empty() || region.len() > REGION_BYTES_MAX || !region.bytes().all(plain) {
            return Err(Error::config("not the name of a region"));
        }
        let base = format!("https://bedrock-runtime.{region}.amazonaws.com");
        Ok(Self::new(&base, Profile::BEDROCK)?.key(key))
    }

    /// OpenAI's own API.
    #[must_use]
    pub fn openai(key: Secret) -> Self {
        Self::known(BaseUrl::OPENAI, Profile::OPENAI, key)
    }

    /// OpenAI's own API, on the Responses wire.
    #[must_use]
    pub fn openai_responses(key: Secret) -> Self {
        Self::known(BaseUrl::OPENAI, Profile::OPENAI_RESPONSES, key)
    }

    /// Google's own Gemini API.
    #[must_use]
    pub fn gemini(key: Secret) -> Self {
        Self::known(BaseUrl::GEMINI, Profile::GEMINI, key)
    }

    /// A server at `base_url` that speaks the profile's wire.
    ///
    /// A bare host gets the path `/v1`, with [`RequestForm::BedrockInvoke`] none; a given path is kept.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` when the URL is not `http` or `https`, or has user info, a query or a
    /// fragment, and for a profile whose key is in a header that the transport owns.
    pub fn new(base_url: &str, profile: Profile) -> Result<Self, Error> {
        let base = BaseUrl::parse(base_url, bare_path(&profile))?;
        if let KeyHeader::Named(name) = &profile.key_header {
            headers::parse(name.as_str(), "")?;
        }
        Ok(Self {
            base,
            profile,
            keys: Keys::default(),
            headers: HeaderMap::new(),
            carrier: Carrier::default(),
            model: None,
        })
    }

    /// A server at `base_url` that a profile file describes, with the headers of the file.
    ///
    /// # Errors
    ///
    /// As [`Endpoint::new`] and [`Endpoint::header`].
    #[cfg(feature = "profile-files")]
    pub fn custom(base_url: &str, custom: &protocol::CustomProfile) -> Result<Self, Error> {
        let bare = Self::new(base_url, custom.profile)?;
        custom.headers.iter().try_fold(bare, |endpoint, (name, value)| endpoint.header(name, value))
    }

    /// The key that is sent with every request.
    #[must_use]
    pub fn key(mut self, key: Secret) -> Self {
        self.keys = self.keys.with(key);
        self
    }

    /// Asks for another key when the server refuses the one that was sent (401), and sends the
    /// request again with it; without another key, or when it is refused too, the refusal is final.
    ///
    /// Streams that are refused at the same time ask once. The time that it takes is part of that
    /// to the first token. Clones of the endpoint share the key.
    ///
    /// ```
    /// use client::{Endpoint, Profile, Secret};
    ///
    /// let endpoint = Endpoint::new("http://127.0.0.1:8080", Profile::OPENAI)?
    ///     .key(Secret::new("short-lived"))
    ///     .renew_key(|| async { std::fs::read_to_string("/run/token").ok().map(Secret::new) });
    /// # assert_eq!(endpoint.base_url(), "http://127.0.0.1:8080/v1");
    /// # Ok::<(), client::Error>(())
    /// ```
    #[must_use]
    pub fn renew_key<F>(mut self, renew: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<Secret>> + Send + 'static,
    {
        self.keys = self.keys.renewed_by(renew);
        self
    }

    /// One more header; it takes the place of a default of the same name.
    ///
    /// Its value is taken for a secret and never written to a checkpoint: who resumes the stream
    /// in another process must give it again. The exceptions, which a checkpoint brings back to the
    /// first endpoint of the same base URL, are `anthropic-*`, `openai-*`, `http-referer`, `x-title` and `user-agent`, unless the name
    /// itself says that it is a credential, as in `openai-api-key`.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` for text that is not a header, and for headers that the transport owns
    /// (`host`, `content-type`, `accept`, `idempotency-key` and those of the connection).
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let (name, value) = headers::parse(name, value)?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// What carries its responses. Unless told otherwise it is HTTP.
    ///
    /// A response that comes over a WebSocket is not kept by its provider, whatever
    /// [`Builder::background`](crate::Builder::background) says: that holds once it goes on over HTTP.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` for WebSockets on a wire other than OpenAI's Responses.
    pub fn carried_by(mut self, carrier: Carrier) -> Result<Self, Error> {
        if carrier == Carrier::WebSocket && self.profile.wire != Wire::OpenAiResponses {
            return Err(Error::config("only the Responses wire has WebSockets"));
        }
        self.carrier = carrier;
        Ok(self)
    }

    /// What carries its responses.
    pub(crate) const fn carrier(&self) -> Carrier {
        self.carrier
    }

    /// What is asked here in the place of the model that a request names.
    ///
    /// It is priced as the model of this name, and a limit of output tokens that is above what it
    /// gives is lowered to that, as far as it is known. Text of another model is only gone on with by
    /// an [`Instruction`](crate::Instruction).
    #[must_use]
    pub fn model(mut self, name: impl Into<Arc<str>>) -> Self {
        self.model = Some(name.into());
        self
    }

    /// The base URL, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.base.as_str()
    }

    /// The provider's wire and quirks.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    fn known(base: &str, profile: Profile, key: Secret) -> Self {
        let base = BaseUrl::parse(base, bare_path(&profile)).expect("a constant base URL is valid");
        let (keys, carrier) = (Keys::default().with(key), Carrier::default());
        Self { base, profile, keys, headers: HeaderMap::new(), carrier, model: None }
    }

    /// Takes out of `text` the key and every header that is secret; whether any was there.
    pub(crate) fn scrub(&self, text: &mut String) -> bool {
        let headers = headers::secrets(&self.headers);
        let secrets = self.keys.all().into_iter().chain(headers);
        secrets.fold(false, |found, secret| secret.scrub(text) | found)
    }

    /// Whether a base URL is one of this server.
    pub(crate) fn is_at(&self, base_url: &str) -> bool {
        BaseUrl::parse(base_url, "").is_ok_and(|base| base.is_same_server(&self.base))
    }

    /// What a checkpoint keeps of this endpoint.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            endpoint: self.base.as_str().to_owned(),
            headers: headers::keepable(&self.headers),
        }
    }

    /// The URL of one request.
    pub(crate) fn uri(&self, path: &str) -> Uri {
        self.base.join(path)
    }

    /// The headers of every request: defaults, then those that a checkpoint kept, then the
    /// endpoint's own.
    pub(crate) fn request_headers(&self, kept: &[(String, String)]) -> Result<HeaderMap, Error> {
        let mut all = headers::defaults(self.profile.framing);
        if let Some(key) = self.keys.current() {
            let (name, value) = self.authorization(&key)?;
            all.insert(name, value);
        }
        let says_version = self.profile.request == RequestForm::OfWire;
        if says_version && self.profile.wire == Wire::AnthropicMessages {
            all.insert("anthropic-version", HeaderValue::from_static(ANTHROPIC_VERSION));
        }
        for (name, value) in kept {
            if let Ok((name, value)) = headers::parse(name, value)
                && !value.is_sensitive()
            {
                all.insert(name, value);
            }
        }
        all.extend(self.headers.clone());
        Ok(all)
    }

    pub(crate) const fn asked_model(&self) -> Option<&Arc<str>> {
        self.model.as_ref()
    }

    pub(crate) const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Another key in the headers of a request, unless the caller has its own way to say who asks.
    pub(crate) fn put_key(&self, key: &Secret, headers: &mut HeaderMap) -> Result<(), Error> {
        let (name, value) = self.authorization(key)?;
        if !self.headers.contains_key(&name) {
            headers.insert(name, value);
        }
        Ok(())
    }

    fn authorization(&self, key: &Secret) -> Result<(HeaderName, HeaderValue), Error> {
        Ok(match self.profile.key_header {
            KeyHeader::Bearer => (header::AUTHORIZATION, key.header("Bearer ")?),
            KeyHeader::Named(name) => {
                let name = HeaderName::try_from(name.as_str());
                let name = name.map_err(|_| Error::config("the profile's key header is none"))?;
                (name, key.header("")?)
            }
        })
    }
}

/// The path of a base URL that has none.
const fn bare_path(profile: &Profile) -> &'static str {
    match profile.request {
        RequestForm::OfWire => "/v1",
        RequestForm::BedrockInvoke => "",
    }
}

/// Bytes of the longest name of a region.
const REGION_BYTES_MAX: usize = 32;

/// The version of the Anthropic API whose events `protocol` decodes.
const ANTHROPIC_VERSION: &str = "2023-06-01";

#[cfg(test)]
mod tests {
    use super::*;

    fn local(profile: Profile) -> Endpoint {
        Endpoint::new("http://127.0.0.1:1", profile).unwrap().key(Secret::new("k3y-value"))
    }

    #[test]
    fn each_profile_has_its_own_authorization() {
        let anthropic = local(Profile::ANTHROPIC).request_headers(&[]).unwrap();
        assert_eq!(anthropic["x-api-key"], "k3y-value");
        assert_eq!(anthropic["anthropic-version"], "2023-06-01");
        assert!(!anthropic.contains_key("authorization"));
        for profile in [Profile::OPENAI, Profile::OPENAI_RESPONSES] {
            let openai = local(profile).request_headers(&[]).unwrap();
            assert_eq!(openai["authorization"], "Bearer k3y-value");
            assert!(!openai.contains_key("x-api-key") && !openai.contains_key("anthropic-version"));
        }
        let named = [(Profile::GEMINI, "x-goog-api-key"), (Profile::AZURE, "api-key")];
        for (profile, name) in named {
            let headers = local(profile).request_headers(&[]).unwrap();
            assert_eq!(headers[name], "k3y-value");
            assert!(headers[name].is_sensitive() && !headers.contains_key("authorization"));
        }
    }

    #[test]
    fn each_framing_is_asked_for_by_its_media_type() {
        for (framing, media) in [
            (protocol::Framing::Sse, "text/event-stream"),
            (protocol::Framing::NdJson, "application/x-ndjson"),
            (protocol::Framing::AwsEventStream, "application/vnd.amazon.eventstream"),
        ] {
            let headers = local(Profile { framing, ..Profile::VLLM }).request_headers(&[]).unwrap();
            assert_eq!(headers["accept"], media);
        }
    }

    #[test]
    fn bedrock_has_a_host_for_each_region_and_takes_its_key_as_a_bearer() {
        let endpoint = Endpoint::bedrock("us-gov-west-1", Secret::new("k3y-value")).unwrap();
        let host = "https://bedrock-runtime.us-gov-west-1.amazonaws.com";
        assert_eq!(
            (endpoint.base_url(), &endpoint.uri("/model/m")),
            (host, &format!("{host}/model/m").parse().unwrap())
        );
        let headers = endpoint.request_headers(&[]).unwrap();
        assert_eq!(headers["authorization"], "Bearer k3y-value");
        assert!(!headers.contains_key("anthropic-version") && !headers.contains_key("x-api-key"));
        let long = "x".repeat(REGION_BYTES_MAX + 1);
        for none in ["", "eu.evil", "eu/../x", "EU-WEST-1", "eu@x", &long] {
            assert!(Endpoint::bedrock(none, Secret::new("k")).is_err(), "{none}");
        }
    }

    #[test]
    fn the_callers_header_wins_over_kept_and_default_ones() {
        let endpoint = local(Profile::ANTHROPIC).header("Anthropic-Version", "2099-01-01").unwrap();
        let kept = [("anthropic-version".to_owned(), "2000-01-01".to_owned())];
        let headers = endpoint.request_headers(&kept).unwrap();
        assert_eq!(headers.get_all("anthropic-version").iter().count(), 1);
        assert_eq!(headers["anthropic-version"], "2099-01-01");
    }

    #[test]
    fn kept_headers_cannot_bring_a_credential_or_a_transport_header() {
        let kept = [
            ("authorization".to_owned(), "Bearer other".to_owned()),
            ("host".to_owned(), "elsewhere".to_owned()),
            ("anthropic-beta".to_owned(), "b1".to_owned()),
        ];
        let headers = local(Profile::OPENAI).request_headers(&kept).unwrap();
        assert_eq!(headers["authorization"], "Bearer k3y-value");
        assert!(!headers.contains_key("host"));
        assert_eq!(headers["anthropic-beta"], "b1");
    }

    #[test]
    fn an_origin_holds_no_credential() {
        let endpoint = local(Profile::OPENAI)
            .header("x-api-key", "s1")
            .and_then(|e| e.header("X-Auth-Token", "s2"))
            .and_then(|e| e.header("x-jwt", "s3"))
            .and_then(|e| e.header("x-title", "search"))
            .unwrap();
        let origin = endpoint.origin();
        assert_eq!(origin.endpoint, "http://127.0.0.1:1/v1");
        assert_eq!(origin.headers, [("x-title".to_owned(), "search".to_owned())]);
    }

    #[test]
    fn the_key_and_secret_headers_are_taken_out_of_a_text() {
        let endpoint = local(Profile::OPENAI)
            .header("x-gateway", "Bearer t0ken-value")
            .and_then(|e| e.header("cookie", "id=c00kie-value"))
            .and_then(|e| e.header("x-title", "search"))
            .unwrap();
        let mut text = "no t0ken-value, k3y-value or id=c00kie-value in search".to_owned();
        assert!(endpoint.scrub(&mut text));
        assert_eq!(text, "no [key], [key] or [key] in search");
        assert!(!endpoint.scrub(&mut "nothing here".to_owned()));
    }

    #[cfg(feature = "profile-files")]
    #[test]
    fn a_profile_file_brings_its_headers_and_the_header_of_the_key() {
        let text = "name='lab'\nbase='vllm'\nkey_header='x-lab-key'\nheaders={X-Team='search'}";
        let custom = protocol::CustomProfile::parse("lab.toml", text).unwrap();
        let endpoint = Endpoint::custom("http://127.0.0.1:1", &custom).unwrap();
        let headers = endpoint.key(Secret::new("k3y-value")).request_headers(&[]).unwrap();
        assert_eq!(
            (&headers["x-lab-key"], &headers["x-team"]),
            (&"k3y-value".parse().unwrap(), &"search".parse().unwrap())
        );
        assert!(!headers.contains_key("authorization"));
        let host = "name='lab'\nbase='vllm'\nheaders={host='x'}";
        let host = protocol::CustomProfile::parse("lab.toml", host).unwrap();
        assert!(Endpoint::custom("http://127.0.0.1:1", &host).is_err());
    }

    #[test]
    fn a_key_takes_the_place_of_no_header_of_the_transport() {
        for name in ["Content-Type", "host", "two words", ""] {
            let key_header = KeyHeader::Named(protocol::Label::of(name));
            let profile = Profile { key_header, ..Profile::VLLM };
            assert!(Endpoint::new("http://127.0.0.1:1", profile).is_err(), "{name}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let endpoint = local(Profile::OPENAI).header("cookie", "s3cret").unwrap();
        let shown = format!("{endpoint:?}");
        assert!(!shown.contains("k3y-value") && !shown.contains("s3cret"), "{shown}");
    }
}
