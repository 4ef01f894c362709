//! Prices are facts for the naive engine, so they are checked by themselves: fair prices sum to the number of
//! winners, no offered price is above its fair one, and what is decided is not offered.

use oddsengine_engine::{Engine, Fixture, PriceSource};
use oddsengine_markets::{LivePhase, LiveState};
use oddsengine_types::Odds;

use crate::compare::Agreement;

/// How far a sum of fair probabilities may be from the number of winners.
const SUM_TOLERANCE: f64 = 1e-6;

/// Checks the board of a fixture.
pub fn check_board(engine: &Engine, fixture: &Fixture) -> Agreement {
    let (template, config) = (fixture.template(), engine.config());
    let is_race = matches!(fixture.live, LiveState::Racing(_));
    for (index, market) in template.markets.iter().enumerate() {
        let source = fixture.price_source(index);
        let fair: Vec<f64> =
            market.selections().map(|selection| fixture.fair_probability(selection)).collect();
        let wrong = |what: String| Err(format!("fixture {} {}: {what}", fixture.id(), market.key));
        let refund = market.selections().map(|selection| fixture.board.refund[selection]).fold(0.0, f64::max);
        let sum: f64 = fair.iter().sum();
        // Where the stake surely comes back there is no fair price, and a tiny rest has no exact one. After the end
        // nothing is offered, and the outcome may be one that the model thought impossible.
        let is_over = fixture.live.phase() == LivePhase::Finished;
        // An each-way bet is two bets at one price: its shares are not those of one winner.
        let is_each_way = market.key.starts_with("each_way");
        let has_price = fixture.board.has_expectations && !is_over && !is_each_way && refund < 1.0 - 1e-4;
        // No more runners are placed than start and have a price, and of a race with a result no more than came home.
        let placed = if is_race { fair.iter().filter(|&&fair| fair > 0.0).count() } else { usize::MAX };
        let winners = usize::from(market.winners).min(placed);
        if has_price && (sum - winners as f64).abs() > SUM_TOLERANCE {
            return wrong(format!("fair probabilities sum to {sum}, winners are {winners}"));
        }
        for (place, selection) in market.selections().enumerate() {
            let (odds_e4, name) = (fixture.board.odds_e4[selection], &template.selections[selection].name);
            let (win, refund) = (fixture.board.win[selection], fixture.board.refund[selection]);
            if !(-1e-9..=1.0 + 1e-9).contains(&win) || !(-1e-9..=1.0 + 1e-9).contains(&(win + refund)) {
                return wrong(format!("{name} wins with {win} and is refunded with {refund}"));
            }
            if odds_e4 == 0 {
                continue;
            }
            if fixture.grades[selection].is_some() {
                return wrong(format!("{name} is decided and offered at {odds_e4}"));
            }
            if source != PriceSource::Model {
                continue;
            }
            let odds = f64::from(odds_e4) / 10_000.0;
            if odds * fair[place] > 1.0 + 1e-9 {
                return wrong(format!(
                    "{name} is offered at {odds}, above its fair price 1 / {}",
                    fair[place]
                ));
            }
            let on_ladder = Odds::from_e4(odds_e4).ok().and_then(|odds| config.ladder.down(odds));
            if on_ladder.is_none_or(|rung| rung.e4() != odds_e4) {
                return wrong(format!("{name} is offered at {odds}, which is not on the ladder"));
            }
            if odds_e4 < config.odds_e4_min || odds_e4 > config.odds_e4_max {
                return wrong(format!("{name} is offered at {odds}, outside the configured odds"));
            }
        }
    }
    Ok(())
}
