//! How the positions of all views of a fixture combine: the space on which its worst case is found.
//!
//! The *main* cells enumerate the outcomes that most views project from. A view that a main cell determines is
//! *exact*; one that it only narrows to some cells is *loose*, and the book counts the least of them. With one
//! loose view the worst case is exact (football: goals by half and side, and the orders in which they can have
//! fallen); with more it is a bound, never too small a loss.

/// Most main cells of a joint space.
pub const MAIN_CELLS_MAX: usize = 65_535;

/// A set of cells of one view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CellSet {
    words: [u64; 4],
}

impl CellSet {
    /// The set of these cells, each below 256.
    pub fn from_cells(cells: impl IntoIterator<Item = usize>) -> Self {
        let mut set = Self::default();
        cells.into_iter().for_each(|cell| set.insert(cell));
        set
    }

    /// Adds a cell.
    pub fn insert(&mut self, cell: usize) {
        self.words[cell / 64] |= 1 << (cell % 64);
    }

    /// Whether a cell is in it.
    #[inline]
    pub fn contains(&self, cell: usize) -> bool {
        self.words[cell / 64] >> (cell % 64) & 1 == 1
    }

    /// The cells that are in both.
    #[inline]
    pub fn intersect(&self, other: &Self) -> Self {
        Self { words: std::array::from_fn(|word| self.words[word] & other.words[word]) }
    }

    /// No cell is in it.
    pub fn is_empty(&self) -> bool {
        self.words == [0; 4]
    }

    /// Its cells, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + use<> {
        let mut words = self.words;
        let mut word = 0;
        std::iter::from_fn(move || {
            while words[word] == 0 {
                word += 1;
                if word == words.len() {
                    return None;
                }
            }
            let cell = word * 64 + words[word].trailing_zeros() as usize;
            words[word] &= words[word] - 1;
            Some(cell)
        })
        .fuse()
    }
}

/// What a main cell says about a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewMap {
    /// The view's cell, for every main cell.
    Exact(Vec<u8>),
    /// A set of cells that can go with it, for every main cell.
    Loose {
        /// Per main cell: index into `groups`.
        group_of_main: Vec<u16>,
        /// The distinct sets.
        groups: Vec<CellSet>,
    },
}

impl ViewMap {
    /// A loose map from the set of every main cell.
    pub fn loose(sets: impl IntoIterator<Item = CellSet>) -> Self {
        let mut groups: Vec<CellSet> = Vec::new();
        let mut known = std::collections::BTreeMap::new();
        let group_of_main = sets
            .into_iter()
            .map(|set| {
                *known.entry(set.words).or_insert_with(|| {
                    groups.push(set);
                    (groups.len() - 1) as u16
                })
            })
            .collect();
        Self::Loose { group_of_main, groups }
    }

    /// Whether the view can be at `cell` when the fixture is at `main`.
    pub fn allows(&self, main: usize, cell: usize) -> bool {
        match self {
            Self::Exact(cells) => usize::from(cells[main]) == cell,
            Self::Loose { group_of_main, groups } => groups[usize::from(group_of_main[main])].contains(cell),
        }
    }
}

/// The joint space of a sport's views.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JointSpace {
    /// Number of main cells, at most [`MAIN_CELLS_MAX`].
    pub main_count: usize,
    /// Per view: what a main cell says about it.
    pub maps: Vec<ViewMap>,
}

impl JointSpace {
    /// What main cells say about a view.
    #[inline]
    pub fn map(&self, view: u8) -> &ViewMap {
        &self.maps[usize::from(view)]
    }

    /// Asserts that maps and views fit together; called when a template is compiled.
    pub(crate) fn check(&self, views: &[crate::template::View]) {
        assert!(self.main_count <= MAIN_CELLS_MAX, "{} main cells", self.main_count);
        assert_eq!(self.maps.len(), views.len(), "a map per view");
        for (map, view) in self.maps.iter().zip(views) {
            let fits = match map {
                ViewMap::Exact(cells) => {
                    cells.len() == self.main_count
                        && cells.iter().all(|&cell| usize::from(cell) < view.cell_count)
                }
                ViewMap::Loose { group_of_main, groups } => {
                    group_of_main.len() == self.main_count
                        && group_of_main.iter().all(|&group| usize::from(group) < groups.len())
                        && groups.iter().all(|set| {
                            !set.is_empty() && set.iter().last().is_some_and(|cell| cell < view.cell_count)
                        })
                }
            };
            assert!(fits, "the map of view {} does not fit it", view.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_set_lists_what_was_put_in() {
        let cells = [0, 1, 63, 64, 127, 200, 255];
        let set = CellSet::from_cells(cells);
        assert!(set.iter().eq(cells));
        assert!((0..256).all(|cell| set.contains(cell) == cells.contains(&cell)));
        assert_eq!(CellSet::default().iter().count(), 0);
        assert!(set.intersect(&CellSet::from_cells([64, 65])).iter().eq([64]));
    }
}
