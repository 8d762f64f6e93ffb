//! The flags that say where requests go and with which key. It opens no connection, and no
//! error of it quotes a key or a header.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use client::{Builder, Carrier, Client, Endpoint, Profile, Proxy, RequestForm, Secret, Wire};
use std::env;
use std::net::IpAddr;

use crate::advice::Advice;
use crate::diagnostics::report;
use crate::fallbacks::Fallbacks;
use crate::profile_file::ProfileFile;
use crate::status::usage_error;

/// Where requests go.
#[derive(Args, Default)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Server to ask; a bare host gets /v1, a path is kept [default: the provider's own]. May be
    /// given again: servers of the same models, of which any takes over from one that fails; the key
    /// and the headers go to each
    #[arg(long = "base-url", value_name = "URL")]
    base_urls: Vec<String>,

    /// Wire that the server speaks [default: that of the profile, else anthropic]
    #[arg(long, value_parser = wires())]
    protocol: Option<Wire>,

    /// Server with ways of its own, by its profile; needs --base-url and --model
    #[arg(long, value_name = "NAME", value_parser = profiles())]
    profile: Option<Profile>,

    /// Server with ways of its own, by a TOML file that describes them; needs --base-url and --model.
    /// `resume` needs it again
    #[arg(long, value_name = "FILE", value_parser = ProfileFile::read, conflicts_with = "profile")]
    profile_file: Option<ProfileFile>,

    /// One more header, 'Name: value'; may be given again. Is not in the checkpoint unless it is
    /// known to be no secret: `resume` needs it again
    #[arg(long = "header", value_name = "HEADER")]
    headers: Vec<String>,

    /// Environment variable that holds the key [default: ANTHROPIC_API_KEY,
    /// OPENAI_API_KEY or GEMINI_API_KEY, by the protocol; AWS_BEARER_TOKEN_BEDROCK with --profile bedrock]
    #[arg(long, value_name = "VAR")]
    api_key_env: Option<String>,

    /// Has responses come over WebSockets: OpenAI's Responses alone. One that is lost on a socket goes on
    /// over HTTP
    #[arg(long)]
    websocket: bool,

    /// Proxy that every server is reached through, http:// or https://, in place of those of
    /// https_proxy, http_proxy, all_proxy and no_proxy; a password is better in those variables,
    /// because others can see the arguments of a process
    #[arg(long, value_name = "URL", conflicts_with = "no_proxy")]
    proxy: Option<String>,

    /// Reaches every server without a proxy, whatever the environment says
    #[arg(long)]
    no_proxy: bool,

    #[command(flatten)]
    fallbacks: Fallbacks,
}

impl Connection {
    /// The profile that the flags name; `stored` is that of a checkpoint, where there is one.
    pub(crate) fn profile(&self, stored: Option<Profile>) -> anyhow::Result<Profile> {
        let profile = self
            .named_profile()
            .or(stored)
            .or(self.protocol.map(Profile::for_wire))
            .unwrap_or(Profile::ANTHROPIC);
        for wire in self.protocol.into_iter().chain(stored.map(|stored| stored.wire)) {
            if wire != profile.wire {
                let Profile { name, wire: other, .. } = profile;
                return Err(usage_error(format_args!(
                    "profile {name} speaks {other}, but {wire} is asked for"
                )));
            }
        }
        Ok(profile)
    }

    /// The profile that a flag names, by its name or by its file.
    pub(crate) fn named_profile(&self) -> Option<Profile> {
        let file = self.profile_file.as_ref();
        file.map(|file| file.custom.profile).or(self.profile)
    }

    /// Refuses unless the flags, or their absence, name the server of a checkpoint.
    pub(crate) fn require(&self, profile: &Profile, stored: &str) -> anyhow::Result<()> {
        let own = || own_endpoint(profile, Secret::new("")).into_iter().map(Ok);
        let named = self.base_urls.iter().map(|url| Endpoint::new(url, *profile));
        let named: Result<Vec<_>, _> = match self.base_urls.as_slice() {
            [] => own().collect(),
            _ => named.collect(),
        };
        if named.map_err(usage_error)?.iter().any(|endpoint| endpoint.base_url() == stored) {
            return Ok(());
        }
        Err(usage_error(format_args!(
            "the stream was made at {}; to go on there, give --base-url {0}",
            stored.escape_debug()
        )))
    }

    /// The servers, each with the key and the headers; there is at least one.
    pub(crate) fn endpoints(&self, profile: Profile) -> anyhow::Result<Vec<Endpoint>> {
        let key = self.key(&profile)?;
        let bare: Vec<_> = match (self.base_urls.as_slice(), &key) {
            ([], Some(key)) => own_endpoint(&profile, key.clone()).into_iter().collect(),
            (urls, _) => {
                let bare = urls.iter().map(|url| Endpoint::new(url, profile));
                bare.collect::<Result<_, _>>().map_err(usage_error)?
            }
        };
        if bare.is_empty() {
            let name = profile.name;
            return Err(usage_error(format_args!("profile {name} needs --base-url")));
        }
        if key.is_some() && !bare.iter().all(|endpoint| is_private(endpoint.base_url())) {
            warn_of_plain_text();
        }
        bare.into_iter().map(|endpoint| self.equip(endpoint, key.as_ref())).collect()
    }

    fn equip(&self, mut endpoint: Endpoint, key: Option<&Secret>) -> anyhow::Result<Endpoint> {
        if let Some(key) = key {
            endpoint = endpoint.key(key.clone());
        }
        if self.websocket {
            let carried = endpoint.carried_by(Carrier::WebSocket);
            endpoint =
                carried.map_err(|error| usage_error(format_args!("--websocket: {error}")))?;
        }
        if let Some(ProfileFile { path, custom }) = &self.profile_file {
            for (name, value) in &custom.headers {
                endpoint = endpoint.header(name, value).map_err(|error| {
                    usage_error(format_args!("{path}: headers.{name}: {error}; leave it out"))
                })?;
            }
        }
        for header in &self.headers {
            let (name, value) = split(header)?;
            endpoint = endpoint.header(name, value).map_err(|error| {
                usage_error(format_args!("--header {}: {error}", name.escape_debug()))
            })?;
        }
        Ok(endpoint)
    }

    /// A client of these servers and the fallbacks, yet without checkpoints and clocks.
    pub(crate) fn client(&self, endpoints: Vec<Endpoint>) -> anyhow::Result<Builder> {
        let fallbacks = match endpoints.first() {
            Some(first) => self.fallbacks.endpoints(*first.profile(), first)?,
            None => Vec::new(),
        };
        let builder = endpoints.into_iter().fold(Client::builder(), Builder::endpoint);
        let builder = fallbacks.into_iter().fold(builder, Builder::fallback);
        Ok(match &self.proxy {
            Some(url) => {
                let proxy = Proxy::new(url);
                builder.proxy(proxy.map_err(|error| usage_error(format_args!("--proxy: {error}")))?)
            }
            None if self.no_proxy => builder.no_proxy(),
            None => builder,
        })
    }

    /// Adds the flags that a later `resume` needs again.
    pub(crate) fn advise(&self, advice: &mut Advice) {
        for url in &self.base_urls {
            advice.flag("--base-url", url);
        }
        self.fallbacks.advise(advice);
        if let Some(file) = &self.profile_file {
            advice.flag("--profile-file", &file.path);
        }
        if let Some(name) = &self.api_key_env {
            advice.flag("--api-key-env", name);
        }
        if self.websocket {
            advice.switch("--websocket");
        }
        if self.no_proxy {
            advice.switch("--no-proxy");
        }
        if self.proxy.is_some() {
            advice.note("and the same --proxy");
        }
        if !self.headers.is_empty() {
            advice.note("and the same --header flags");
        }
    }

    /// The key of the environment. Only a server that a flag names may do without.
    fn key(&self, profile: &Profile) -> anyhow::Result<Option<Secret>> {
        let name = self.api_key_env.as_deref().unwrap_or(key_variable(profile));
        if name.is_empty() {
            return Err(usage_error("--api-key-env: the name of the variable is empty"));
        }
        match env::var(name) {
            Ok(key) if !key.trim().is_empty() => Ok(Some(Secret::new(key))),
            _ if !self.base_urls.is_empty() && self.api_key_env.is_none() => Ok(None),
            _ => Err(usage_error(format_args!(
                "no key: set {name}, or name another variable with --api-key-env, \
                 or give the --base-url of a server that needs none"
            ))),
        }
    }
}

/// The public API of the profile's own provider.
fn own_endpoint(profile: &Profile, key: Secret) -> Option<Endpoint> {
    match *profile {
        Profile::ANTHROPIC => Some(Endpoint::anthropic(key)),
        Profile::OPENAI => Some(Endpoint::openai(key)),
        Profile::OPENAI_RESPONSES => Some(Endpoint::openai_responses(key)),
        Profile::GEMINI => Some(Endpoint::gemini(key)),
        _ => None,
    }
}

/// The variable that a provider's own programs read.
const fn key_variable(profile: &Profile) -> &'static str {
    if matches!(profile.request, RequestForm::BedrockInvoke) {
        return "AWS_BEARER_TOKEN_BEDROCK";
    }
    match profile.wire {
        Wire::AnthropicMessages => "ANTHROPIC_API_KEY",
        Wire::OpenAiChat | Wire::OpenAiResponses => "OPENAI_API_KEY",
        Wire::Gemini => "GEMINI_API_KEY",
    }
}

/// Reads the names of the wires.
pub(crate) fn wires() -> impl TypedValueParser<Value = Wire> {
    PossibleValuesParser::new(Wire::all().iter().copied().map(wire_flag))
        .map(|name| name.parse().expect("each listed name is one of a wire"))
}

/// The wire as a flag names it.
pub(crate) const fn wire_flag(wire: Wire) -> &'static str {
    match wire {
        Wire::AnthropicMessages => "anthropic",
        Wire::OpenAiChat => "openai-chat",
        Wire::OpenAiResponses => "openai-responses",
        Wire::Gemini => "gemini",
    }
}

pub(crate) fn warn_of_plain_text() {
    report(&"the key goes over the network unencrypted: the base URL is not https");
}

/// Whether nobody on the way can read what is sent to a URL: TLS, or this machine.
pub(crate) fn is_private(url: &str) -> bool {
    let url = url.trim().to_ascii_lowercase();
    let Some(rest) = url.strip_prefix("http://") else { return true };
    let authority = rest.split('/').next().unwrap_or(rest);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn profiles() -> impl TypedValueParser<Value = Profile> {
    PossibleValuesParser::new(Profile::all().iter().map(|profile| profile.name.as_str()))
        .map(|name| Profile::named(&name).expect("each listed name is one of a profile"))
}

/// Splits `Name: value`. The value may be a secret, so it is not in the error.
fn split(header: &str) -> anyhow::Result<(&str, &str)> {
    let (name, value) = header
        .split_once(':')
        .ok_or_else(|| usage_error("--header: no colon between its name and its value"))?;
    Ok((name.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;

    fn local() -> Connection {
        Connection { base_urls: vec!["http://127.0.0.1:9".to_owned()], ..Connection::default() }
    }

    #[track_caller]
    fn refuse<T>(result: anyhow::Result<T>, words: &str) {
        let error = result.err().unwrap();
        assert_eq!(Status::of(&error), Status::Usage);
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[test]
    fn the_profile_comes_from_the_flags_then_the_checkpoint_then_the_wire() {
        let mut connection = local();
        assert_eq!(connection.profile(None).unwrap(), Profile::ANTHROPIC);
        assert_eq!(connection.profile(Some(Profile::VLLM)).unwrap(), Profile::VLLM);
        connection.protocol = Some(Wire::OpenAiChat);
        assert_eq!(connection.profile(None).unwrap(), Profile::OPENAI);
        connection.profile = Some(Profile::MISTRAL);
        assert_eq!(connection.profile(None).unwrap(), Profile::MISTRAL);
        assert_eq!(connection.profile(Some(Profile::VLLM)).unwrap(), Profile::MISTRAL);
    }

    #[test]
    fn a_profile_of_another_wire_is_refused() {
        let mut connection = local();
        connection.profile = Some(Profile::MISTRAL);
        refuse(connection.profile(Some(Profile::ANTHROPIC)), "anthropic-messages is asked for");
        connection.protocol = Some(Wire::AnthropicMessages);
        refuse(connection.profile(None), "mistral speaks openai-chat");
    }

    #[test]
    fn a_bare_host_gets_v1_and_a_header_is_taken() {
        let mut connection = local();
        connection.headers = vec!["X-Team: search".to_owned()];
        connection.base_urls.push("https://host/api".to_owned());
        let endpoints = connection.endpoints(Profile::OPENAI).unwrap();
        let urls: Vec<_> = endpoints.iter().map(Endpoint::base_url).collect();
        assert_eq!(urls, ["http://127.0.0.1:9/v1", "https://host/api"]);
    }

    #[test]
    fn only_the_server_of_the_checkpoint_is_gone_on_with() {
        let own = Connection::default();
        own.require(&Profile::ANTHROPIC, "https://api.anthropic.com/v1").unwrap();
        own.require(&Profile::OPENAI, "https://api.openai.com/v1").unwrap();
        own.require(&Profile::OPENAI_RESPONSES, "https://api.openai.com/v1").unwrap();
        let google = "https://generativelanguage.googleapis.com/v1beta";
        own.require(&Profile::GEMINI, google).unwrap();
        refuse(
            own.require(&Profile::OPENAI, "https://elsewhere/v1"),
            "--base-url https://elsewhere/v1",
        );
        refuse(own.require(&Profile::VLLM, "https://api.openai.com/v1"), "--base-url");
        local().require(&Profile::VLLM, "http://127.0.0.1:9/v1").unwrap();
        refuse(local().require(&Profile::VLLM, "http://127.0.0.1:8/v1"), ":8/v1");
        refuse(local().require(&Profile::VLLM, "http://127.0.0.1:9/v2"), "9/v2");
        let mut several = local();
        several.base_urls.push("http://127.0.0.1:8".to_owned());
        several.require(&Profile::VLLM, "http://127.0.0.1:8/v1").unwrap();
        several.require(&Profile::VLLM, "http://127.0.0.1:9/v1").unwrap();
        refuse(several.require(&Profile::VLLM, "http://127.0.0.1:7/v1"), ":7/v1");
    }

    #[test]
    fn a_bad_header_is_refused_without_its_value() {
        let mut connection = local();
        connection.headers = vec!["authorization s3cret".to_owned()];
        refuse(connection.endpoints(Profile::OPENAI), "no colon");
        connection.headers = vec!["content-length: s3cret".to_owned()];
        refuse(connection.endpoints(Profile::OPENAI), "content-length");
    }

    #[test]
    fn a_bad_url_is_refused_without_its_secrets() {
        let mut connection = local();
        connection.base_urls = vec!["https://user:s3cret@host".to_owned()];
        refuse(connection.endpoints(Profile::OPENAI), "user name or password");
    }

    #[test]
    fn only_the_responses_wire_has_websockets() {
        let mut connection = local();
        connection.websocket = true;
        refuse(connection.endpoints(Profile::OPENAI), "--websocket: ");
        connection.endpoints(Profile::OPENAI_RESPONSES).unwrap();
    }

    #[test]
    fn a_bad_proxy_is_refused_without_its_password() {
        let mut connection = local();
        connection.proxy = Some("socks5://kim:s3cret@host".to_owned());
        let endpoints = connection.endpoints(Profile::OPENAI).unwrap();
        refuse(connection.client(endpoints), "--proxy: ");
    }

    #[test]
    fn only_tls_and_this_machine_are_private() {
        for url in ["https://host", "http://localhost:80/v1", "http://127.0.0.2", "HTTP://[::1]:9/"]
        {
            assert!(is_private(url), "{url}");
        }
        for url in [
            "http://host",
            "http://10.0.0.1:80",
            "http://127.0.0.1.evil.example/",
            "http://[::2]:9",
        ] {
            assert!(!is_private(url), "{url}");
        }
    }

    #[test]
    fn a_named_variable_that_is_not_set_is_refused_even_with_a_url() {
        let mut connection = local();
        connection.api_key_env = Some("UNBROKEN_TEST_NO_SUCH_VARIABLE".to_owned());
        refuse(connection.endpoints(Profile::OPENAI), "set UNBROKEN_TEST_NO_SUCH_VARIABLE");
    }

    #[test]
    fn a_variable_without_a_name_is_refused() {
        let mut connection = local();
        connection.api_key_env = Some(String::new());
        refuse(connection.endpoints(Profile::OPENAI), "the name of the variable is empty");
    }

    #[test]
    fn a_port_that_is_none_is_refused() {
        let mut connection = local();
        connection.base_urls = vec!["http://127.0.0.1:99999".to_owned()];
        refuse(connection.endpoints(Profile::OPENAI), "port");
    }
}
