//! Decisions: what is so after a command. Follow a command from the one match below into the file that decides it.
//!
//! Whoever decides reads the state, and changes it by facts alone ([`Step::fact`]). A refusal is a fact as well, and changes
//! nothing but a count.

mod annul;
mod approval;
mod archive;
mod bet;
mod customers;
mod desk;
mod expectation;
mod fixture;
mod guard;
mod limits;
mod line_limits;
pub(crate) mod money;
mod places;
mod referral;
pub(crate) mod result;
pub(crate) mod settle;
pub(crate) mod source;

use oddsengine_facts::{Body, Command, Fact, Reason};
use oddsengine_types::{BoundsError, FixtureId};

use crate::state::State;
use crate::step::{Answer, Refusal, Step};
use expectation::Asked;
use settle::WEIGHED_PER_RECORD;
use source::Heard;

impl Step<'_> {
    /// Decides a command.
    pub fn decide(&mut self, command: &Command) -> Answer {
        // A new epoch is known before anything is decided in it: a price published under the old one after the
        // restart would reuse a version that may have been lost.
        let starts_epoch = self.starts_epoch(command);
        if let (true, Body::EpochStarted { epoch }) = (starts_epoch, &command.body) {
            self.start_epoch(*epoch, command.time_ns);
        }
        let is_unbroken = match self.hear(command) {
            Heard::Taken { is_unbroken } => is_unbroken,
            Heard::Repeated => return Answer::Repeated,
            Heard::Refused(refusal) => return self.refuse(refusal),
        };
        if let Some(answer) = self.needs_second_person(command) {
            return answer;
        }
        let answer = match &command.body {
            Body::PlaceTicket(request) => return self.place(request, &command.origin),
            Body::AnswerOffer { ticket, customer, takes } => {
                return match self.answer_offer(*ticket, *customer, *takes, &command.origin) {
                    Ok(answer) => answer,
                    Err(refusal) => self.refuse(refusal),
                };
            }
            Body::Deposit(request) => return self.move_money(request, true),
            Body::Withdraw(request) => return self.move_money(request, false),
            Body::Tick { read_ns } => {
                self.stop_overdue();
                self.settle_slice();
                self.annul_slice();
                self.drop_expired();
                self.settle_due(*read_ns);
                self.decide_delayed(*read_ns);
                self.weigh_accumulators(WEIGHED_PER_RECORD);
                self.archive_slice();
                return Answer::None;
            }
            Body::Heartbeat => {
                self.heartbeat(command, is_unbroken);
                Ok(())
            }
            Body::ResetSource { source } => self.reset_source(source),
            Body::EpochStarted { .. } if starts_epoch => Ok(()),
            Body::EpochStarted { epoch } => {
                Err((Reason::OutOfSequence, format!("epoch {epoch} is not above {}", self.epoch)))
            }
            Body::ReleaseStarted { release, config } => self.start_release(release, config),
            Body::Configure(config) => self.set_config(config),
            Body::SetScope { scope, settings } => self.set_scope(scope, settings),
            Body::AddFixture(request) => self.add_fixture(request),
            Body::SetPrices { fixture, prices } => self.set_prices(*fixture, prices, &command.origin.source),
            Body::SetExpectation { fixture, supremacy_e6, total_e6, mode, weight_e3 } => {
                let asked = Asked { supremacy_e6: *supremacy_e6, total_e6: *total_e6, weight_e3: *weight_e3 };
                self.set_expectation(*fixture, asked, *mode, &command.origin.source)
            }
            Body::Incident { fixture, incident } => {
                // Only the source that spoke of it before can have missed nothing.
                let known = self.fixture(*fixture);
                let is_theirs = known.is_some_and(|known| known.fed_by == command.origin.source);
                self.incident(*fixture, incident, is_unbroken && is_theirs)
            }
            Body::Suspend { fixture, market } => self.suspend(*fixture, *market, command.origin.channel),
            Body::Resume { fixture, market, lifts } => {
                self.resume(*fixture, *market, *lifts, command.origin.channel)
            }
            Body::SetManualOdds { fixture, market, odds_e4, keeps_in_play, override_by } => {
                self.set_manual_odds(*fixture, *market, odds_e4.as_deref(), *keeps_in_play, override_by)
            }
            Body::LockMarket { fixture, market, locked, keeps_in_play } => {
                self.lock_market(*fixture, *market, *locked, *keeps_in_play)
            }
            Body::SettleMarket { .. }
            | Body::TellResult(_)
            | Body::VoidFixture { .. }
            | Body::CancelTicket { .. }
            | Body::Annul(_)
            | Body::TakeBackAnnulment { .. } => self.settle_by_hand(&command.body, &command.origin),
            Body::SetReview { fixture, market, why } => self.set_review(*fixture, *market, why.as_deref()),
            Body::Approve { action } => self.approve(*action, &command.origin),
            Body::Decline { action } => self.decline(*action),
            Body::SetCustomer { customer, factor_e3 } => self.set_customer(*customer, *factor_e3),
            Body::SetSwitch { scope, is_off, reason } => {
                self.set_switch(scope, *is_off, reason, &command.origin.source)
            }
            Body::SetStanding { customer, standing, reason } => {
                self.set_standing(*customer, *standing, reason)
            }
            Body::SetCustomerTerms { customer, terms } => self.set_customer_terms(*customer, terms),
            Body::SetOwnLimit { customer, kind, period, limit_minor } => {
                self.set_own_limit(*customer, *kind, *period, *limit_minor)
            }
            Body::ConfirmOwnLimit { customer, kind, period } => {
                self.confirm_own_limit(*customer, *kind, *period)
            }
            Body::RuleReferral { ticket, ruling } => {
                self.rule_referral(*ticket, ruling, &command.origin.source)
            }
            Body::DefineSpace(definition) => self.define_space(definition),
            Body::SetModelInputs { fixture, inputs } => {
                self.set_model_inputs(*fixture, inputs, &command.origin.source)
            }
            Body::SetProbabilities { fixture, probabilities } => {
                self.set_probabilities(*fixture, probabilities, &command.origin.source)
            }
            Body::ModelFailed { fixture, fault } => self.model_failed(*fixture, *fault),
            Body::Reprice { fixture } => self.reprice(*fixture),
            Body::Halt { fixture, ends } => self.halt(*fixture, *ends),
            Body::RecallTickets { tickets } => self.recall_tickets(tickets),
            Body::RecallFixtures { fixtures } => self.recall_fixtures(fixtures),
            Body::RecallMoney { transfer } => self.recall_transfer(transfer),
        };
        match answer {
            Ok(()) => {
                self.hear_of(command);
                Answer::Done
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    #[cold]
    fn refuse(&mut self, (reason, detail): Refusal) -> Answer {
        self.fact(Fact::Refused { reason, detail: detail.clone() });
        Answer::Refused { reason, detail }
    }
}

impl State {
    /// A numbered source cannot start an epoch: only the runtime can, and it numbers nothing.
    fn starts_epoch(&self, command: &Command) -> bool {
        matches!(command.body, Body::EpochStarted { epoch } if epoch > self.epoch && command.origin.seq.is_none())
    }

    fn known_fixture(&self, id: FixtureId) -> Result<usize, Refusal> {
        self.index_of(id).ok_or_else(|| (Reason::FixtureNotFound, format!("fixture {id} is not known")))
    }

    fn open_fixture(&self, id: FixtureId) -> Result<usize, Refusal> {
        let index = self.known_fixture(id)?;
        match self.fixtures[index].is_closed() {
            true => Err((Reason::FixtureClosed, format!("fixture {id} is over or void"))),
            false => Ok(index),
        }
    }
}

#[cold]
fn out_of_bounds(error: BoundsError) -> Refusal {
    (Reason::ValueOutOfBounds, error.to_string())
}
