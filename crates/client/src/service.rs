//! The client as a `tower::Service`: the body of an HTTP request in, the provider's event stream out.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};
use hyper::body::Body;
use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::body::EventBody;
use crate::client::Client;
use crate::error::Error;

/// Answers requests with one stream each.
///
/// Of a request its body counts, which is that of the wire; method, path and headers are the
/// caller's to route by, and keys and headers of the endpoints are sent. The response comes once the
/// provider has begun, with status 200 and the name of the stream in [`STREAM_ID_HEADER`].
///
/// ```
/// use client::{Client, Endpoint, Profile, Service};
///
/// let endpoint = Endpoint::new("http://127.0.0.1:8080", Profile::OPENAI)?;
/// let service = Service::new(Client::builder().endpoint(endpoint).build()?);
/// # let _ = service;
/// # Ok::<(), client::Error>(())
/// ```
///
/// # Errors
///
/// What [`Client::stream`] says, `InvalidRequest` for a body that cannot be read or is longer than
/// 32 MiB, and why there is no response where none begins.
#[derive(Clone, Debug)]
pub struct Service {
    client: Client,
}

/// The header of a response that names its stream.
pub const STREAM_ID_HEADER: HeaderName = HeaderName::from_static("unbroken-stream-id");

impl Service {
    /// One that asks this client.
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self { client }
    }

    async fn answer<B>(self, request: Request<B>) -> Result<Response<EventBody>, Error>
    where
        B: Body,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let body = read(request.into_body()).await?;
        let stream = self.client.stream(crate::Request::new(body)).await?;
        let id = HeaderValue::from_str(stream.id().as_str());
        let mut body = stream.into_body();
        poll_fn(|cx| body.poll_begun(cx)).await?;
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(STREAM_ID_HEADER, id.expect("the name of a stream is ASCII"));
        Ok(response)
    }
}

async fn read<B>(body: B) -> Result<Bytes, Error>
where
    B: Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let read = Limited::new(body, BODY_BYTES_MAX).collect().await;
    read.map(Collected::to_bytes).map_err(|error| match error.downcast::<LengthLimitError>() {
        Ok(_) => Error::long_request(),
        Err(error) => Error::unread_request(error),
    })
}

impl<B> tower_service::Service<Request<B>> for Service
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<EventBody>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<EventBody>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Who may begin, and when, is the pool's to say.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}

/// Bytes of a request's body.
const BODY_BYTES_MAX: usize = 32 << 20;
