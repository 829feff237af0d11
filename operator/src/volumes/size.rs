//! Sizes as the API server writes them (`resource.Quantity`): it may put `1536Mi` for `1.5Gi`, and `1e9` stays.

/// A size in whole bytes, rounded up; none where it is no size.
pub fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (numerator, denominator) = factor(suffix)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let bytes = digits.checked_mul(numerator)?.div_ceil(scale.checked_mul(denominator)?);
    u64::try_from(bytes).ok()
}

/// What a suffix multiplies by, as a fraction.
fn factor(suffix: &str) -> Option<(u128, u128)> {
    let factor = match suffix {
        "" => 1,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        "Pi" => 1 << 50,
        "Ei" => 1 << 60,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "P" => 1_000_000_000_000_000,
        "E" => 1_000_000_000_000_000_000,
        "m" => return Some((1, 1_000)),
        exponent => {
            let exponent = exponent.strip_prefix(['e', 'E'])?.parse::<u32>().ok()?;
            10_u128.checked_pow(exponent)?
        }
    };
    Some((factor, 1))
}

/// A size as people write it.
pub fn text(bytes: u64) -> String {
    let units = [(40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")];
    let whole = units.into_iter().find(|(shift, _)| bytes > 0 && bytes.is_multiple_of(1 << shift));
    whole.map_or_else(|| bytes.to_string(), |(shift, unit)| format!("{}{unit}", bytes >> shift))
}

/// Whether two sizes are the same number of bytes.
pub fn same(one: &str, other: &str) -> bool {
    one == other || bytes(one).is_some_and(|size| bytes(other) == Some(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spelling_of_the_api_server_is_read() {
        for (text, size) in [
            ("0", Some(0)),
            ("1Gi", Some(1 << 30)),
            ("1.5Gi", Some(3 << 29)),
            ("2Pi", Some(1 << 51)),
            ("1e9", Some(1_000_000_000)),
            ("3E", Some(3_000_000_000_000_000_000)),
            ("1500m", Some(2)),
            (".5k", Some(500)),
            ("", None),
            (".", None),
            ("Gi", None),
            ("-1", None),
            ("1GiB", None),
            ("1..2", None),
            ("99E", None),
        ] {
            assert_eq!(bytes(text), size, "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for (size, written) in
            [(0, "0"), (1, "1"), (1 << 40, "1Ti"), (3 << 29, "1536Mi"), (1025, "1025"), (1 << 10, "1Ki")]
        {
            assert_eq!(text(size), written);
            assert_eq!(bytes(written), Some(size));
        }
    }

    #[test]
    fn the_same_size_in_other_words_is_the_same_size() {
        for (one, other, equal) in [
            ("1Gi", "1024Mi", true),
            ("1Gi", "2Gi", false),
            ("1536Mi", "1.5Gi", true),
            ("none", "1Gi", false),
        ] {
            assert_eq!(same(one, other), equal, "{one} {other}");
        }
    }
}
