//! The same calls on a simulated disk and on a real one.

use std::io::IoSlice;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Result;

use super::Disk;
use super::calls::{self, File};
use super::random::Random;
use crate::fs::kernel::{Kind, Stat};

const NAMES: [&str; 8] = ["a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "x/y"];
const FLAGS: [OFlags; 6] = [
    OFlags::RDONLY,
    OFlags::WRONLY,
    OFlags::RDWR,
    OFlags::RDWR.union(OFlags::CREATE),
    OFlags::RDWR.union(OFlags::CREATE).union(OFlags::EXCL),
    OFlags::RDONLY.union(OFlags::DIRECTORY),
];

/// A disk of either kind, and the files that are open on it.
struct Side {
    root: PathBuf,
    open: Vec<File>,
}

/// Chooses what happens next; the same on both sides.
struct Step {
    call: usize,
    names: [&'static str; 2],
    flags: OFlags,
    /// Which of the open files.
    file: [usize; 2],
    numbers: [usize; 2],
}

impl Step {
    fn next(random: &mut Random) -> Self {
        let mut name = || NAMES[random.below(NAMES.len())];
        Self {
            names: [name(), name()],
            call: random.below(20),
            flags: FLAGS[random.below(FLAGS.len())],
            file: [random.below(64), random.below(64)],
            numbers: [random.below(40), random.below(40)],
        }
    }
}

impl Side {
    fn new(root: &Path) -> Self {
        Self {
            root: root.into(),
            open: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn file(&self, number: usize) -> Option<&File> {
        self.open.get(number % self.open.len().max(1))
    }

    fn stat(stat: &Stat) -> String {
        match stat.kind {
            Kind::File => format!("file {}", stat.len),
            kind => format!("{kind:?}"),
        }
    }

    /// Makes a call, and describes its result.
    fn make(&mut self, step: &Step) -> Result<String> {
        let [one, other] = step.names.map(|name| self.path(name));
        let [offset, len] = step.numbers;
        let done = |()| String::new();
        match step.call {
            0..=3 => {
                let file = calls::open(&one, step.flags, 0o664)?;
                self.open.push(file);
                return Ok("opened".into());
            }
            4 => return calls::mkdir(&one, 0o775).map(done),
            5 => return calls::rename(&one, &other).map(done),
            6 => return calls::rename_new(&one, &other).map(done),
            7 => return calls::link(&one, &other).map(done),
            8 => return calls::unlink(&one).map(done),
            9 => return calls::stat(&one).map(|stat| Self::stat(&stat)),
            10 if self.open.len() > 4 => {
                let file = self.open.remove(step.file[0] % self.open.len());
                return calls::close(file).map(done);
            }
            _ => {}
        }
        let Some(file) = self.file(step.file[0]) else {
            return Ok(String::new());
        };
        let mut bytes = Vec::with_capacity(len + 1);
        let text = vec![b'a' + u8::try_from(offset % 26).unwrap(); len];
        match step.call {
            11 => {
                let mut bytes = vec![0; len + 1];
                let read = calls::pread(file, &mut bytes, offset as u64);
                read.map(|read| format!("{:?}", &bytes[..read]))
            }
            12 => calls::read(file, &mut bytes).map(|_| format!("{bytes:?}")),
            13 => calls::write(file, &text).map(|len| len.to_string()),
            14 => {
                let slices = [IoSlice::new(&text), IoSlice::new(b"x")];
                calls::pwritev(file, &slices, offset as u64).map(|len| len.to_string())
            }
            15 => calls::truncate(file, len as u64).map(done),
            16 => calls::seek(file, offset as u64).map(done),
            17 => calls::flock(file).map(done),
            18 => calls::fsync(file).and(calls::fdatasync(file)).map(done),
            _ => calls::fstat(file).map(|stat| Self::stat(&stat)),
        }
    }

    fn everything(&self) -> Vec<String> {
        let look = |name: &&str| {
            let path = self.path(name);
            let mut bytes = Vec::with_capacity(4096);
            let read = calls::open(&path, OFlags::RDONLY, 0)
                .and_then(|file| calls::read(&file, &mut bytes));
            format!("{name}: {:?}, {bytes:?}", read.map(drop))
        };
        NAMES.iter().map(look).collect()
    }
}

#[test]
fn a_simulated_disk_does_what_a_real_one_does() {
    let seed = std::env::var("TOWER_TUS_SEED").ok();
    let first = seed.and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for seed in first..first + 30 {
        let (disk, dir) = (Disk::new(), tempfile::tempdir().unwrap());
        let mut sides = [Side::new(disk.root()), Side::new(dir.path())];
        let mut random = Random(seed);
        for number in 0..200 {
            let step = Step::next(&mut random);
            let [simulated, mut real] = sides.each_mut().map(|side| side.make(&step));
            // Another test may be starting a process, which has copies of all
            // open files, and so of their locks, until it runs its program.
            for _ in 0..1000 {
                if step.call != 17 || simulated == real {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
                real = sides[1].make(&step);
            }
            assert_eq!(
                simulated, real,
                "TOWER_TUS_SEED={seed}: call {} of number {number} on {:?} {:?}",
                step.call, step.names, step.flags
            );
        }
        let [simulated, real] = sides.each_ref().map(Side::everything);
        assert_eq!(simulated, real, "TOWER_TUS_SEED={seed}");
    }
}
