//! What is set about customers: their share of the limits, their standing, the limits that they set for themselves, and what
//! counts against those.

use oddsengine_facts::{CustomerTerms, OwnLimit, OwnLimitKind, Period, Standing, Ticket, TicketState};
use oddsengine_types::{CustomerId, IdMap, Slots, codec_struct};

use super::State;

/// Customers that are copied and encoded together.
pub(crate) const CUSTOMERS_PER_PAGE: usize = 512;

const HOUR_NS: i64 = 3_600_000_000_000;
/// Hours of a customer's flows that are kept: those of the longest period.
const HOURS_KEPT: i64 = 30 * 24;

/// What is set about a customer; customers nobody set have the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Share of the limits, in thousandths; 0 is blocked.
    pub factor_e3: u32,
    /// What is set beside it; most have nothing.
    pub file: Option<Box<CustomerFile>>,
}
codec_struct!(Customer { factor_e3, file });

/// What is set about a customer beside the general factor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerFile {
    /// With the operator.
    pub standing: Standing,
    /// How their bets are looked at.
    pub terms: CustomerTerms,
    /// What they limit for themselves, in order of kind and period.
    pub limits: Vec<OwnLimit>,
    /// Since when what counts against the limits is counted; 0 where there is none.
    pub since_ns: i64,
    /// What counts against them.
    pub hours: Vec<Flow>,
}
codec_struct!(CustomerFile { standing, terms, limits, since_ns, hours });

/// What a customer deposited in an hour; what they staked on bets struck in it, and what these returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Hours since the Unix epoch, UTC.
    pub hour: i64,
    /// Deposits.
    pub deposited_minor: i64,
    /// Stakes.
    pub staked_minor: i64,
    /// Returns.
    pub returned_minor: i64,
}
codec_struct!(Flow { hour, deposited_minor, staked_minor, returned_minor });

/// The hour of a moment.
pub(crate) fn hour_of(time_ns: i64) -> i64 {
    time_ns.div_euclid(HOUR_NS)
}

impl CustomerFile {
    /// The limit of this kind and period.
    pub fn limit(&self, kind: OwnLimitKind, period: Period) -> Option<&OwnLimit> {
        self.limits.iter().find(|limit| (limit.kind, limit.period) == (kind, period))
    }

    /// What counts against a limit at this time: of the hours that its period touches.
    pub fn used_minor(&self, kind: OwnLimitKind, period: Period, now_ns: i64) -> i64 {
        let first = hour_of(now_ns) - period.hours();
        let of_hour = |flow: &Flow| match kind {
            OwnLimitKind::Deposit => flow.deposited_minor,
            OwnLimitKind::Loss => flow.staked_minor - flow.returned_minor,
            OwnLimitKind::Stake => flow.staked_minor,
        };
        self.hours.iter().rev().take_while(|flow| flow.hour >= first).map(of_hour).sum()
    }

    fn is_blank(&self) -> bool {
        self.standing == Standing::Active && self.terms == CustomerTerms::default() && self.limits.is_empty()
    }
}

/// What is set about customers, by their ids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Customers {
    pub(crate) slots: Slots<(CustomerId, Customer), CUSTOMERS_PER_PAGE>,
    /// Derived: where each is.
    places: IdMap<CustomerId, u32>,
}

impl Customers {
    pub fn get(&self, id: CustomerId) -> Option<&Customer> {
        self.places.get(&id).map(|&place| &self.slots[place as usize].1)
    }

    /// What is set about a customer beside the general factor.
    pub fn file(&self, id: CustomerId) -> Option<&CustomerFile> {
        self.get(id)?.file.as_deref()
    }

    fn entry(&mut self, id: CustomerId) -> &mut Customer {
        let place = match self.places.get(&id) {
            Some(&place) => place,
            None => {
                let place = self.slots.insert((id, Customer { factor_e3: 1_000, file: None }));
                self.places.insert(id, place);
                place
            }
        };
        &mut self.slots[place as usize].1
    }

    pub fn set_factor(&mut self, id: CustomerId, factor_e3: u32) {
        self.entry(id).factor_e3 = factor_e3;
    }

    /// Changes what is set beside the factor; where nothing is left, nothing is kept.
    pub fn change_file(&mut self, id: CustomerId, change: impl FnOnce(&mut CustomerFile)) {
        let customer = self.entry(id);
        let mut file = customer.file.take().unwrap_or_default();
        change(&mut file);
        customer.file = Some(file).filter(|file| !file.is_blank());
    }

    /// Finds every customer of the pages that were added.
    pub(crate) fn index_all(&mut self) -> Result<(), String> {
        for (place, &(id, _)) in self.slots.entries() {
            if self.places.insert(id, place).is_some() {
                return Err(format!("customer {id} is there twice"));
            }
        }
        Ok(())
    }
}

impl State {
    /// What is set about a customer beside the general factor; most have nothing.
    pub fn customer_file(&self, customer: CustomerId) -> Option<&CustomerFile> {
        self.customers.file(customer)
    }

    /// Sets a limit of a customer's own: the first one begins to count.
    pub(crate) fn set_own_limit(&mut self, customer: CustomerId, limit: OwnLimit) {
        let now_ns = self.now_ns;
        let is_first = self.customers.file(customer).is_none_or(|file| file.limits.is_empty());
        let later = if is_first { self.received_later(customer) } else { Vec::new() };
        self.customers.change_file(customer, |file| {
            if is_first {
                (file.since_ns, file.hours) = (now_ns, later);
            }
            let key = |limit: &OwnLimit| (limit.kind, limit.period);
            match file.limits.binary_search_by_key(&key(&limit), key) {
                Ok(place) => file.limits[place] = limit,
                Err(place) => file.limits.insert(place, limit),
            }
        });
    }

    /// Bets of a customer that were received now or, before the clock was set back, later: what they return will count, and so do
    /// their stakes. There are hardly ever any.
    fn received_later(&self, customer: CustomerId) -> Vec<Flow> {
        let mut flows: Vec<Flow> = Vec::new();
        if !self.has_received_later() {
            return flows;
        }
        for ticket in self.tickets.iter() {
            let is_taken = ticket.is_live() || ticket.state == TicketState::Settled;
            if ticket.customer != customer || ticket.received_ns < self.now_ns || !is_taken {
                continue;
            }
            let hour = hour_of(ticket.received_ns);
            let (staked_minor, returned_minor) = (ticket.stake_minor, ticket.paid_minor);
            flows.push(Flow { hour, deposited_minor: 0, staked_minor, returned_minor });
        }
        flows.sort_unstable_by_key(|flow| flow.hour);
        flows.dedup_by(|next, kept| {
            let is_same = next.hour == kept.hour;
            if is_same {
                kept.staked_minor += next.staked_minor;
                kept.returned_minor += next.returned_minor;
            }
            is_same
        });
        flows
    }

    /// Ends one: with the last, nothing is counted any more.
    pub(crate) fn end_own_limit(&mut self, customer: CustomerId, kind: OwnLimitKind, period: Period) {
        self.customers.change_file(customer, |file| {
            file.limits.retain(|limit| (limit.kind, limit.period) != (kind, period));
            if file.limits.is_empty() {
                (file.since_ns, file.hours) = (0, Vec::new());
            }
        });
    }

    /// Counts a ticket that was taken against its customer's own limits, or no longer counts it.
    pub(crate) fn count_own_stake(&mut self, ticket: &Ticket, is_taken: bool) {
        let stake_minor = if is_taken { ticket.stake_minor } else { -ticket.stake_minor };
        self.count_flow(ticket.customer, ticket.received_ns, |flow| flow.staked_minor += stake_minor);
    }

    /// Counts what a ticket returns more than before.
    pub(crate) fn count_own_return(&mut self, ticket: &Ticket, more_minor: i64) {
        self.count_flow(ticket.customer, ticket.received_ns, |flow| flow.returned_minor += more_minor);
    }

    /// Counts a deposit.
    pub(crate) fn count_own_deposit(&mut self, customer: CustomerId, amount_minor: i64) {
        self.count_flow(customer, self.now_ns, |flow| flow.deposited_minor += amount_minor);
    }

    fn count_flow(&mut self, customer: CustomerId, time_ns: i64, change: impl FnOnce(&mut Flow)) {
        // Nearly nobody limits themselves, and a page that is not changed is not copied.
        let first = hour_of(self.now_ns) - HOURS_KEPT;
        let hour = hour_of(time_ns);
        let counts =
            |file: &&CustomerFile| !file.limits.is_empty() && time_ns >= file.since_ns && hour >= first;
        if self.customers.file(customer).filter(counts).is_none() {
            return;
        }
        self.customers.change_file(customer, |file| {
            let place = match file.hours.binary_search_by_key(&hour, |flow| flow.hour) {
                Ok(place) => place,
                Err(place) => {
                    file.hours.insert(place, Flow { hour, ..Flow::default() });
                    place
                }
            };
            change(&mut file.hours[place]);
            file.hours.retain(|flow| flow.hour >= first);
        });
    }
}
