//! Sets of cells as bits, and what a leg says about the cells of a space: its grades.

/// A set of up to `64 * WORDS` cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cells<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Cells<WORDS> {
    pub const EMPTY: Self = Self([0; WORDS]);

    #[inline]
    pub fn insert(&mut self, cell: usize) {
        self.0[cell / 64] |= 1 << (cell % 64);
    }

    #[inline]
    pub fn contains(&self, cell: usize) -> bool {
        self.0[cell / 64] >> (cell % 64) & 1 == 1
    }

    #[inline]
    pub fn and(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    #[inline]
    pub fn minus(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & !other.0[word]))
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.iter().fold(0, |all, word| all | word) == 0
    }

    #[inline]
    pub fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).fold(0, |all, (a, b)| all | (a & b)) != 0
    }

    #[inline]
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).fold(0, |all, (a, b)| all | (a & !b)) == 0
    }

    /// The 128 cells from `128 * row`.
    #[inline]
    pub fn row(&self, row: usize) -> u128 {
        u128::from(self.0[2 * row]) | u128::from(self.0[2 * row + 1]) << 64
    }

    /// Replaces the 128 cells from `128 * row`.
    #[inline]
    pub fn set_row(&mut self, row: usize, cells: u128) {
        self.0[2 * row] = cells as u64;
        self.0[2 * row + 1] = (cells >> 64) as u64;
    }

    /// Calls `visit` for every cell, ascending.
    #[inline]
    pub fn for_each(&self, mut visit: impl FnMut(usize)) {
        for (word, &bits) in self.0.iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                visit(word * 64 + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
        }
    }

    /// The cells of the set for which `keeps` holds.
    pub fn filtered(&self, mut keeps: impl FnMut(usize) -> bool) -> Self {
        let mut kept = Self::EMPTY;
        self.for_each(|cell| {
            if keeps(cell) {
                kept.insert(cell);
            }
        });
        kept
    }
}

/// What a leg does on a space: for each of its grades but lost, the cells that have it.
#[derive(Clone, Debug)]
pub(super) struct GradeSets<const WORDS: usize> {
    /// Cells on which the whole stake is won.
    pub won: Cells<WORDS>,
    /// Cells on which at least a part is won; equal to `won` where no grade refunds.
    pub winning: Cells<WORDS>,
    /// Cells on which something comes back.
    pub kept: Cells<WORDS>,
    /// The other grades than won and lost, by index into the template's grades.
    pub partial: Box<[(u8, Cells<WORDS>)]>,
}

/// Cells on which the legs have the same grades, each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class<const WORDS: usize> {
    /// The grade index of leg `i` in bits `4 i`..`4 i + 4`; 0 where it is won.
    pub signature: u128,
    pub cells: Cells<WORDS>,
}

impl<const WORDS: usize> GradeSets<WORDS> {
    /// From the grade index of every cell. `kind_of(grade)` says how a grade pays.
    pub fn new(cell_count: usize, grade_at: impl Fn(usize) -> u8, kind_of: impl Fn(u8) -> GradeKind) -> Self {
        let mut sets =
            Self { won: Cells::EMPTY, winning: Cells::EMPTY, kept: Cells::EMPTY, partial: Box::new([]) };
        let mut partial: Vec<(u8, Cells<WORDS>)> = Vec::new();
        for cell in 0..cell_count {
            let grade = grade_at(cell);
            let kind = kind_of(grade);
            if kind == GradeKind::Lost {
                continue;
            }
            sets.kept.insert(cell);
            if kind != GradeKind::Refunds {
                sets.winning.insert(cell);
            }
            if kind == GradeKind::Won {
                sets.won.insert(cell);
                continue;
            }
            match partial.iter_mut().find(|(known, _)| *known == grade) {
                Some((_, cells)) => cells.insert(cell),
                None => {
                    let mut cells = Cells::EMPTY;
                    cells.insert(cell);
                    partial.push((grade, cells));
                }
            }
        }
        sets.partial = partial.into_boxed_slice();
        sets
    }

    /// Splits classes by this leg's grade; `leg` is its place in the multiple.
    pub fn split(&self, leg: usize, classes: &mut Vec<Class<WORDS>>) {
        for index in 0..classes.len() {
            let Class { signature, cells } = classes[index];
            for (grade, set) in &self.partial {
                let part = cells.and(set);
                if !part.is_empty() {
                    classes
                        .push(Class { signature: signature | u128::from(*grade) << (4 * leg), cells: part });
                }
            }
            classes[index].cells = cells.and(&self.won);
        }
        classes.retain(|class| class.signature == 0 || !class.cells.is_empty());
    }
}

/// How a grade pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GradeKind {
    Lost,
    /// Something comes back, nothing is won.
    Refunds,
    /// A part of the stake is won.
    PartlyWon,
    Won,
}
