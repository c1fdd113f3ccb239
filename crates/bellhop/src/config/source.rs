//! Where the values of settings come from. Nothing else reads the environment.
//!
//! From the environment or, where it has none, from a `.env` file in the working directory or above. A secret may also be in
//! a file that `NAME_FILE` names.

use std::collections::BTreeMap;
use std::str::FromStr;

use secrecy::SecretString;
use url::Url;

use super::{ConfigError, ConfigErrors};

/// Where values come from: the environment first, then `.env`.
pub struct Source {
    /// What is wrong with the file itself.
    pub(super) errors: ConfigErrors,
    dotenv: BTreeMap<String, String>,
    environment: fn(&str) -> Option<String>,
}

impl Source {
    /// The process's environment and the `.env` file of the working directory, or of the nearest folder above it that has one.
    pub fn process() -> Self {
        let (mut dotenv, mut errors) = (BTreeMap::new(), ConfigErrors::default());
        match dotenvy::dotenv_iter() {
            Ok(lines) => {
                for line in lines {
                    match line {
                        Ok((name, value)) => {
                            dotenv.insert(name, value);
                        }
                        // The lines after it still count.
                        Err(dotenvy::Error::LineParse(..)) => {
                            errors.add(ConfigError::new(".env", "a line is not NAME=value; quote a value with spaces"));
                        }
                        Err(_) => {
                            errors.add(ConfigError::new(".env", "the file cannot be read"));
                            break;
                        }
                    }
                }
            }
            Err(dotenvy::Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) => errors.add(ConfigError::new(".env", "the file cannot be read")),
        }
        #[expect(clippy::disallowed_methods, reason = "this is where settings are read, once")]
        let environment = |name: &str| std::env::var(name).ok();
        Self { errors, dotenv, environment }
    }

    /// Fixed values, for tests.
    #[cfg(test)]
    pub fn fixed(values: &[(&str, &str)]) -> Self {
        let dotenv = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { errors: ConfigErrors::default(), dotenv, environment: |_| None }
    }

    /// The value of a setting. An empty one counts as not given.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let value = (self.environment)(name).or_else(|| self.dotenv.get(name).cloned())?;
        let value = value.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    /// A secret: the value, or what is in the file that `NAME_FILE` names.
    pub(crate) fn secret(&self, name: &str) -> Result<Option<SecretString>, ConfigError> {
        let file_name = format!("{name}_FILE");
        match (self.text(name), self.text(&file_name)) {
            (Some(_), Some(_)) => {
                Err(ConfigError::new(name, format!("both {name} and {file_name} are set; keep one of them")))
            }
            (Some(value), None) => Ok(Some(value.into())),
            (None, Some(path)) => {
                let content = std::fs::read_to_string(&path).map_err(|error| {
                    ConfigError::new(&file_name, format!("the file cannot be read: {}", error.kind()))
                })?;
                let content = content.trim();
                if content.is_empty() {
                    return Err(ConfigError::new(&file_name, "the file is empty"));
                }
                Ok(Some(content.to_owned().into()))
            }
            (None, None) => Ok(None),
        }
    }

    pub(crate) fn parse<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, ConfigError> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| ConfigError::new(name, format!("expected {expected}"))))
            .transpose()
    }

    pub(crate) fn flag(&self, name: &str, otherwise: bool) -> Result<bool, ConfigError> {
        match self.text(name).map(|text| text.to_ascii_lowercase()).as_deref() {
            None => Ok(otherwise),
            Some("true" | "1" | "yes" | "on") => Ok(true),
            Some("false" | "0" | "no" | "off") => Ok(false),
            Some(_) => Err(ConfigError::new(name, "expected true or false")),
        }
    }

    /// An address that secrets are sent to, or that people are sent to.
    pub(crate) fn address(&self, name: &str) -> Result<Option<Url>, ConfigError> {
        let address: Option<Url> = self.parse(name, "an address such as https://example.org")?;
        match address {
            Some(address) if !bellhop_providers::is_acceptable_address(&address) => {
                Err(ConfigError::new(name, "must be https, or http on loopback, without user, password or query"))
            }
            address => Ok(address),
        }
    }
}
