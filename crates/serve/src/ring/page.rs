//! Pages of pieces: cells that are written once, by the writer, and read without a lock.

use std::{sync::OnceLock, time::Instant};

use super::Piece;

/// Pieces of a page. A page that holds many bytes is closed before it is full.
pub(super) const SLOTS: usize = 32;

/// A piece in its place.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) piece: Piece,
    /// When it was pushed.
    pub(super) at: Instant,
    /// Bytes pushed before it.
    pub(super) offset: u64,
}

/// Some pieces with consecutive numbers.
#[derive(Debug)]
pub(super) struct Page {
    first: u64,
    slots: [OnceLock<Block>; SLOTS],
}

impl Page {
    /// Makes an empty page of which the first piece will have this number.
    pub(super) fn new(first: u64) -> Self {
        Self {
            first,
            slots: [const { OnceLock::new() }; SLOTS],
        }
    }

    /// Returns the number of the first piece.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Puts a piece into its cell; the writer does it once for each number, in order.
    pub(super) fn put(&self, number: u64, block: Block) {
        if let Some(slot) = self.slot(number) {
            let free = slot.set(block).is_ok();
            debug_assert!(free, "a number is given once");
        }
    }

    /// Returns a piece that has been put.
    pub(super) fn block(&self, number: u64) -> Option<&Block> {
        self.slot(number)?.get()
    }

    /// Returns the newest piece.
    pub(super) fn last(&self) -> Option<&Block> {
        self.slots.iter().map_while(OnceLock::get).last()
    }

    fn slot(&self, number: u64) -> Option<&OnceLock<Block>> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.slots.get(index)
    }
}
