//! The text of `/metrics`, read as Prometheus reads it.

/// The sum of all series of this name that carry these labels.
pub fn sum(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    text.lines()
        .filter_map(|line| line.strip_prefix(name))
        .filter_map(|rest| {
            let (series, value) = rest.rsplit_once(' ')?;
            let carries = |(label, value): &(&str, &str)| series.contains(&format!("{label}=\"{value}\""));
            let whole_name = series.is_empty() || series.starts_with('{');
            (whole_name && labels.iter().all(carries)).then(|| value.parse::<f64>().ok()).flatten()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_by_name_and_labels() {
        let text = "# HELP jobs_total Runs.\njobs_total{kind=\"a\",way=\"belt\"} 2\njobs_total{kind=\"b\",way=\"belt\"} 1\n\
                    jobs_total{kind=\"a\",way=\"direct\"} 4\njobs_total_more{way=\"belt\"} 8\nplain 3\n";
        assert!((sum(text, "jobs_total", &[("way", "belt")]) - 3.0).abs() < f64::EPSILON);
        assert!((sum(text, "jobs_total", &[("kind", "a")]) - 6.0).abs() < f64::EPSILON);
        assert!((sum(text, "plain", &[]) - 3.0).abs() < f64::EPSILON);
    }
}
