//! What a session spends: the price of its attempts, and the budget that ends them. What a provider did
//! not report is an estimate. Before the first attempt its input counts as nothing: a guess must not
//! refuse a request. From the first content on it counts as estimated.

use cost::{
    Account, Brought, Money, PriceError, Prompt, Rate, Service, StreamCost, Tariff, Terms,
    Timestamp, Usage, Waste,
};
use retry_policy::Nanos;
use std::sync::Arc;

use crate::attempt::Flow;
use crate::hedge::Hedge;
use crate::meter::estimated_input;
use crate::outcome::Cause;
use crate::seam::Rung;
use crate::session::Session;

/// Tokens of the message that asks a model to go on, with the fragment that it quotes; about 80 words.
const INSTRUCTION_TOKENS: u64 = 100;

/// Tokens of the fragment that the model says once more.
const REPEATED_TOKENS: u64 = 12;

/// What the model costs on the terms of the request.
#[derive(Clone, Debug)]
pub struct Pricing {
    /// The price of the model.
    pub price: Arc<cost::Price>,
    /// How urgent the request is.
    pub service: Service,
    /// Where it is processed, if it is pinned to a region.
    pub region: Option<Arc<str>>,
    /// The time of day at zero of the caller's clock.
    pub began: Timestamp,
}

/// What a model costs that is asked in the place of the request's own.
#[derive(Clone, Debug)]
pub struct PricedModel {
    /// Its name, as in [`Place`](crate::Place).
    pub model: Arc<str>,
    /// Its price on the terms of the request.
    pub pricing: Pricing,
}

impl Pricing {
    fn terms(&self, now: Nanos) -> Terms<'_> {
        let at = self.began.seconds().saturating_add_unsigned(now.as_secs());
        let at = Timestamp::from_unix(u64::try_from(at).unwrap_or(0));
        Terms { at, service: self.service, region: self.region.as_deref() }
    }

    fn bill(&self, usage: &Usage, now: Nanos) -> Result<Money, PriceError> {
        self.price.bill(usage, &self.terms(now)).map(|bill| bill.total)
    }

    /// What this input costs, and a token of output next to it.
    fn input(&self, input: &Usage, now: Nanos) -> Option<(Money, Rate)> {
        let rates = self.price.rates(input.input_total().ok()?, &self.terms(now)).ok()?;
        Some((rates.bill(input).ok()?.total, rates.output?))
    }
}

/// What one attempt is billed for.
#[derive(Clone, Debug)]
pub(crate) struct Spent {
    pub(crate) usage: Usage,
    pub(crate) rung: Rung,
    /// There is text in the answer that came from it.
    pub(crate) brought: bool,
    pub(crate) is_estimate: bool,
    /// What was asked in the place of the request's model.
    pub(crate) model: Option<Arc<str>>,
}

impl Spent {
    const fn brought(&self) -> Brought {
        match (self.brought, self.rung) {
            (false, _) => Brought::Nothing,
            (true, Rung::Retry | Rung::Replay | Rung::Cursor | Rung::Fetch) => Brought::Answer,
            (true, Rung::Prefill | Rung::Instruct | Rung::Turn) => Brought::Rest,
        }
    }
}

/// What was spent so far.
#[derive(Debug, Default)]
pub(crate) struct Spending {
    account: Account,
    /// When the first attempt that is billed began, and what it was asked of in the place of the
    /// request's model.
    first: Option<(Nanos, Option<Arc<str>>)>,
    /// The input that was last billed for: what the next attempt costs at least.
    input: Usage,
    /// Output tokens that the budget leaves to the live attempt; `None` is any number.
    allowance: Option<u64>,
    /// A copy of the live attempt was billed since that was worked out.
    pub(crate) is_stale: bool,
}

impl Session {
    /// What the response has cost so far, attempts of earlier processes and the live one included;
    /// `None` where it is not known. What the provider did not report yet is an estimate.
    #[must_use]
    pub fn spent(&self) -> Option<Money> {
        if self.has_no_prices() {
            return None;
        }
        let spent = self.spending.account.spent()?;
        let bill = |flow: &Flow| {
            let pricing = self.pricing_of(flow.asked_model.as_deref())?;
            pricing.bill(&self.billed(flow), flow.began).ok()
        };
        let mut copies = self.hedges.iter().map(|hedge| bill(hedge.flow()));
        let spent = copies.try_fold(spent, |sum, bill| sum.checked_add(bill?).ok())?;
        let live = self.live().map(|live| &live.flow);
        let bill = match (live, self.kept.as_deref()) {
            (None, None) => return Some(spent),
            (Some(one), None) | (None, Some(one)) => bill(one)?,
            // It is fetched whole: one generation, of which each knows a part.
            (Some(live), Some(kept)) => bill(live)?.max(bill(kept)?),
        };
        spent.checked_add(bill).ok()
    }

    /// What the response cost; `None` where that is not known.
    pub(crate) fn cost(&self) -> Option<StreamCost> {
        let first = self.spending.first.as_ref();
        let (began, model) =
            first.map_or((Nanos::ZERO, None), |(at, model)| (*at, model.as_deref()));
        let pricing = self.pricing_of(model)?;
        self.spending.account.cost(|usage| pricing.bill(usage, began))
    }

    /// The price of a model that is asked in the place of the request's own; `None` is that.
    fn pricing_of(&self, model: Option<&str>) -> Option<&Pricing> {
        let Some(model) = model else { return self.config.pricing.as_ref() };
        let found = self.config.priced_models.iter().find(|priced| *priced.model == *model);
        found.map(|priced| &priced.pricing)
    }

    /// The price of the model that is asked at present.
    fn pricing(&self) -> Option<&Pricing> {
        self.pricing_of(self.model.as_deref())
    }

    fn has_no_prices(&self) -> bool {
        self.config.pricing.is_none() && self.config.priced_models.is_empty()
    }

    /// What an attempt is billed for, as far as is known. One without content is billed for what
    /// it reports.
    pub(crate) fn billed(&self, flow: &Flow) -> Usage {
        if flow.usage_final || flow.meter.is_empty() {
            return flow.usage;
        }
        flow.meter.complete(flow.usage, || self.input_of(flow))
    }

    /// Tokens of the request of an attempt, as an estimate.
    fn input_of(&self, flow: &Flow) -> u64 {
        *flow.estimated_input.get_or_init(|| self.estimate_of(flow))
    }

    fn estimate_of(&self, flow: &Flow) -> u64 {
        let new = usize::try_from(flow.text_bytes).unwrap_or(0);
        let partial = match flow.asked {
            Rung::Retry | Rung::Replay | Rung::Cursor | Rung::Fetch => 0,
            Rung::Prefill | Rung::Instruct | Rung::Turn => self.transcript.text.len() - new,
        };
        estimated_input(&self.request, partial)
    }

    /// Enters an attempt that is over, and says what it cost.
    pub(crate) fn spend(&mut self, spent: &Spent, began: Nanos) -> Option<Money> {
        if self.has_no_prices() {
            return None;
        }
        let pricing = self.pricing_of(spent.model.as_deref());
        let bill = pricing.and_then(|pricing| pricing.bill(&spent.usage, began).ok());
        let spending = &mut self.spending;
        spending.account.add(&spent.usage, spent.brought(), spent.is_estimate, bill);
        if spent.usage.input_total() != Ok(0) {
            spending.first.get_or_insert_with(|| (began, spent.model.clone()));
            spending.input = input_of(&spent.usage);
        }
        bill
    }

    /// Shown tokens above which going on by an instruction costs less than the whole again; `None` where
    /// no price says so.
    pub(crate) fn instruction_pays_above(&self, now: Nanos) -> Option<u64> {
        let pricing = self.pricing()?;
        let input = self.spending.input.input_total().ok()?;
        let rates = pricing.price.rates(input, &pricing.terms(now)).ok()?;
        let tariff = Tariff::new(&rates, Prompt::Uncached, Prompt::Uncached).ok()?;
        let thinking = self.summary.attempts.iter().map(|attempt| attempt.usage.output_reasoning);
        let waste = Waste {
            instruction: INSTRUCTION_TOKENS,
            repeated: REPEATED_TOKENS,
            thinking: thinking.max().unwrap_or(0),
            lost: 0,
        };
        tariff.message_pays_above(&waste).ok()?
    }

    /// An attempt that its provider accepted and that was cut before it reported: its input is billed.
    pub(crate) fn estimate_input(&self, flow: &mut Flow) {
        if flow.usage.input_total() == Ok(0) {
            flow.usage.input = self.input_of(flow);
        }
    }

    // ---- the budget

    /// Whether anything is left of the budget.
    pub(crate) fn afford_any(&self) -> Result<(), Cause> {
        let Some(limit) = self.config.budget else { return Ok(()) };
        let spent = self.spending.account.spent().ok_or(Cause::Unpriced)?;
        if spent < limit { Ok(()) } else { Err(Cause::OverBudget) }
    }

    /// Whether the budget has room for another attempt, as far as its input is known.
    pub(crate) fn afford_attempt(&mut self, now: Nanos) -> Result<(), Cause> {
        let input = self.spending.input;
        self.allow(&input, now)?;
        match self.spending.allowance {
            Some(0) => Err(Cause::OverBudget),
            _ => Ok(()),
        }
    }

    /// Whether the budget has room for a copy of the live attempt, beside what is under way. It changes
    /// nothing of what is left to that attempt.
    pub(crate) fn affords_hedge(&self, now: Nanos) -> bool {
        let Some(limit) = self.config.budget else { return true };
        let Some(live) = self.live() else { return false };
        let is_reported = |flow: &Flow| flow.usage.input_total() != Ok(0);
        let flows = || self.hedges.iter().map(Hedge::flow).chain([&live.flow]);
        let input = flows().map(|flow| input_of(&flow.usage)).find(|it| it.input_total() != Ok(0));
        let input = input
            .unwrap_or_else(|| Usage { input: self.estimate_of(&live.flow), ..Usage::default() });
        let bill = self.pricing().and_then(|pricing| Some(pricing.input(&input, now)?.0));
        let (Some(bill), Some(spent)) = (bill, self.spent()) else { return false };
        let unreported = flows().filter(|flow| !is_reported(flow)).count();
        let all = (0..=unreported).try_fold(spent, |sum, _| sum.checked_add(bill).ok());
        all.is_some_and(|all| all <= limit)
    }

    /// Whether what came is within the budget. Only a report of usage has to be worked out.
    /// Where content comes before a report, the input is estimated, once.
    pub(crate) fn afford(&mut self, flow: &Flow, reports: bool, now: Nanos) -> Result<(), Cause> {
        if self.config.budget.is_none() {
            return Ok(());
        }
        let has_content = !flow.meter.is_empty();
        let is_first = has_content && flow.estimated_input.get().is_none();
        let is_stale = has_content && std::mem::take(&mut self.spending.is_stale);
        if reports || is_stale || is_first && flow.usage.input_total() == Ok(0) {
            self.allow(&input_of(&self.billed(flow)), now)?;
        }
        match self.spending.allowance {
            Some(allowance) if flow.meter.tokens() >= allowance => Err(Cause::OverBudget),
            _ => Ok(()),
        }
    }

    /// Works out what the budget leaves for output next to this input.
    fn allow(&mut self, input: &Usage, now: Nanos) -> Result<(), Cause> {
        let Some(limit) = self.config.budget else { return Ok(()) };
        let spent = self.spending.account.spent().ok_or(Cause::Unpriced)?;
        let left = limit.checked_sub(spent).unwrap_or(Money::ZERO);
        let pricing = self.pricing().ok_or(Cause::Unpriced)?;
        let (bill, rate) = pricing.input(input, now).ok_or(Cause::Unpriced)?;
        let left = left.checked_sub(bill).unwrap_or(Money::ZERO);
        self.spending.allowance = if left <= Money::ZERO { Some(0) } else { tokens(left, rate) };
        Ok(())
    }
}

fn input_of(usage: &Usage) -> Usage {
    Usage { output: 0, output_reasoning: 0, output_audio: 0, web_searches: 0, ..*usage }
}

/// How many tokens so much money buys; `None` is any number.
fn tokens(left: Money, rate: Rate) -> Option<u64> {
    let each = rate.of(1).ok()?.units();
    let whole = left.units().max(0).checked_div(each)?;
    u64::try_from(whole).ok()
}
