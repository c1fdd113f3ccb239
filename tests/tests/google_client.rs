//! Google's own Python client against the sandbox: what the stand-in answers is what Google's client expects, and what
//! Google's discovery documents say.
//!
//! The tests are in `tests/python` and are told in Python; here they are only given a sandbox and run, so that one command runs
//! everything. `ops/test` fetches the client they need; without it this test fails, as one that is skipped proves nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use bellhop_tests::{Story, ensure, start_sandbox};
use url::Url;
use uuid::Uuid;

#[tokio::test]
async fn googles_own_client_finds_google_in_the_sandbox() -> Story {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let python = root.join(".bellhop/python/bin/python");
    ensure(
        python.exists(),
        "Google's Python client is not there yet: run ./ops/test -p bellhop-tests, which fetches it",
    )?;

    let folder = Folder::new()?;
    std::fs::write(folder.0.join("clock"), "0")?;
    // Where a house would be; these tests walk no further than the redirect.
    let nowhere = Url::parse("http://127.0.0.1:9")?;
    let (_sandbox, origin) = start_sandbox(&folder.0, &nowhere, &[]).await?;

    // Only what the tests need: no proxy and no setting of Python or Google's libraries is inherited.
    let ran = Command::new(python)
        .args(["-W", "ignore", "-m", "unittest"])
        .current_dir(root.join("tests/python"))
        .env_clear()
        .env("PYTHONUTF8", "1")
        .env("PYTHONPYCACHEPREFIX", root.join(".bellhop/python/compiled"))
        .env("SANDBOX_ORIGIN", origin.as_str())
        .output()?;
    let said = String::from_utf8_lossy(&ran.stderr) + String::from_utf8_lossy(&ran.stdout);
    ensure(ran.status.success() && passed(&said) > 0 && !said.contains("skipped"), &said)?;
    println!("{said}");
    Ok(())
}

/// How many tests unittest says it ran, `Ran 48 tests in 2.1s`: it counts none as success.
fn passed(said: &str) -> usize {
    let line = said.lines().rev().find_map(|line| line.strip_prefix("Ran "));
    line.and_then(|line| line.split(' ').next()?.parse().ok()).unwrap_or(0)
}

/// Goes away with its content.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Story<Self> {
        let folder = std::env::temp_dir().join(format!("bellhop-google-client-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
