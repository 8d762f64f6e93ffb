//! The standard retry strategy of `aws-smithy-runtime`, with a classifier that knows the verdict
//! and a clock that stands still.

use std::hint::black_box;

use aws_smithy_async::time::StaticTimeSource;
use aws_smithy_runtime::client::retries::TokenBucket;
use aws_smithy_runtime::client::retries::strategy::StandardRetryStrategy;
use aws_smithy_runtime_api::client::interceptors::context::{
    Error, Input, InterceptorContext, Output,
};
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, SharedRetryClassifier,
};
use aws_smithy_runtime_api::client::retries::{RequestAttempts, RetryStrategy, ShouldAttempt};
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_types::config_bag::{ConfigBag, Layer};
use aws_smithy_types::retry::{RetryConfig, RetrySpec};

#[derive(Debug)]
struct Given(RetryAction);

impl ClassifyRetry for Given {
    fn classify_retry(&self, _: &InterceptorContext) -> RetryAction {
        self.0.clone()
    }

    fn name(&self) -> &'static str {
        "given"
    }
}

struct Setting {
    strategy: StandardRetryStrategy,
    components: RuntimeComponents,
    config: ConfigBag,
    context: InterceptorContext,
}

impl Setting {
    fn new(action: RetryAction, outcome: Result<Output, OrchestratorError<Error>>) -> Self {
        let classifier = SharedRetryClassifier::new(Given(action));
        let components = RuntimeComponentsBuilder::for_tests()
            .with_retry_classifier(classifier)
            .with_time_source(Some(StaticTimeSource::from_secs(1_800_000_000)))
            .build()
            .expect("all components of a test");
        let mut layer = Layer::new("peers");
        let spec = RetrySpec::v2_1();
        layer.store_put(RetryConfig::standard().with_max_attempts(u32::MAX).with_retry_spec(spec));
        layer.store_put(RequestAttempts::new(5));
        // So many that none is denied.
        layer.store_put(TokenBucket::new(400_000_000));
        let mut context = InterceptorContext::new(Input::doesnt_matter());
        context.set_output_or_error(outcome);
        Self {
            strategy: StandardRetryStrategy::new(),
            components,
            config: ConfigBag::of_layers(vec![layer]),
            context,
        }
    }

    fn decide(&self) -> ShouldAttempt {
        let (components, config) = (black_box(&self.components), black_box(&self.config));
        self.strategy
            .should_attempt_retry(black_box(&self.context), components, config)
            .expect("the strategy has all that it needs")
    }
}

pub(super) fn failure(count: u32) {
    let outcome = Err(OrchestratorError::other("cut"));
    let setting = Setting::new(RetryAction::transient_error(), outcome);
    for _ in 0..count {
        let decision = black_box(setting.decide());
        assert!(matches!(decision, ShouldAttempt::YesAfterDelay(_)));
    }
}

pub(super) fn success(count: u32) {
    let outcome = Ok(Output::doesnt_matter());
    let setting = Setting::new(RetryAction::NoActionIndicated, outcome);
    for _ in 0..count {
        assert!(matches!(black_box(setting.decide()), ShouldAttempt::No));
    }
}
