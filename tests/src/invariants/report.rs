//! What a check came to: findings with their violations, and figures. Printed one to a line, in a fixed order.

use std::fmt;

use serde::Serialize;

/// How many violations of one finding are kept in words. The rest are counted.
const IN_WORDS: usize = 20;

/// One guarantee, looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What is guaranteed, as a short name without spaces.
    pub name: &'static str,
    /// How many violations there are.
    pub violations: usize,
    /// The first of them, in words that name stream, job or event; in alphabetical order.
    pub details: Vec<String>,
}

impl Finding {
    /// What was found about a guarantee.
    pub fn of(name: &'static str, mut violations: Vec<String>) -> Self {
        violations.sort();
        let count = violations.len();
        violations.truncate(IN_WORDS);
        Self { name, violations: count, details: violations }
    }

    /// Whether the guarantee held.
    pub fn holds(&self) -> bool {
        self.violations == 0
    }
}

/// Something that was counted or measured and is not judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What, as a short name without spaces.
    pub name: &'static str,
    /// How much.
    pub value: f64,
    /// In what: `%`, `s`, or nothing for a count.
    pub unit: &'static str,
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Report {
    /// Every guarantee, in a fixed order.
    pub findings: Vec<Finding>,
    /// Every figure, in a fixed order.
    pub figures: Vec<Figure>,
}

impl Report {
    /// Whether every guarantee held.
    pub fn holds(&self) -> bool {
        self.findings.iter().all(Finding::holds)
    }

    /// The guarantees that did not hold.
    pub fn broken(&self) -> Vec<&'static str> {
        self.findings.iter().filter(|finding| !finding.holds()).map(|finding| finding.name).collect()
    }

    /// The finding of this name.
    pub fn finding(&self, name: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.name == name)
    }

    /// The figure of this name.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            match finding.violations {
                0 => writeln!(formatter, "ok      {}", finding.name)?,
                count => writeln!(formatter, "BROKEN  {} ({count})", finding.name)?,
            }
            for detail in &finding.details {
                writeln!(formatter, "          {}", detail.replace('\n', " "))?;
            }
            if finding.violations > finding.details.len() {
                writeln!(formatter, "          and {} more", finding.violations - finding.details.len())?;
            }
        }
        for Figure { name, value, unit } in &self.figures {
            let digits = usize::from(value.fract() != 0.0) * 3;
            writeln!(formatter, "figure  {name} {value:.digits$}{unit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_one_thing_a_line_and_bounds_its_details() {
        let many = (0..25).rev().map(|number| format!("job {number:02}\nlost")).collect();
        let report = Report {
            findings: vec![Finding::of("chains", vec![]), Finding::of("jobs", many)],
            figures: vec![
                Figure { name: "fetches", value: 12.0, unit: "" },
                Figure { name: "share", value: 99.61249, unit: "%" },
            ],
        };
        let text = report.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["ok      chains", "BROKEN  jobs (25)", "          job 00 lost"]);
        assert_eq!(lines[lines.len() - 3..], ["          and 5 more", "figure  fetches 12", "figure  share 99.612%"]);
        assert_eq!(lines.len(), 2 + 20 + 3);
        assert_eq!((report.holds(), report.broken()), (false, vec!["jobs"]));
    }
}
