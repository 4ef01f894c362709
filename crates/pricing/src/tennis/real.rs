//! One number, or four at once.
//!
//! Prices with uncertain serve levels are means over four pairs of levels. All chances are computed for the four pairs side by
//! side: the walk over scores is the same, only the numbers differ, and the compiler turns four into vector instructions. Every
//! lane has the bits that the same computation has alone.

use std::ops::{Add, AddAssign, Div, Mul, Sub};

/// Most numbers that a [`Real`] is.
pub const LANES_MAX: usize = 4;

/// A number of one or several serve levels.
pub trait Real:
    Copy
    + Default
    + PartialEq
    + std::fmt::Debug
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
{
    /// How many numbers it is.
    const LANES: usize;

    /// One in every lane.
    const ONE: Self;

    /// The same number in every lane.
    fn of(value: f64) -> Self;

    /// Zero in every lane.
    fn is_zero(self) -> bool;

    /// The number in a lane.
    fn lane(self, lane: usize) -> f64;

    /// The sum over the lanes, each times its weight.
    fn weighted(self, weights: Self) -> f64;

    /// Adds to every cell its number times the weights, summed over the lanes.
    #[inline(always)]
    fn add_weighted(cells: &mut [f64], numbers: &[Self], weights: Self) {
        for (cell, number) in cells.iter_mut().zip(numbers) {
            *cell += number.weighted(weights);
        }
    }

    /// One minus it.
    #[inline(always)]
    fn complement(self) -> Self {
        Self::ONE - self
    }
}

impl Real for f64 {
    const LANES: usize = 1;

    const ONE: Self = 1.0;

    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn is_zero(self) -> bool {
        self == 0.0
    }

    #[inline(always)]
    fn lane(self, _: usize) -> f64 {
        self
    }

    #[inline(always)]
    fn weighted(self, weights: Self) -> f64 {
        self * weights
    }
}

/// Four numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(align(32))]
pub struct Four(pub [f64; 4]);

macro_rules! by_lane {
    ($($trait:ident $function:ident $operator:tt),*) => {$(
        impl $trait for Four {
            type Output = Self;
            #[inline(always)]
            fn $function(self, other: Self) -> Self {
                Self([
                    self.0[0] $operator other.0[0],
                    self.0[1] $operator other.0[1],
                    self.0[2] $operator other.0[2],
                    self.0[3] $operator other.0[3],
                ])
            }
        }
    )*};
}
by_lane!(Add add +, Sub sub -, Mul mul *, Div div /);

impl AddAssign for Four {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Real for Four {
    const LANES: usize = 4;

    const ONE: Self = Self([1.0; 4]);

    #[inline(always)]
    fn of(value: f64) -> Self {
        Self([value; 4])
    }

    #[inline(always)]
    fn is_zero(self) -> bool {
        self.0 == [0.0; 4]
    }

    #[inline(always)]
    fn lane(self, lane: usize) -> f64 {
        self.0[lane]
    }

    #[inline(always)]
    fn weighted(self, weights: Self) -> f64 {
        let [a, b, c, d] = (self * weights).0;
        (a + b) + (c + d)
    }
}
