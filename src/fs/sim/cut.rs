//! The states of a disk after a power cut.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use super::content::Variant;
use super::image::{Image, Inode, What};
use super::random::Random;

/// The sample of states is the same for the same seed and the same changes.
const SEED: &str = "TOWER_TUS_SEED";

/// A state of a disk after a power cut. It displays as what was kept.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    pub(crate) image: Image,
    label: String,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// How many changes of names are kept, and which variant of each file.
type State = (usize, Vec<usize>);

/// The files that a number of kept changes leads to.
#[derive(Debug)]
struct Kept {
    image: Image,
    label: String,
    files: Vec<(PathBuf, Inode, Vec<Variant>)>,
}

impl Image {
    pub(super) fn cuts(&self, most: usize) -> Vec<Cut> {
        let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(1);
        let mut random = Random(seed ^ (self.writes << 16));
        let changes = self.names.log().len();
        let kept: Vec<_> = (0..=changes).map(|n| self.kept(n, &mut random)).collect();
        let number = kept.iter().map(Kept::number).fold(0, usize::saturating_add);
        let states = match number <= most {
            true => all(&kept),
            false => some(&kept, most, &mut random),
        };
        let cuts = states.iter().map(|(names, files)| kept[*names].cut(files));
        cuts.map(|mut cut| {
            if number > most {
                cut.label += &format!(" ({SEED}={seed})");
            }
            cut
        })
        .collect()
    }

    /// Returns the states in which each file has only what was synced: with as few
    /// names as possible, and with all of them.
    pub(super) fn least(&self) -> [Cut; 2] {
        let changes = self.names.log().len();
        [0, changes].map(|names| {
            let kept = self.kept(names, &mut Random(1));
            kept.cut(&kept.first())
        })
    }

    fn kept(&self, changes: usize, random: &mut Random) -> Kept {
        let mut image = self.clone();
        image.names = self.names.after(changes);
        image.boot();
        let label = self.names.log().iter().take(changes);
        let label: Vec<_> = label.map(ToString::to_string).collect();
        let mut seen = BTreeSet::new();
        let mut files = Vec::new();
        for (path, inode) in image.paths() {
            if let What::File(content) = &self.node(inode).what
                && seen.insert(inode)
            {
                files.push((path, inode, content.variants(random)));
            }
        }
        Kept {
            image,
            label: format!("names kept: {label:?}"),
            files,
        }
    }
}

impl Kept {
    fn number(&self) -> usize {
        let variants = self.files.iter().map(|(_, _, variants)| variants.len());
        variants.fold(1, usize::saturating_mul)
    }

    fn cut(&self, variants: &[usize]) -> Cut {
        let mut cut = Cut {
            image: self.image.clone(),
            label: self.label.clone(),
        };
        for ((path, inode, all), chosen) in self.files.iter().zip(variants) {
            let variant = &all[*chosen];
            let content = cut.image.content(*inode).expect("it is a file");
            *content = content.after(variant);
            if all.len() > 1 {
                cut.label += &format!("; {}: {variant}", path.display());
            }
        }
        cut
    }

    fn first(&self) -> Vec<usize> {
        vec![0; self.files.len()]
    }

    /// Keeps the sizes and nothing in them, where there are many variants.
    fn holes(&self) -> Vec<usize> {
        let last = self.last().into_iter();
        last.map(|last| last.min(1)).collect()
    }

    fn last(&self) -> Vec<usize> {
        let variants = self.files.iter().map(|(_, _, variants)| variants.len());
        variants.map(|number| number - 1).collect()
    }

    fn random(&self, random: &mut Random) -> Vec<usize> {
        let variants = self.files.iter().map(|(_, _, variants)| variants.len());
        variants.map(|number| random.below(number)).collect()
    }
}

fn all(kept: &[Kept]) -> Vec<State> {
    let mut states = Vec::new();
    for (names, kept) in kept.iter().enumerate() {
        let mut combined = vec![Vec::new()];
        for (_, _, variants) in &kept.files {
            let longer = |state: Vec<usize>| {
                (0..variants.len()).map(move |variant| [&state[..], &[variant]].concat())
            };
            combined = combined.into_iter().flat_map(longer).collect();
        }
        states.extend(combined.into_iter().map(|files| (names, files)));
    }
    states
}

/// Returns a sample: the least and the most that may be kept, extremes for each
/// number of names, single variants of each file beside whole others, and any.
fn some(kept: &[Kept], most: usize, random: &mut Random) -> Vec<State> {
    let whole = kept.len() - 1;
    let mut ends = vec![
        (whole, kept[whole].last()),
        (whole, kept[whole].first()),
        (whole, kept[whole].holes()),
        (0, kept[0].first()),
    ];
    let mut extremes = extremes(kept);
    let mut states = Vec::new();
    while states.len() < most {
        // Of few states, each time others are such ends.
        let from = match states.len() % 4 {
            0..2 if !ends.is_empty() => &mut ends,
            0..3 => &mut extremes,
            _ => &mut Vec::new(),
        };
        if from.is_empty() {
            let names = random.below(kept.len());
            states.push((names, kept[names].random(random)));
        } else {
            let next = random.below(from.len());
            states.push(from.swap_remove(next));
        }
    }
    states
}

fn extremes(kept: &[Kept]) -> Vec<State> {
    let whole = kept.len() - 1;
    let mut states = Vec::new();
    for (names, kept) in kept.iter().enumerate() {
        states.push((names, kept.first()));
        states.push((names, kept.last()));
    }
    for (at, (_, _, variants)) in kept[whole].files.iter().enumerate() {
        for variant in 1..variants.len() - 1 {
            let mut files = kept[whole].last();
            files[at] = variant;
            states.push((whole, files));
        }
    }
    states
}
