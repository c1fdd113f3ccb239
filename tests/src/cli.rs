//! The command line, run as an operator would, with the house's settings.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::house::House;
use crate::process::{append_to, program};
use crate::trouble::{Story, ensure};

/// What a command came to.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// What it answered.
    pub out: String,
    /// What it said about itself.
    pub words: String,
}

impl Ran {
    /// The lines of the answer, each as JSON.
    pub fn json_lines(&self) -> Story<Vec<Value>> {
        self.out.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }
}

impl House {
    /// Runs a command, however it ends.
    pub async fn try_command(&self, arguments: &[&str]) -> Story<Ran> {
        let ran = Command::new(program("bellhop")?)
            .args(arguments)
            .env_clear()
            .envs(self.settings())
            // A fault that is switched on is in what serves; whoever looks is sound.
            .env_remove("NEGATIVE_CONTROL")
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        let (out, words) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        // Kept with the logs: what the operator sees must not hold secrets either. A new API key is shown on purpose.
        let mut log = append_to(&self.folder().join("commands.log"))?;
        let shown = if arguments.first() == Some(&"api-key") { "" } else { &*out };
        std::io::Write::write_all(&mut log, format!("$ bellhop {}\n{shown}{words}", arguments.join(" ")).as_bytes())?;
        Ok(Ran { code: ran.status.code(), out: out.into_owned(), words: words.into_owned() })
    }

    /// Runs a command that must succeed.
    pub async fn command(&self, arguments: &[&str]) -> Story<Ran> {
        let ran = self.try_command(arguments).await?;
        let failed = format!("bellhop {} ended with {:?}: {}{}", arguments.join(" "), ran.code, ran.out, ran.words);
        ensure(ran.code == Some(0), failed)?;
        Ok(ran)
    }

    /// The log of one integration, as an auditor reads it.
    pub async fn audit(&self, integration: &str) -> Story<Vec<Value>> {
        self.command(&["audit", "query", "--integration", integration, "--json"]).await?.json_lines()
    }

    /// Every integration the auditor finds.
    pub async fn integrations(&self) -> Story<Vec<Value>> {
        self.command(&["audit", "integrations", "--json"]).await?.json_lines()
    }
}
