//! How the positions of all views of a fixture combine: the space on which its worst case is exact.
//!
//! A *main* space enumerates the outcomes that most views project from. A *side* view that is not a function
//! of a main cell (the order of goals) is joined by compatibility: each main cell has the set of side cells
//! that can occur with it. The fixture's profit and loss at (main, side) is the sum of both parts.

/// A set of side cells, one bit each.
pub type SideMask = u128;

/// The joint space of a sport's views.
#[derive(Clone, Debug, Default)]
pub struct JointSpace {
    /// Number of main cells.
    pub main_count: usize,
    /// Per view: the view's cell for every main cell; empty for the side view.
    pub view_cell_of_main: Vec<Vec<u8>>,
    /// The view that lives on the side space, if any; its cells are the side cells.
    pub side_view: Option<u8>,
    /// Distinct sets of compatible side cells.
    pub side_masks: Vec<SideMask>,
    /// Per main cell: index of its set in `side_masks`.
    pub side_mask_of_main: Vec<u16>,
}

impl JointSpace {
    /// The view's cell for every main cell; `None` for the side view.
    #[inline]
    pub fn main_cells(&self, view: u8) -> Option<&[u8]> {
        let cells = &self.view_cell_of_main[usize::from(view)];
        (!cells.is_empty()).then_some(cells.as_slice())
    }
}
