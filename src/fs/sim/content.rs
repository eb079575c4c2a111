//! The bytes of a file, and what a power cut may leave of them.

use std::fmt;

use super::random::Random;

/// Up to this number, all variants of a file are tried.
const ALL: usize = 16;

/// The content of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    now: Stage,
    /// What was there before each truncation that is not durable yet.
    before: Vec<Stage>,
}

/// A state of the file that ends with a truncation, or with now.
#[derive(Clone, Debug, Default)]
struct Stage {
    bytes: Vec<Byte>,
    /// The shortest size that a power cut may leave.
    least: usize,
}

/// `None` is a hole.
#[derive(Clone, Copy, Debug, Default)]
struct Byte {
    now: Option<u8>,
    /// What is there after a power cut, unless `now` is.
    synced: Option<u8>,
    /// The write that it came with.
    write: u64,
    /// A sync of it has failed, so the kernel does not write it any more.
    dropped: bool,
}

impl Byte {
    fn is_dirty(self) -> bool {
        self.now != self.synced
    }
}

impl Content {
    pub(super) fn len(&self) -> usize {
        self.now.bytes.len()
    }

    pub(super) fn read(&self, offset: usize, len: usize) -> Vec<u8> {
        let rest = self.now.bytes.iter().skip(offset).take(len);
        rest.map(|byte| byte.now.unwrap_or(0)).collect()
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8], write: u64) {
        let end = offset + bytes.len();
        if self.len() < end {
            self.now.bytes.resize(end, Byte::default());
        }
        for (byte, &new) in self.now.bytes[offset..].iter_mut().zip(bytes) {
            byte.now = Some(new);
            byte.write = write;
            byte.dropped = false;
        }
    }

    pub(super) fn truncate(&mut self, len: usize) {
        if len < self.len() {
            self.before.push(self.now.clone());
            self.now.least = self.now.least.min(len);
        }
        self.now.bytes.resize(len, Byte::default());
    }

    /// Returns the first hole, or the size.
    pub(super) fn first_hole(&self) -> usize {
        let hole = self.now.bytes.iter().position(|byte| byte.now.is_none());
        hole.unwrap_or(self.len())
    }

    pub(super) fn sync(&mut self) {
        for byte in self.now.bytes.iter_mut().filter(|byte| !byte.dropped) {
            byte.synced = byte.now;
        }
        self.now.least = self.len();
        self.before.clear();
    }

    /// Does what a failed sync does: gives up all that is not durable.
    pub(super) fn drop_dirty(&mut self) {
        for byte in self.now.bytes.iter_mut().filter(|byte| byte.is_dirty()) {
            byte.dropped = true;
        }
    }

    /// Returns what power cuts may leave: all variants if they are few, else the
    /// extremes and a sample. The first one is that of the earliest cut, the last
    /// one has everything.
    pub(super) fn variants(&self, random: &mut Random) -> Vec<Variant> {
        let stages: Vec<_> = self.before.iter().chain([&self.now]).enumerate().collect();
        let number: usize = stages.iter().map(|(_, stage)| stage.number()).sum();
        let of = |(number, stage): &(usize, &Stage), random: &mut Random, all| {
            let variants = match all {
                true => stage.all(),
                false => stage.some(random),
            };
            let number = *number;
            variants
                .into_iter()
                .map(move |(len, lost)| Variant {
                    stage: number,
                    len,
                    lost,
                })
                .collect::<Vec<_>>()
        };
        let variants = stages.iter().map(|stage| of(stage, random, number <= ALL));
        variants.collect::<Vec<_>>().concat()
    }

    /// Returns the content that a power cut leaves.
    pub(super) fn after(&self, variant: &Variant) -> Self {
        let stage = self.before.get(variant.stage).unwrap_or(&self.now);
        let mut now = stage.clone();
        now.bytes.truncate(variant.len);
        for &lost in variant.lost.iter().filter(|&&lost| lost < variant.len) {
            now.bytes[lost].now = now.bytes[lost].synced;
        }
        for byte in &mut now.bytes {
            byte.synced = byte.now;
            byte.dropped = false;
        }
        now.least = now.bytes.len();
        Self {
            now,
            before: Vec::new(),
        }
    }
}

/// What a power cut leaves of a file.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    stage: usize,
    len: usize,
    lost: Vec<usize>,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, len, lost } = self;
        write!(f, "truncations {stage}, size {len}, lost ")?;
        // As ranges: it may be all of them.
        let ranges = lost.chunk_by(|one, next| one + 1 == *next);
        f.debug_list()
            .entries(ranges.map(|range| range[0]..=range[range.len() - 1]))
            .finish()
    }
}

impl Stage {
    /// Returns what may be lost, each group as a whole: every new byte, and
    /// bytes that one write has put in place of others.
    fn groups(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let bytes = self.bytes.iter().enumerate();
        for (at, byte) in bytes.filter(|(_, byte)| byte.is_dirty()) {
            let together = groups.last_mut().filter(|group| {
                let last = self.bytes[group[0]];
                last.synced.is_some() && byte.synced.is_some() && last.write == byte.write
            });
            match together {
                Some(group) => group.push(at),
                None => groups.push(vec![at]),
            }
        }
        groups
    }

    fn sizes(&self) -> std::ops::RangeInclusive<usize> {
        self.least.min(self.bytes.len())..=self.bytes.len()
    }

    /// Returns the groups that begin within a size: others make no difference.
    fn groups_below(groups: &[Vec<usize>], len: usize) -> &[Vec<usize>] {
        &groups[..groups.partition_point(|group| group[0] < len)]
    }

    /// Returns how many variants there are, or `ALL + 1` if they are more.
    fn number(&self) -> usize {
        let groups = self.groups();
        if groups.len() > ALL {
            return ALL + 1;
        }
        let of = |len| 1 << Self::groups_below(&groups, len).len();
        self.sizes().map(of).sum::<usize>().min(ALL + 1)
    }

    fn all(&self) -> Vec<(usize, Vec<usize>)> {
        let groups = self.groups();
        let mut all = Vec::new();
        for len in self.sizes() {
            let groups = Self::groups_below(&groups, len);
            for kept in 0..1_u32 << groups.len() {
                let lost = groups.iter().enumerate();
                let lost = lost.filter(|(at, _)| kept & (1 << at) == 0);
                all.push((len, lost.flat_map(|(_, group)| group.clone()).collect()));
            }
        }
        all
    }

    fn some(&self, random: &mut Random) -> Vec<(usize, Vec<usize>)> {
        const SINGLES: usize = 6;
        const SAMPLE: usize = 4;
        let (groups, len) = (self.groups(), self.bytes.len());
        let without = |lost: &dyn Fn(usize) -> bool| {
            let lost = groups.iter().enumerate().filter(|(at, _)| lost(*at));
            lost.flat_map(|(_, group)| group.clone())
                .collect::<Vec<_>>()
        };
        let least = *self.sizes().start();
        let mut some = vec![(least, without(&|_| true)), (len, without(&|_| true))];
        let step = groups.len().div_ceil(SINGLES).max(1);
        for single in (0..groups.len()).step_by(step) {
            some.push((len, without(&|at| at != single)));
            some.push((len, without(&|at| at == single)));
        }
        for _ in 0..SAMPLE {
            let (size, bits) = (least + random.below(len - least + 1), random.next());
            some.push((size, without(&|_| false)));
            some.push((size, without(&|at| bits & (1 << (at % 64)) != 0)));
        }
        some.push((least, without(&|_| false)));
        some.push((len, Vec::new()));
        some
    }
}
