//! Lists in copy-on-write pages: a copy shares all pages, and a change copies the one page that it touches.
//!
//! What a snapshot needs of a list is a copy of it: made in a moment whatever the length, and encoded by another thread while
//! the list goes on changing. A page remembers the hash of its bytes until it changes, so that the hash of a long list costs
//! the pages that changed since the last one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut, Index, IndexMut};
use std::sync::{Arc, OnceLock};

use crate::{Decode, DecodeError, Encode, Reader, StateHash};

/// Pages of a chunk: a copy of a list copies one pointer for so many pages.
const CHUNK_PAGES: usize = 64;

/// Bytes that name the contents of a part wherever it is kept.
pub type Address = [u8; 32];

/// A piece of a state that is encoded on its own.
pub trait Part: Send + Sync {
    /// Appends its bytes, and remembers their hash.
    fn encode_part(&self, out: &mut Vec<u8>);
    /// The hash of its bytes: computed once, unless it is known.
    fn hash(&self) -> StateHash;
    /// Under what its bytes are kept, set by whoever has kept them.
    fn address(&self) -> &OnceLock<Address>;
}

/// A value that remembers the hash of its bytes until it is changed, shared until one of those who hold it changes it.
#[derive(Debug)]
pub struct Sealed<T>(Arc<Seal<T>>);

#[derive(Debug)]
struct Seal<T> {
    value: T,
    hash: OnceLock<StateHash>,
    address: OnceLock<Address>,
}

impl<T> Sealed<T> {
    /// Holds a value.
    pub fn new(value: T) -> Self {
        Self(Arc::new(Seal { value, hash: OnceLock::new(), address: OnceLock::new() }))
    }
}

impl<T: Encode + Send + Sync + 'static> Sealed<T> {
    /// The part that it is.
    pub fn part(&self) -> Arc<dyn Part> {
        self.0.clone()
    }

    /// The hash of its bytes.
    pub fn hash(&self) -> StateHash {
        self.0.hash()
    }
}

impl<T: Encode + Send + Sync> Part for Seal<T> {
    fn encode_part(&self, out: &mut Vec<u8>) {
        let start = out.len();
        self.value.encode(out);
        self.hash.get_or_init(|| StateHash::of(&out[start..]));
    }

    fn hash(&self) -> StateHash {
        *self.hash.get_or_init(|| {
            let mut bytes = Vec::new();
            self.value.encode(&mut bytes);
            StateHash::of(&bytes)
        })
    }

    fn address(&self) -> &OnceLock<Address> {
        &self.address
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Clone> Clone for Seal<T> {
    /// To be changed: the hash is not that of the copy for long.
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), hash: OnceLock::new(), address: OnceLock::new() }
    }
}

impl<T: PartialEq> PartialEq for Sealed<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.value == other.0.value
    }
}

impl<T> Deref for Sealed<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: Clone> DerefMut for Sealed<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        let seal = Arc::make_mut(&mut self.0);
        seal.hash.take();
        seal.address.take();
        &mut seal.value
    }
}

/// A list in pages of `PAGE` items. The last page may be shorter, and no other.
#[derive(Clone, Debug)]
pub struct Pages<T, const PAGE: usize> {
    chunks: Vec<Arc<Vec<Sealed<Vec<T>>>>>,
    len: usize,
}

impl<T, const PAGE: usize> Default for Pages<T, PAGE> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T, const PAGE: usize> Pages<T, PAGE> {
    /// Number of items.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// No items.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// An item.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        let page = index / PAGE;
        self.chunks.get(page / CHUNK_PAGES)?.get(page % CHUNK_PAGES)?.get(index % PAGE)
    }

    /// The last item.
    pub fn last(&self) -> Option<&T> {
        self.get(self.len.checked_sub(1)?)
    }

    /// All items in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        self.pages().flat_map(|page| page.iter())
    }

    fn pages(&self) -> impl DoubleEndedIterator<Item = &Sealed<Vec<T>>> + Clone {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// Number of pages.
    pub fn page_count(&self) -> usize {
        self.len.div_ceil(PAGE)
    }
}

impl<T: Clone, const PAGE: usize> Pages<T, PAGE> {
    /// An item, to be changed.
    #[inline]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        if index >= self.len {
            return None;
        }
        let page = index / PAGE;
        Some(&mut Arc::make_mut(&mut self.chunks[page / CHUNK_PAGES])[page % CHUNK_PAGES][index % PAGE])
    }

    /// Adds an item at the end.
    pub fn push(&mut self, item: T) {
        let page = self.len / PAGE;
        if self.len.is_multiple_of(PAGE) {
            if page.is_multiple_of(CHUNK_PAGES) {
                self.chunks.push(Arc::new(Vec::with_capacity(CHUNK_PAGES)));
            }
            let chunk = self.chunks.last_mut().expect("one was added");
            Arc::make_mut(chunk).push(Sealed::new(Vec::with_capacity(PAGE)));
        }
        Arc::make_mut(&mut self.chunks[page / CHUNK_PAGES])[page % CHUNK_PAGES].push(item);
        self.len += 1;
    }

    /// Takes the last item off.
    pub fn pop(&mut self) -> Option<T> {
        let chunk = Arc::make_mut(self.chunks.last_mut()?);
        let page = chunk.last_mut().expect("no chunk is empty");
        let item = page.pop();
        if page.is_empty() {
            chunk.pop();
        }
        if chunk.is_empty() {
            self.chunks.pop();
        }
        self.len -= 1;
        item
    }
}

impl<T: Encode + Send + Sync + 'static, const PAGE: usize> Pages<T, PAGE> {
    /// Its pages as parts, in order.
    pub fn parts(&self) -> impl Iterator<Item = Arc<dyn Part>> {
        self.pages().map(Sealed::part)
    }

    /// The hashes of its pages, in order.
    pub fn hashes(&self) -> impl Iterator<Item = StateHash> {
        self.pages().map(Sealed::hash)
    }
}

impl<T: Decode + Clone, const PAGE: usize> Pages<T, PAGE> {
    /// Adds a page from its bytes.
    ///
    /// # Errors
    /// The bytes are no page, or not one that follows on those before.
    pub fn push_page(&mut self, input: &mut Reader<'_>) -> Result<(), DecodeError> {
        if !self.len.is_multiple_of(PAGE) {
            return Err(input.error("a page follows one that is not full"));
        }
        let items = Vec::<T>::decode(input)?;
        if !(1..=PAGE).contains(&items.len()) {
            return Err(input.error(format!("a page has {} items, 1 to {PAGE} are allowed", items.len())));
        }
        if input.remaining() > 0 {
            return Err(input.error(format!("{} bytes are left over of a page", input.remaining())));
        }
        items.into_iter().for_each(|item| self.push(item));
        Ok(())
    }
}

impl<T: PartialEq, const PAGE: usize> PartialEq for Pages<T, PAGE> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.pages().eq(other.pages())
    }
}

impl<T, const PAGE: usize> Index<usize> for Pages<T, PAGE> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        let page = index / PAGE;
        &self.chunks[page / CHUNK_PAGES][page % CHUNK_PAGES][index % PAGE]
    }
}

impl<T: Clone, const PAGE: usize> IndexMut<usize> for Pages<T, PAGE> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        let page = index / PAGE;
        &mut Arc::make_mut(&mut self.chunks[page / CHUNK_PAGES])[page % CHUNK_PAGES][index % PAGE]
    }
}

/// Places in pages that are taken and given back: what is added takes the first place that is free, so that equal histories
/// use equal places.
#[derive(Clone, Debug)]
pub struct Slots<T, const PAGE: usize> {
    pages: Pages<Option<T>, PAGE>,
    /// Derived: the free places.
    free: BTreeSet<u32>,
}

impl<T, const PAGE: usize> Default for Slots<T, PAGE> {
    fn default() -> Self {
        Self { pages: Pages::default(), free: BTreeSet::new() }
    }
}

impl<T, const PAGE: usize> Slots<T, PAGE> {
    /// Number of places taken.
    pub fn len(&self) -> usize {
        self.pages.len() - self.free.len()
    }

    /// No place is taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of places, free ones included: one more than the last that [`Slots::get`] may know.
    pub fn place_count(&self) -> usize {
        self.pages.len()
    }

    /// The pages that hold it.
    pub fn pages(&self) -> &Pages<Option<T>, PAGE> {
        &self.pages
    }

    /// The place that the next item gets.
    pub fn next_place(&self) -> u32 {
        self.free.first().copied().unwrap_or(self.pages.len() as u32)
    }

    /// What is at a place.
    #[inline]
    pub fn get(&self, place: u32) -> Option<&T> {
        self.pages.get(place as usize)?.as_ref()
    }

    /// All that is there with its place, in the order of places.
    pub fn entries(&self) -> impl Iterator<Item = (u32, &T)> + Clone {
        (0_u32..).zip(self.pages.iter()).filter_map(|(place, item)| Some((place, item.as_ref()?)))
    }

    /// All that is there, in the order of places.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        self.pages.iter().flatten()
    }
}

impl<T: Clone, const PAGE: usize> Slots<T, PAGE> {
    /// Adds an item; its place.
    pub fn insert(&mut self, item: T) -> u32 {
        match self.free.pop_first() {
            Some(place) => {
                self.pages[place as usize] = Some(item);
                place
            }
            None => {
                let place = u32::try_from(self.pages.len()).expect("memory ends before places do");
                self.pages.push(Some(item));
                place
            }
        }
    }

    /// What is at a place, to be changed.
    #[inline]
    pub fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        self.pages.get_mut(place as usize)?.as_mut()
    }

    /// Takes away an item as if it had not been inserted: of several, the last one first.
    pub fn withdraw(&mut self, place: u32) -> Option<T> {
        match place as usize + 1 == self.pages.len() && !self.free.contains(&place) {
            true => self.pages.pop().flatten(),
            false => self.remove(place),
        }
    }

    /// Takes an item away and frees its place.
    pub fn remove(&mut self, place: u32) -> Option<T> {
        let item = self.pages.get_mut(place as usize)?.take()?;
        self.free.insert(place);
        Some(item)
    }
}

impl<T: Decode + Clone, const PAGE: usize> Slots<T, PAGE> {
    /// Adds a page from its bytes.
    ///
    /// # Errors
    /// As [`Pages::push_page`].
    pub fn push_page(&mut self, input: &mut Reader<'_>) -> Result<(), DecodeError> {
        let first = self.pages.len();
        self.pages.push_page(input)?;
        let free = (first..self.pages.len()).filter(|&place| self.pages[place].is_none());
        self.free.extend(free.map(|place| place as u32));
        Ok(())
    }
}

impl<T: PartialEq, const PAGE: usize> PartialEq for Slots<T, PAGE> {
    fn eq(&self, other: &Self) -> bool {
        self.pages == other.pages
    }
}

impl<T, const PAGE: usize> Index<usize> for Slots<T, PAGE> {
    type Output = T;

    #[inline]
    fn index(&self, place: usize) -> &T {
        self.pages[place].as_ref().expect("the place is taken")
    }
}

impl<T: Clone, const PAGE: usize> IndexMut<usize> for Slots<T, PAGE> {
    #[inline]
    fn index_mut(&mut self, place: usize) -> &mut T {
        self.pages[place].as_mut().expect("the place is taken")
    }
}

/// Few of many places, in pages that hold those alone: a copy shares all pages, and a page without any is none.
#[derive(Clone, Debug)]
pub struct Sparse<T, const PAGE: usize> {
    pages: BTreeMap<u32, Sealed<Vec<(u32, T)>>>,
    len: usize,
}

impl<T, const PAGE: usize> Default for Sparse<T, PAGE> {
    fn default() -> Self {
        Self { pages: BTreeMap::new(), len: 0 }
    }
}

impl<T, const PAGE: usize> Sparse<T, PAGE> {
    const fn page_of(place: u32) -> u32 {
        place / PAGE as u32
    }

    /// Number of places that hold something.
    pub fn len(&self) -> usize {
        self.len
    }

    /// No place holds anything.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of pages.
    pub fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// What a place holds.
    pub fn get(&self, place: u32) -> Option<&T> {
        let page = self.pages.get(&Self::page_of(place))?;
        Some(&page[page.binary_search_by_key(&place, |&(place, _)| place).ok()?].1)
    }

    /// All that is there with its place, in the order of places.
    pub fn entries(&self) -> impl Iterator<Item = (u32, &T)> {
        self.pages.values().flat_map(|page| page.iter()).map(|(place, item)| (*place, item))
    }
}

impl<T: Clone, const PAGE: usize> Sparse<T, PAGE> {
    /// Puts an item to a place; what it held.
    pub fn insert(&mut self, place: u32, item: T) -> Option<T> {
        let page = self.pages.entry(Self::page_of(place)).or_insert_with(|| Sealed::new(Vec::new()));
        match page.binary_search_by_key(&place, |&(place, _)| place) {
            Ok(at) => Some(std::mem::replace(&mut page[at].1, item)),
            Err(at) => {
                page.insert(at, (place, item));
                self.len += 1;
                None
            }
        }
    }

    /// Takes away what a place holds.
    pub fn remove(&mut self, place: u32) -> Option<T> {
        let number = Self::page_of(place);
        let page = self.pages.get_mut(&number)?;
        let at = page.binary_search_by_key(&place, |&(place, _)| place).ok()?;
        let (_, item) = page.remove(at);
        if page.is_empty() {
            self.pages.remove(&number);
        }
        self.len -= 1;
        Some(item)
    }
}

impl<T: Encode + Send + Sync + 'static, const PAGE: usize> Sparse<T, PAGE> {
    /// Its pages as parts, in order.
    pub fn parts(&self) -> impl Iterator<Item = Arc<dyn Part>> {
        self.pages.values().map(Sealed::part)
    }

    /// The hashes of its pages, in order.
    pub fn hashes(&self) -> impl Iterator<Item = StateHash> {
        self.pages.values().map(Sealed::hash)
    }
}

impl<T: Decode + Clone, const PAGE: usize> Sparse<T, PAGE> {
    /// Adds a page from its bytes.
    ///
    /// # Errors
    /// The bytes are no page, or not one that follows on those before.
    pub fn push_page(&mut self, input: &mut Reader<'_>) -> Result<(), DecodeError> {
        let items = Vec::<(u32, T)>::decode(input)?;
        let Some(&(first, _)) = items.first() else { return Err(input.error("a page is empty")) };
        let number = Self::page_of(first);
        if self.pages.last_key_value().is_some_and(|(&last, _)| last >= number) {
            return Err(input.error(format!("page {number} does not follow on the one before")));
        }
        let is_rising = items.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !is_rising || items.iter().any(|&(place, _)| Self::page_of(place) != number) {
            return Err(input.error(format!("the places of page {number} are not its own, in order")));
        }
        if input.remaining() > 0 {
            return Err(input.error(format!("{} bytes are left over of a page", input.remaining())));
        }
        self.len += items.len();
        self.pages.insert(number, Sealed::new(items));
        Ok(())
    }
}

impl<T: PartialEq, const PAGE: usize> PartialEq for Sparse<T, PAGE> {
    fn eq(&self, other: &Self) -> bool {
        self.pages == other.pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::encode_to_vec;

    type Small = Pages<u64, 4>;

    #[test]
    fn a_copy_shares_what_neither_changes() {
        let mut list = Small::default();
        (0..1_000).for_each(|item| list.push(item));
        let copy = list.clone();
        list[700] = 7;
        list.push(1_000);
        assert_eq!((copy[700], copy.len()), (700, 1_000), "the copy is as it was");
        assert_eq!((list[700], list.len(), list.get(1_001)), (7, 1_001, None));
        let shared = list.pages().zip(copy.pages()).filter(|(a, b)| Arc::ptr_eq(&a.0, &b.0)).count();
        assert_eq!(shared, 249, "one page of 250 was copied, and one added");
    }

    #[test]
    fn a_hash_is_that_of_the_present_bytes() {
        let mut list = Small::default();
        (0..9).for_each(|item| list.push(item));
        let hash_of = |items: &[u64]| StateHash::of(&encode_to_vec(&items.to_vec()));
        let before: Vec<_> = list.hashes().collect();
        assert_eq!(before, [hash_of(&[0, 1, 2, 3]), hash_of(&[4, 5, 6, 7]), hash_of(&[8])]);
        let copy = list.clone();
        list[5] = 0;
        // A hash that outlived a change told two states as one.
        assert_eq!(list.hashes().nth(1), Some(hash_of(&[4, 0, 6, 7])));
        assert_eq!(copy.hashes().collect::<Vec<_>>(), before);
        // Alone, a page is changed in its place, and its address is forgotten as well.
        drop(copy);
        let part = list.parts().next().unwrap();
        part.address().set([1; 32]).unwrap();
        drop(part);
        list[0] = 9;
        assert_eq!(list.parts().next().unwrap().address().get(), None);
        assert_eq!(list.hashes().next(), Some(hash_of(&[9, 1, 2, 3])));
    }

    #[test]
    fn pages_are_read_back_and_others_refused() {
        let mut list = Small::default();
        (0..9).for_each(|item| list.push(item));
        let read = |parts: &[Vec<u8>]| -> Result<Small, DecodeError> {
            let mut list = Small::default();
            parts.iter().try_for_each(|part| list.push_page(&mut Reader::new(part)))?;
            Ok(list)
        };
        let parts: Vec<Vec<u8>> = list
            .parts()
            .map(|part| {
                let mut bytes = Vec::new();
                part.encode_part(&mut bytes);
                bytes
            })
            .collect();
        assert_eq!(read(&parts), Ok(list));
        let what = |parts: &[Vec<u8>]| read(parts).unwrap_err().what;
        assert!(what(&[parts[2].clone(), parts[0].clone()]).contains("not full"));
        assert!(what(&[encode_to_vec(&Vec::<u64>::new())]).contains("0 items, 1 to 4"));
        assert!(what(&[encode_to_vec(&vec![0_u64; 5])]).contains("5 items, 1 to 4"));
        assert!(what(&[[parts[0].as_slice(), &[0]].concat()]).contains("1 bytes are left over"));
    }

    #[test]
    fn items_come_off_the_end() {
        let mut list = Small::default();
        (0..300).for_each(|item| list.push(item));
        let copy = list.clone();
        for item in (0..300).rev() {
            assert_eq!(list.pop(), Some(item));
            assert_eq!(list.get(item as usize), None);
        }
        assert_eq!((list.pop(), list.len(), list.chunks.len()), (None, 0, 0));
        assert!(copy.iter().copied().eq(0..300));
    }

    /// What was inserted for a decision that came to nothing left a free place at the end, in the one state that had tried it.
    #[test]
    fn what_is_withdrawn_leaves_no_trace() {
        let mut slots = Slots::<u64, 4>::default();
        (0..4_u32).for_each(|item| assert_eq!(slots.insert(item.into()), item));
        slots.remove(1);
        let before = slots.clone();
        let places = [7, 8, 9].map(|item| slots.insert(item));
        assert_eq!(places, [1, 4, 5]);
        places.iter().rev().for_each(|&place| assert!(slots.withdraw(place).is_some()));
        assert_eq!((slots.place_count(), &slots), (4, &before));
        assert_eq!((slots.insert(10), slots.insert(11)), (1, 4));
    }

    #[test]
    fn the_first_free_place_is_taken_first_live_and_restored() {
        let mut slots = Slots::<u64, 4>::default();
        (0..10).for_each(|item| assert_eq!(slots.insert(item), item as u32));
        for place in [7, 2, 5] {
            assert_eq!(slots.remove(place), Some(u64::from(place)));
            assert_eq!((slots.remove(place), slots.get(place)), (None, None));
        }
        assert_eq!((slots.len(), slots.place_count()), (7, 10));
        let mut restored = Slots::<u64, 4>::default();
        for part in slots.pages().parts() {
            let mut bytes = Vec::new();
            part.encode_part(&mut bytes);
            restored.push_page(&mut Reader::new(&bytes)).unwrap();
        }
        for slots in [&mut slots, &mut restored] {
            assert_eq!([11, 12, 13, 14].map(|item| slots.insert(item)), [2, 5, 7, 10]);
        }
        assert_eq!(slots, restored);
    }

    #[test]
    fn few_of_many_places_cost_their_own_pages() {
        let mut few = Sparse::<u64, 4>::default();
        for place in [1_000_000, 7, 5, 4_000_000_000] {
            assert_eq!(few.insert(place, u64::from(place)), None);
        }
        assert_eq!((few.len(), few.page_count()), (4, 3), "5 and 7 are on one page");
        let copy = few.clone();
        assert_eq!(few.insert(5, 6), Some(5));
        assert_eq!((few.get(5), copy.get(5), few.get(6)), (Some(&6), Some(&5), None));
        let shared = few.pages.values().zip(copy.pages.values()).filter(|(a, b)| Arc::ptr_eq(&a.0, &b.0));
        assert_eq!(shared.count(), 2);
        assert_eq!(
            few.entries().map(|(place, _)| place).collect::<Vec<_>>(),
            [5, 7, 1_000_000, 4_000_000_000]
        );

        let mut read = Sparse::<u64, 4>::default();
        for part in copy.parts() {
            let mut bytes = Vec::new();
            part.encode_part(&mut bytes);
            read.push_page(&mut Reader::new(&bytes)).expect("they are pages");
        }
        assert!(read == copy && read.len() == 4);
        assert_eq!(
            (few.remove(1_000_000), few.remove(1_000_000), few.page_count()),
            (Some(1_000_000), None, 2)
        );

        // Foreign pages: out of order, of two pages, empty.
        for places in [vec![3, 2], vec![3, 4], vec![]] {
            let items: Vec<(u32, u64)> = places.into_iter().map(|place| (place, 0)).collect();
            let bytes = encode_to_vec(&items);
            assert!(Sparse::<u64, 4>::default().push_page(&mut Reader::new(&bytes)).is_err(), "{items:?}");
        }
        let before = encode_to_vec(&vec![(0_u32, 0_u64)]);
        assert!(read.push_page(&mut Reader::new(&before)).is_err(), "it does not follow");
    }
}
