//! Columns in kubectl's manner: three spaces between, widths from the content, no trailing space.

use std::fmt::Write as _;

/// Renders rows under a header; every row has as many cells as the header.
pub(crate) fn render<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = header.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    line(&mut text, &widths, &header);
    for row in rows {
        line(&mut text, &widths, row);
    }
    text
}

fn line(text: &mut String, widths: &[usize], cells: &[impl AsRef<str>]) {
    let start = text.len();
    for (width, cell) in widths.iter().zip(cells) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{:width$}   ", cell.as_ref());
    }
    text.truncate(start + text[start..].trim_end().len());
    text.push('\n');
}

/// An age in one unit, the largest of which there are at least two.
pub(crate) fn age(seconds: i64) -> String {
    let (minute, hour, day) = (60, 3_600, 86_400);
    match seconds {
        ..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / minute),
        7_200..172_800 => format!("{}h", seconds / hour),
        _ => format!("{}d", seconds / day),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_no_line_ends_in_space() {
        let rows = [["orders", ""], ["x", "True"]].map(|row| row.map(str::to_owned));
        assert_eq!(render(["NAME", "READY"], &rows), "NAME     READY\norders\nx        True\n");
    }

    #[test]
    fn ages_are_rounded_down_to_one_unit() {
        for (seconds, text) in [
            (-5, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (7_199, "119m"),
            (7_200, "2h"),
            (172_800, "2d"),
        ] {
            assert_eq!(age(seconds), text);
        }
    }
}
