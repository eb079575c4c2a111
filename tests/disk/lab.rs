//! File systems in images, mounted where nothing else sees them.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::harness::patient;
use crate::harness::services::{kernel_has, require};

/// A file system on which servers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileSystem {
    Ext4,
    Xfs,
}

impl FileSystem {
    /// Returns the command that makes it, its size, and the options by which a
    /// copy is mounted beside the original.
    const fn parameters(self) -> [&'static str; 3] {
        match self {
            Self::Ext4 => ["mkfs.ext4 -q -F", "128M", "loop"],
            // The least that mkfs.xfs accepts is 300 MB.
            Self::Xfs => ["mkfs.xfs -q -f", "320M", "loop,nouuid"],
        }
    }
}

/// A mount namespace of its own, which ends with this value: its mounts and
/// their loop devices end with it.
///
/// Images lie in memory, on an XFS that shares blocks between files. There a
/// copy of an image is made at one moment, between two writes to it.
pub(crate) struct Lab {
    /// Keeps the namespace. It is killed on drop.
    holder: Child,
    home: TempDir,
}

const IMAGES: &str = "
    mount --make-rprivate /
    mkdir memory images disk cut
    mount -t tmpfs -o size=2g tmpfs memory
    truncate -s 1900M memory/images
    mkfs.xfs -q -f memory/images
    mount -o loop memory/images images
";

impl Lab {
    /// Returns `None` and says so where the kernel cannot, or where a program
    /// is missing.
    pub(crate) async fn open() -> Option<Self> {
        if !is_possible().await {
            return None;
        }
        let home = TempDir::new().unwrap();
        let script = format!(
            "set -e; cd {}\n{IMAGES}\necho ready; exec cat",
            home.path().display()
        );
        let mut holder = Command::new("unshare")
            .args(["-m", "sh", "-c", &script])
            // The end of the test is the end of its input.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
        let ready = patient(lines.next_line()).await.unwrap();
        assert_eq!(ready.as_deref(), Some("ready"), "it cannot mount images");
        Some(Self { holder, home })
    }

    /// Makes a file system and mounts it as `disk`.
    pub(crate) async fn make(&self, file_system: FileSystem) {
        let [make, size, _] = file_system.parameters();
        self.run(&format!(
            "truncate -s {size} images/disk; {make} images/disk; mount -o loop images/disk disk; \
             mkdir disk/data; sync disk/data"
        ))
        .await;
    }

    /// Makes a small ext4 with this number of inodes, and mounts it as `disk`.
    pub(crate) async fn make_with_inodes(&self, inodes: usize) {
        self.run(&format!(
            "truncate -s 16M images/disk; mkfs.ext4 -q -F -N {inodes} images/disk; \
             mount -o loop images/disk disk; mkdir disk/data"
        ))
        .await;
    }

    /// Keeps what a power cut would leave at some moment of this call.
    pub(crate) async fn cut(&self) {
        self.run("cp --reflink=always images/disk images/cut").await;
    }

    /// Mounts what was kept, as `cut`, as if after a start of the machine: its
    /// uploads are older than that.
    pub(crate) async fn mount_cut(&self, file_system: FileSystem) {
        let [_, _, options] = file_system.parameters();
        self.run(&format!(
            "mount -o {options} images/cut cut; find cut/data -type f -exec touch -d @1 {{}} +"
        ))
        .await;
    }

    /// Forgets what was kept.
    pub(crate) async fn discard_cut(&self) {
        self.run("umount cut; rm images/cut").await;
    }

    /// Runs a script in the namespace.
    pub(crate) async fn run(&self, script: &str) -> Output {
        let [program, arguments @ ..] = &self.wrapper()[..] else {
            unreachable!("the wrapper is a command");
        };
        let script = format!("set -e; cd {}\n{script}", self.home.path().display());
        let output = Command::new(program)
            .args(arguments)
            .args(["sh", "-c", &script])
            .output();
        let output = patient(output).await.unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
        output
    }

    /// Returns the beginning of commands that run in the namespace.
    pub(crate) fn wrapper(&self) -> Vec<String> {
        let target = format!("--target={}", self.pid());
        vec!["nsenter".into(), target, "--mount".into(), "--".into()]
    }

    /// Returns a path in the namespace.
    pub(crate) fn inside(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    /// Returns the same path from outside.
    pub(crate) fn outside(&self, path: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.pid()));
        let inside = self.inside(path);
        root.join(inside.strip_prefix("/").expect("it is absolute"))
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    fn pid(&self) -> u32 {
        self.holder.id().expect("it has not been waited for")
    }
}

async fn is_possible() -> bool {
    for (program, package) in [
        ("unshare", "util-linux"),
        ("nsenter", "util-linux"),
        ("mkfs.ext4", "e2fsprogs"),
        ("mkfs.xfs", "xfsprogs"),
    ] {
        let install = format!("apt-get install {package}");
        if !require(program, is_installed(program), &install) {
            return false;
        }
    }
    kernel_has("mounts for root", is_allowed_to_mount().await)
        && kernel_has("loop devices", Path::new("/dev/loop-control").exists())
        && kernel_has("ext4", knows("ext4").await)
        && kernel_has("XFS", knows("xfs").await)
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/sbin".into(), "/sbin".into()];
    let mut dirs = std::env::split_paths(&path).chain(sbin);
    dirs.any(|dir| dir.join(program).is_file())
}

async fn is_allowed_to_mount() -> bool {
    let mount = "mount --make-rprivate / && mount -t tmpfs tmpfs /mnt";
    succeeds("unshare", &["-m", "sh", "-c", mount]).await
}

/// Whether the kernel has a file system, maybe as a module.
async fn knows(file_system: &str) -> bool {
    let known = || {
        let all = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
        all.split_whitespace().any(|name| name == file_system)
    };
    known() || succeeds("modprobe", &[file_system]).await && known()
}

async fn succeeds(program: &str, args: &[&str]) -> bool {
    let output = Command::new(program).args(args).output().await;
    output.is_ok_and(|output| output.status.success())
}
