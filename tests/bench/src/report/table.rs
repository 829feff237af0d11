//! The tables of figures and of bars, in Markdown, which a terminal shows as well.

use std::fmt::Write;

use super::{
    bars::{Bar, Verdict},
    results::{Metric, Results},
};

/// Prints both tables.
pub(crate) fn print(results: &Results, demands: &[Bar]) {
    println!("\n{}\n{}", figures(results), bars(results, demands));
}

/// Every median, with the lowest and the highest round.
pub(super) fn figures(results: &Results) -> String {
    let mut rows = vec![["case", "subject", "metric", "median", "rounds", "unit"].map(str::to_owned)];
    for row in results.rows() {
        let Metric { case, subject, name, unit } = row.metric;
        let (low, high) = row.range();
        let rounds = format!("{} .. {}", number(low), number(high));
        rows.push([case.into(), subject.into(), name.into(), number(row.median()), rounds, unit.into()]);
    }
    table(&rows)
}

/// Every bar whose figures were measured.
pub(super) fn bars(results: &Results, demands: &[Bar]) -> String {
    let mut rows = vec![["case", "bar", "reached", "result"].map(str::to_owned)];
    for Verdict { demand, case, reached, met, beside } in demands.iter().filter_map(|bar| bar.judge(results))
    {
        let mut result = if met { "met" } else { "MISSED" }.to_owned();
        for (subject, metric, value) in beside {
            // Writing to a string does not fail.
            let _ = write!(result, "; {subject}: {metric} {}", number(value));
        }
        rows.push([case.to_owned(), demand, number(reached), result]);
    }
    table(&rows)
}

fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        line(&mut text, row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")));
        if index == 0 {
            line(&mut text, widths.iter().map(|width| "-".repeat(*width)));
        }
    }
    text
}

fn line(text: &mut String, cells: impl Iterator<Item = String>) {
    for cell in cells {
        // Writing to a string does not fail.
        let _ = write!(text, "| {cell} ");
    }
    text.push_str("|\n");
}

/// As many digits as say something: three significant ones at least, thousands apart.
fn number(value: f64) -> String {
    if value.abs() < 10.0 {
        return format!("{value:.3}");
    }
    if value.abs() < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_say_something() {
        for (value, text) in
            [(0.051_23, "0.051"), (12.34, "12.3"), (999.6, "1,000"), (1_234_567.0, "1,234,567")]
        {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "b"], ["longer", "c"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "| a      | b |\n| ------ | - |\n| longer | c |\n");
    }
}
