//! What a football fixture offers beyond the score: knock-out, corners, cards, intervals, players.

use oddsengine_types::{BoundsError, codec_struct};

use super::depth_views::{COUNT_AXES, CountKind, DepthView};
use super::knockout::FirstLeg;
use super::views::FootballView;
use super::{INTERVAL_COUNT, Side};

/// Most players of a side that a format lists.
pub const PLAYERS_MAX: usize = 30;
/// Most goals of a side in a first leg.
pub const FIRST_LEG_GOALS_MAX: u8 = 30;

/// The parts of a match that its markets depend on. The default is the score alone: goals, halves and their order.
///
/// ```
/// use oddsengine_markets::football::{FootballFormat, Knockout};
/// let cup = FootballFormat { knockout: Some(Knockout::default()), corners: true, ..FootballFormat::default() };
/// assert!(cup.check().is_ok());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FootballFormat {
    /// The tie must be decided: extra time, penalties, who goes through.
    pub knockout: Option<Knockout>,
    /// Corners.
    pub corners: bool,
    /// Cards.
    pub cards: bool,
    /// Goals by ten minutes.
    pub intervals: bool,
    /// Number of listed players of home and away; their names are display data.
    pub players: [u8; 2],
}
codec_struct!(FootballFormat { knockout, corners, cards, intervals, players });

/// How a knock-out tie is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Knockout {
    /// What stands between the sides before this match; all zero for a single match.
    pub first_leg: FirstLeg,
    /// Extra time is played before penalties.
    pub extra_time: bool,
}
codec_struct!(Knockout { first_leg, extra_time });

impl Default for Knockout {
    fn default() -> Self {
        Self { first_leg: FirstLeg::default(), extra_time: true }
    }
}

impl FootballFormat {
    /// What is wrong with it, if anything is.
    ///
    /// # Errors
    /// More players or first-leg goals than there can be, named.
    pub fn check(&self) -> Result<(), BoundsError> {
        for count in self.players {
            if usize::from(count) > PLAYERS_MAX {
                return Err(BoundsError::outside("listed players of a side", count, 0, PLAYERS_MAX));
            }
        }
        let first_leg = self.knockout.unwrap_or_default().first_leg;
        for goals in [first_leg.home_goals, first_leg.away_goals] {
            if goals > FIRST_LEG_GOALS_MAX {
                return Err(BoundsError::outside("goals of a first leg", goals, 0, FIRST_LEG_GOALS_MAX));
            }
        }
        Ok(())
    }

    /// Its views, by index: those of the score first.
    pub fn views(&self) -> Vec<FootballView> {
        let mut views = FootballView::ALL.to_vec();
        let mut add = |view| views.push(FootballView::Depth(view));
        for kind in CountKind::ALL.into_iter().filter(|&kind| self.counts(kind)) {
            COUNT_AXES.into_iter().for_each(|(is_first_half, axis)| {
                add(DepthView::Count { kind, is_first_half, axis });
            });
        }
        if self.intervals {
            (0..INTERVAL_COUNT as u8).for_each(|interval| add(DepthView::Interval(interval)));
        }
        if let Some(knockout) = self.knockout {
            add(DepthView::ExtraTime);
            add(DepthView::Tie(knockout));
        }
        if self.has_players() {
            add(DepthView::AnyScorer);
            for side in Side::BOTH {
                (0..self.players[side.index()]).for_each(|player| add(DepthView::Player { side, player }));
            }
        }
        views
    }

    /// Whether it lists players.
    #[inline]
    pub fn has_players(&self) -> bool {
        self.players != [0; 2]
    }

    /// Whether it counts these.
    #[inline]
    pub fn counts(&self, kind: CountKind) -> bool {
        match kind {
            CountKind::Corners => self.corners,
            CountKind::Cards => self.cards,
        }
    }
}
