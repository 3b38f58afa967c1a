//! Numbers and their units, as Pgpool-II and PostgreSQL write them.

/// A number as it was written: its value, and the letters behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number<'a> {
    pub(crate) value: f64,
    pub(crate) unit: &'a str,
}

/// What a number with a unit measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Time,
    Size,
}

const TIME_UNITS: &[(&str, f64)] =
    &[("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86400.0)];
const SIZE_UNITS: &[(&str, f64)] =
    &[("B", 1.0), ("kB", 1024.0), ("MB", 1048576.0), ("GB", 1073741824.0), ("TB", 1099511627776.0)];

impl Measure {
    /// The units of this measure, smallest first, in seconds or bytes. Their case matters.
    pub(crate) fn units(self) -> &'static [(&'static str, f64)] {
        match self {
            Measure::Time => TIME_UNITS,
            Measure::Size => SIZE_UNITS,
        }
    }

    /// How many seconds or bytes a unit is.
    pub(crate) fn factor(self, unit: &str) -> Option<f64> {
        self.units().iter().find_map(|&(name, factor)| (name == unit).then_some(factor))
    }
}

/// Reads a number: a sign, then decimal, 0x hexadecimal, 0 octal, or a decimal fraction; then letters. Blanks
/// around either are skipped. What the letters mean is for the caller to say.
pub(crate) fn read(text: &str) -> Option<Number<'_>> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let (value, rest) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => radix(hex, 16)?,
        None => decimal(digits)?,
    };
    Some(Number { value: sign * value, unit: rest.trim_start() })
}

/// A decimal number without a sign, octal when it starts with a 0 and has no fraction.
fn decimal(text: &str) -> Option<(f64, &str)> {
    let whole = digits(text);
    let (end, is_whole) = fraction(text, whole);
    if is_whole && whole > 1 && text.starts_with('0') {
        let (value, rest) = radix(text, 8)?;
        return (!rest.starts_with(|next: char| next.is_ascii_digit())).then_some((value, rest));
    }
    let (number, rest) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, rest))
}

/// The end of a number whose whole part ends at `whole`, and whether it has neither fraction nor exponent.
fn fraction(text: &str, whole: usize) -> (usize, bool) {
    let mut end = whole;
    if let Some(rest) = text.get(end..).and_then(|rest| rest.strip_prefix('.')) {
        end += 1 + digits(rest);
    }
    if let Some(rest) = text.get(end..).and_then(|rest| rest.strip_prefix(['e', 'E'])) {
        let sign = usize::from(rest.starts_with(['+', '-']));
        let power = rest.get(sign..).map_or(0, digits);
        if power > 0 {
            end += 1 + sign + power;
        }
    }
    (end, end == whole)
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn radix(text: &str, radix: u32) -> Option<(f64, &str)> {
    let end = text.chars().take_while(|c| c.is_digit(radix)).count();
    let (number, rest) = text.split_at_checked(end)?;
    #[expect(clippy::cast_precision_loss, reason = "every range ends far below 2^53")]
    let value = u64::from_str_radix(number, radix).ok()? as f64;
    Some((value, rest))
}

/// The number written with the largest unit that divides it, as PostgreSQL shows it: 300 s is `5min`.
pub(crate) fn with_unit(value: f64, measure: Measure) -> String {
    let fits = |&&(_, factor): &&(&str, f64)| {
        let count = value / factor;
        count.abs() >= 1.0 && (count - count.round()).abs() < 1e-9
    };
    match measure.units().iter().rev().find(fits) {
        Some((unit, factor)) => format!("{}{unit}", (value / factor).round()),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_all_their_forms() {
        let cases: &[(&str, Option<(f64, &str)>)] = &[
            ("0", Some((0.0, ""))),
            ("5432", Some((5432.0, ""))),
            (" -1 ", Some((-1.0, ""))),
            ("+7", Some((7.0, ""))),
            ("0x1F", Some((31.0, ""))),
            ("0777", Some((511.0, ""))),
            ("08", None),
            ("017s", Some((15.0, "s"))),
            ("10MB", Some((10.0, "MB"))),
            ("10 MB", Some((10.0, "MB"))),
            ("1.5h", Some((1.5, "h"))),
            (".5", Some((0.5, ""))),
            ("1e3", Some((1000.0, ""))),
            ("1e3ms", Some((1000.0, "ms"))),
            ("1e", Some((1.0, "e"))),
            ("0.5", Some((0.5, ""))),
            ("12abc", Some((12.0, "abc"))),
            ("", None),
            ("-", None),
            (".", None),
            ("abc", None),
            ("0x", None),
            ("inf", None),
            ("--1", None),
            ("99999999999999999999999", Some((1e23, ""))),
        ];
        for (text, expected) in cases {
            let found = read(text).map(|number| (number.value, number.unit));
            assert_eq!(found, *expected, "{text:?}");
        }
    }

    #[test]
    fn values_are_shown_with_the_largest_unit_that_divides_them() {
        let time =
            [(0.0, "0"), (60.0, "1min"), (90.0, "90s"), (10.0, "10s"), (0.002, "2ms"), (86400.0, "1d")];
        for (seconds, shown) in time {
            assert_eq!(with_unit(seconds, Measure::Time), shown);
        }
        let size = [(0.0, "0"), (512.0, "512B"), (409600.0, "400kB"), (67108864.0, "64MB")];
        for (bytes, shown) in size {
            assert_eq!(with_unit(bytes, Measure::Size), shown);
        }
    }
}
