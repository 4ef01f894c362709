//! The fixtures by their places: one that left frees its own for the next that comes.

use std::collections::BTreeSet;
use std::ops::{Index, IndexMut};

use super::fixture::Fixture;

/// All fixtures that are kept. Whatever names one inside the state names its place; a place that is free is taken first by the
/// next one, the lowest first, so that equal histories use equal places.
#[derive(Clone, Debug, Default)]
pub struct Fixtures {
    places: Vec<Option<Fixture>>,
    free: BTreeSet<u32>,
}

impl Fixtures {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of places, free ones included: one more than the last that [`Fixtures::get`] may know.
    pub fn place_count(&self) -> usize {
        self.places.len()
    }

    /// The fixture at a place.
    #[inline]
    pub fn get(&self, place: usize) -> Option<&Fixture> {
        self.places.get(place)?.as_ref()
    }

    /// All of them, in the order of their places: of their announcement, but that a new one takes the first place that is free.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Fixture> + Clone {
        self.places.iter().flatten()
    }

    /// The first of them.
    pub fn first(&self) -> Option<&Fixture> {
        self.iter().next()
    }

    /// All of them with their places.
    pub fn entries(&self) -> impl Iterator<Item = (usize, &Fixture)> {
        self.places.iter().enumerate().filter_map(|(place, fixture)| Some((place, fixture.as_ref()?)))
    }

    /// The places that are taken, for a walk that changes what is there.
    pub(crate) fn taken(&self) -> Vec<usize> {
        self.entries().map(|(place, _)| place).collect()
    }

    pub(crate) fn free(&self) -> &BTreeSet<u32> {
        &self.free
    }

    /// Adds one; its place.
    pub(crate) fn insert(&mut self, fixture: Fixture) -> usize {
        match self.free.pop_first() {
            Some(place) => {
                self.places[place as usize] = Some(fixture);
                place as usize
            }
            None => {
                self.places.push(Some(fixture));
                self.places.len() - 1
            }
        }
    }

    /// Takes one away and frees its place.
    pub(crate) fn remove(&mut self, place: usize) -> Option<Fixture> {
        let fixture = self.places.get_mut(place)?.take()?;
        self.free.insert(place as u32);
        Some(fixture)
    }

    /// The next places, as long as they are free in a snapshot that is being read: nothing is added there.
    pub(crate) fn skip_free(&mut self, free: &BTreeSet<u32>) {
        while free.contains(&(self.places.len() as u32)) {
            self.places.push(None);
        }
    }

    /// All of a snapshot was read: its free places may be taken again.
    ///
    /// # Errors
    /// There are other free places than that.
    pub(crate) fn end_restore(&mut self, free: BTreeSet<u32>) -> Result<(), String> {
        self.skip_free(&free);
        let count = self.places.iter().filter(|place| place.is_none()).count();
        if count != free.len() {
            return Err(format!("{} places of fixtures are free, and {count} are not taken", free.len()));
        }
        self.free = free;
        Ok(())
    }
}

impl Index<usize> for Fixtures {
    type Output = Fixture;

    #[inline]
    fn index(&self, place: usize) -> &Fixture {
        self.places[place].as_ref().expect("the place is taken")
    }
}

impl IndexMut<usize> for Fixtures {
    #[inline]
    fn index_mut(&mut self, place: usize) -> &mut Fixture {
        self.places[place].as_mut().expect("the place is taken")
    }
}

impl<'a> IntoIterator for &'a Fixtures {
    type Item = &'a Fixture;
    type IntoIter = std::iter::Flatten<std::slice::Iter<'a, Option<Fixture>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.places.iter().flatten()
    }
}

impl<'a> IntoIterator for &'a mut Fixtures {
    type Item = &'a mut Fixture;
    type IntoIter = std::iter::Flatten<std::slice::IterMut<'a, Option<Fixture>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.places.iter_mut().flatten()
    }
}
