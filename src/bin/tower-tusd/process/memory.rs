//! Freed memory that the process keeps for later.

use std::hint::black_box;

/// Size of the largest allocation that is not a mapping of its own, in bytes.
const LARGE: usize = 2 << 20;

/// Makes glibc keep up to 4 MiB of freed memory in each of its arenas, instead of
/// 128 KiB: as much as the largest window of an upload over HTTP/2.
///
/// Bodies come and go in pieces of 16 KiB and more. Memory that is returned to the kernel
/// after each piece is mapped again, and cleared, page by page for the next one: that was
/// a tenth of the work of an upload over HTTP/2. glibc keeps twice the size of the largest
/// mapping that it has freed, so this frees one. Other allocators ignore it.
pub(crate) fn keep_freed_memory() {
    drop(black_box(Vec::<u8>::with_capacity(LARGE)));
}
