//! A server that speaks S3: versitygw, over a directory.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::server::free;

pub(crate) const BUCKET: &str = "bucket";
pub(crate) const ACCESS_KEY: &str = "access";
pub(crate) const SECRET_KEY: &str = "secret-key";
pub(crate) const REGION: &str = "us-east-1";

const START: Duration = Duration::from_secs(20);

/// A running gateway with one bucket, killed on drop.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    address: SocketAddr,
}

impl Gateway {
    /// Starts the gateway, with objects in `objects`.
    pub(crate) fn start(program: &Path, home: &Path) -> Result<Self> {
        let objects = home.join("objects");
        std::fs::create_dir_all(objects.join(BUCKET))?;
        let address = free()?;
        let child = Command::new(program)
            .arg(format!("--port={address}"))
            .arg(format!("--access={ACCESS_KEY}"))
            .arg(format!("--secret={SECRET_KEY}"))
            .args(["--quiet", "--keep-alive", "posix"])
            .arg(objects)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut gateway = Self { child, address };
        gateway.wait()?;
        Ok(gateway)
    }

    fn wait(&mut self) -> Result<()> {
        let begin = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if self.child.try_wait()?.is_some() || begin.elapsed() > START {
                return Err("versitygw does not start".into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds the flags and variables that `tower-tusd` and tusd have for a bucket.
    pub(crate) fn configure(&self, command: &mut Command) {
        command
            .arg(format!("-s3-bucket={BUCKET}"))
            .arg(format!("-s3-endpoint={}", self.url()))
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_REGION", REGION);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
