//! Competitions: each is there as long as a fixture of it is.

use std::collections::BTreeMap;
use std::ops::Index;

use oddsengine_types::{Slots, SportId};

use super::Competition;

const PER_PAGE: usize = 64;

/// All competitions by their places: one that left frees its own for the next.
#[derive(Clone, Debug, Default)]
pub struct Competitions {
    slots: Slots<Competition, PER_PAGE>,
    /// Where each is.
    places: BTreeMap<(SportId, String), u32>,
}

impl Competitions {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Number of places, free ones included.
    pub fn place_count(&self) -> usize {
        self.slots.place_count()
    }

    /// The competition at a place.
    pub fn get(&self, place: usize) -> Option<&Competition> {
        self.slots.get(u32::try_from(place).ok()?)
    }

    /// All of them, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &Competition> + Clone {
        self.slots.iter()
    }

    /// One more fixture is of this competition; its place.
    pub(crate) fn join(&mut self, sport: SportId, name: &str) -> u32 {
        let key = (sport, name.to_owned());
        if let Some(&place) = self.places.get(&key) {
            self.slots[place as usize].fixture_count += 1;
            return place;
        }
        let competition = Competition { name: name.to_owned(), sport, loss_minor: 0, fixture_count: 1 };
        let place = self.slots.insert(competition);
        self.places.insert(key, place);
        place
    }

    /// A fixture with this loss is no longer of it: it leaves with the last one.
    pub(crate) fn leave(&mut self, place: u32, loss_minor: i64) {
        let competition = &mut self.slots[place as usize];
        competition.loss_minor -= loss_minor;
        competition.fixture_count -= 1;
        if competition.fixture_count == 0
            && let Some(gone) = self.slots.remove(place)
        {
            self.places.remove(&(gone.sport, gone.name));
        }
    }

    pub(crate) fn change_loss(&mut self, place: u32, change_minor: i64) {
        self.slots[place as usize].loss_minor += change_minor;
    }
}

impl Index<usize> for Competitions {
    type Output = Competition;

    fn index(&self, place: usize) -> &Competition {
        &self.slots[place]
    }
}

impl<'a> IntoIterator for &'a Competitions {
    type Item = &'a Competition;
    type IntoIter = Box<dyn Iterator<Item = &'a Competition> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}
