use core::time::Duration;

use super::{Kind, Style, Verdict, doubtful, sure, wrong};
use crate::RecoveryIdleLimit;
use crate::number::{self, Measure};

/// The largest number that Pgpool-II stores for a setting that has no limit of its own.
const INT_MAX: i64 = i32::MAX as i64;

/// A whole number without a unit.
pub(crate) struct Whole {
    pub(crate) min: i64,
    pub(crate) max: i64,
}

impl Whole {
    /// `min` or more.
    pub(crate) const fn at_least(min: i64) -> Self {
        Whole { min, max: INT_MAX }
    }

    /// A port that an ordinary user may listen on.
    pub(crate) const PORT: Self = Whole { min: 1024, max: 65535 };

    /// Any port, or 0 for "none".
    pub(crate) const PORT_OR_NONE: Self = Whole { min: 0, max: 65535 };
}

impl<T: Copy + TryFrom<i64> + Into<i64>> Kind<T> for Whole {
    fn read(&self, text: &str) -> Verdict<T> {
        let hint = || format!("write a {}", Kind::<T>::allowed(self));
        let Some(number) = number::read(text) else { return wrong("is not a number", hint()) };
        if !number.unit.is_empty() {
            return wrong("has letters behind the number, but this setting has no unit", hint());
        }
        let rounded = number.value.round();
        let Some(value) = whole(rounded, self.min, self.max).and_then(|value| T::try_from(value).ok()) else {
            return wrong("is out of range", hint());
        };
        note_rounding(value, number.value, rounded, "")
    }

    fn show(&self, value: &T, _: Style) -> String {
        let value: i64 = (*value).into();
        value.to_string()
    }

    fn allowed(&self) -> String {
        format!("whole number {}", range(self.min, self.max, ""))
    }
}

/// A length of time.
pub(crate) struct Time {
    /// The unit of a number without one.
    unit: &'static str,
    /// In that unit.
    min: i64,
    /// In that unit.
    max: i64,
}

impl Time {
    /// Seconds, 0 or more.
    pub(crate) const SECONDS: Self = Time { unit: "s", min: 0, max: INT_MAX };
    /// Milliseconds, 0 or more.
    pub(crate) const MILLISECONDS: Self = Time { unit: "ms", min: 0, max: INT_MAX };
    /// Minutes, 0 or more.
    pub(crate) const MINUTES: Self = Time { unit: "min", min: 0, max: INT_MAX };

    /// The same with other limits, in its unit.
    pub(crate) const fn within(self, min: i64, max: i64) -> Self {
        Time { unit: self.unit, min, max }
    }

    fn factor(&self) -> f64 {
        Measure::Time.factor(self.unit).unwrap_or(1.0)
    }
}

impl Kind<Duration> for Time {
    fn read(&self, text: &str) -> Verdict<Duration> {
        let read = quantity(text, Measure::Time, self.unit, self.min, self.max)?;
        let value = Duration::from_secs_f64((count_to_f64(read.value) * self.factor()).max(0.0));
        Ok(super::Read { value, doubt: read.doubt })
    }

    fn show(&self, value: &Duration, style: Style) -> String {
        let seconds = value.as_secs_f64();
        match style {
            Style::Plain => (seconds / self.factor()).round().to_string(),
            Style::Units => number::with_unit(seconds, Measure::Time),
        }
    }

    fn allowed(&self) -> String {
        time_allowed(self.unit, self.min, self.max)
    }
}

/// A number of bytes.
pub(crate) struct Bytes {
    /// The unit of a number without one.
    unit: &'static str,
    /// In that unit.
    min: i64,
    /// In that unit.
    max: i64,
}

impl Bytes {
    /// Bytes, `min` or more, as many as Pgpool-II's `long` holds exactly.
    pub(crate) const fn at_least(min: i64) -> Self {
        Bytes { unit: "B", min, max: 1 << 52 }
    }

    /// Kilobytes, 0 or more.
    pub(crate) const KILOBYTES: Self = Bytes { unit: "kB", min: 0, max: INT_MAX };
}

impl Kind<u64> for Bytes {
    fn read(&self, text: &str) -> Verdict<u64> {
        let read = quantity(text, Measure::Size, self.unit, self.min, self.max)?;
        let unit = if self.unit == "kB" { 1024 } else { 1 };
        let value = u64::try_from(read.value).unwrap_or(0).saturating_mul(unit);
        Ok(super::Read { value, doubt: read.doubt })
    }

    fn show(&self, value: &u64, style: Style) -> String {
        #[expect(clippy::cast_precision_loss, reason = "the range ends at 2^52")]
        let bytes = *value as f64;
        match style {
            Style::Plain => (bytes / Measure::Size.factor(self.unit).unwrap_or(1.0)).to_string(),
            Style::Units => number::with_unit(bytes, Measure::Size),
        }
    }

    fn allowed(&self) -> String {
        format!("size {} in {} (units B, kB, MB, GB, TB)", range(self.min, self.max, ""), self.unit)
    }
}

/// A number with a fraction.
pub(crate) struct Real {
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Kind<f64> for Real {
    /// Pgpool-II reads as far as it understands; a text that starts with no number is 0.
    fn read(&self, text: &str) -> Verdict<f64> {
        let hint = || format!("write a {}", self.allowed());
        let number = number::read(text);
        let value = number.map_or(0.0, |number| number.value);
        if !(self.min..=self.max).contains(&value) {
            return wrong("is out of range", hint());
        }
        match number {
            Some(number) if number.unit.is_empty() => sure(value),
            Some(_) | None => {
                doubtful(value, format!("is not a number; {value} is used, as in Pgpool-II"), hint())
            }
        }
    }

    fn show(&self, value: &f64, _: Style) -> String {
        value.to_string()
    }

    fn allowed(&self) -> String {
        format!("number from {} to {}", self.min, self.max)
    }
}

/// Permissions of a file, in octal when it starts with 0.
pub(crate) struct Mode;

impl Kind<u32> for Mode {
    fn read(&self, text: &str) -> Verdict<u32> {
        let value = number::read(text).filter(|number| number.unit.is_empty());
        match value.and_then(|number| whole(number.value, 0, 0o777)).and_then(|mode| u32::try_from(mode).ok())
        {
            Some(mode) => sure(mode),
            None => wrong("is not a file mode", format!("write an {}", self.allowed())),
        }
    }

    fn show(&self, value: &u32, _: Style) -> String {
        format!("{value:04o}")
    }

    fn allowed(&self) -> String {
        "octal number from 0000 to 0777".to_owned()
    }
}

/// Seconds, or -1 for "at once".
pub(crate) struct RecoveryLimit;

impl Kind<RecoveryIdleLimit> for RecoveryLimit {
    fn read(&self, text: &str) -> Verdict<RecoveryIdleLimit> {
        let read = quantity(text, Measure::Time, "s", -1, INT_MAX)?;
        let value = match u64::try_from(read.value) {
            Err(_) => RecoveryIdleLimit::AtOnce,
            Ok(0) => RecoveryIdleLimit::Never,
            Ok(seconds) => RecoveryIdleLimit::After(Duration::from_secs(seconds)),
        };
        Ok(super::Read { value, doubt: read.doubt })
    }

    fn show(&self, value: &RecoveryIdleLimit, style: Style) -> String {
        match value {
            RecoveryIdleLimit::AtOnce => "-1".to_owned(),
            RecoveryIdleLimit::Never => "0".to_owned(),
            RecoveryIdleLimit::After(limit) => Time::SECONDS.show(limit, style),
        }
    }

    fn allowed(&self) -> String {
        time_allowed("s", -1, INT_MAX)
    }
}

/// A number with an optional unit, in `base` units, rounded to a whole one.
fn quantity(text: &str, measure: Measure, base: &str, min: i64, max: i64) -> Verdict<i64> {
    let units = measure.units().iter().map(|(unit, _)| *unit).collect::<Vec<_>>().join(", ");
    let hint =
        || format!("write a whole number {} in {base}, or one with a unit ({units})", range(min, max, ""));
    let Some(number) = number::read(text) else { return wrong("is not a number", hint()) };
    let unit = if number.unit.is_empty() { base } else { number.unit };
    let (Some(unit), Some(base_factor)) = (measure.factor(unit), measure.factor(base)) else {
        return wrong("has an unknown unit", hint());
    };
    let exact = number.value * unit / base_factor;
    // 500us in ms is 0.5 but for the last bits of a division; those are not what is rounded.
    let rounded = exact.round();
    match whole(rounded, min, max) {
        Some(value) => note_rounding(value, exact, rounded, base),
        None => wrong("is out of range", hint()),
    }
}

fn note_rounding<T>(value: T, exact: f64, rounded: f64, unit: &str) -> Verdict<T> {
    if (exact - rounded).abs() < 1e-9 {
        return sure(value);
    }
    doubtful(value, format!("is rounded to {rounded}{unit}"), "write a whole number")
}

/// The number as an integer, when it is whole and within the limits.
fn whole(number: f64, min: i64, max: i64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "checked right below")]
    let value = number as i64;
    let is_exact = (count_to_f64(value) - number).abs() < 0.5;
    (is_exact && (min..=max).contains(&value)).then_some(value)
}

fn count_to_f64(count: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "every range ends at 2^52")]
    let number = count as f64;
    number
}

fn time_allowed(unit: &str, min: i64, max: i64) -> String {
    format!("time {} in {unit} (units us, ms, s, min, h, d)", range(min, max, ""))
}

fn range(min: i64, max: i64, unit: &str) -> String {
    if max >= INT_MAX { format!("from {min}{unit}") } else { format!("from {min}{unit} to {max}{unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value and whether it is doubted, or what is wrong.
    type Expected<T> = Result<(T, bool), &'static str>;

    fn outcome<T>(verdict: Verdict<T>) -> Result<(T, bool), String> {
        verdict.map(|read| (read.value, read.doubt.is_some())).map_err(|offence| offence.what)
    }

    #[test]
    fn whole_numbers() {
        let cases: &[(&str, Expected<u16>)] = &[
            ("1024", Ok((1024, false))),
            ("65535", Ok((65535, false))),
            ("0x400", Ok((1024, false))),
            ("5432.4", Ok((5432, true))),
            ("80", Err("is out of range")),
            ("65536", Err("is out of range")),
            ("-1", Err("is out of range")),
            ("1e300", Err("is out of range")),
            ("", Err("is not a number")),
            ("abc", Err("is not a number")),
            ("5432kB", Err("has letters behind the number, but this setting has no unit")),
        ];
        for (text, expected) in cases {
            let expected = expected.map_err(str::to_owned);
            assert_eq!(outcome(Whole::PORT.read(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn lengths_of_time() {
        let ms = Duration::from_millis;
        let cases: &[(Time, &str, Expected<Duration>)] = &[
            (Time::SECONDS, "60", Ok((ms(60_000), false))),
            (Time::SECONDS, "2min", Ok((ms(120_000), false))),
            (Time::SECONDS, "2 min", Ok((ms(120_000), false))),
            (Time::SECONDS, "1.5h", Ok((ms(5_400_000), false))),
            (Time::SECONDS, "1500ms", Ok((ms(2000), true))),
            (Time::SECONDS, "2000ms", Ok((ms(2000), false))),
            (Time::MILLISECONDS, "10000", Ok((ms(10_000), false))),
            (Time::MILLISECONDS, "10s", Ok((ms(10_000), false))),
            (Time::MILLISECONDS, "0.1s", Ok((ms(100), false))),
            (Time::MINUTES, "1d", Ok((ms(86_400_000), false))),
            (Time::SECONDS.within(1, 3600), "0", Err("is out of range")),
            (Time::SECONDS.within(1, 3600), "2h", Err("is out of range")),
            (Time::SECONDS, "5MIN", Err("has an unknown unit")),
            (Time::SECONDS, "5MB", Err("has an unknown unit")),
            (Time::SECONDS, "soon", Err("is not a number")),
            (Time::SECONDS, "-1", Err("is out of range")),
            (Time::SECONDS, "99999999999999999999d", Err("is out of range")),
        ];
        for (time, text, expected) in cases {
            let found = outcome(time.read(text));
            assert_eq!(found, expected.map_err(str::to_owned), "{text:?}");
            if let Ok((value, _)) = found {
                for style in [Style::Plain, Style::Units] {
                    assert_eq!(time.read(&time.show(&value, style)).unwrap().value, value, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn sizes() {
        let cases: &[(Bytes, &str, Expected<u64>)] = &[
            (Bytes::at_least(0), "67108864", Ok((67_108_864, false))),
            (Bytes::at_least(0), "64MB", Ok((67_108_864, false))),
            (Bytes::at_least(512), "511", Err("is out of range")),
            (Bytes::KILOBYTES, "10MB", Ok((10_485_760, false))),
            (Bytes::KILOBYTES, "10", Ok((10240, false))),
            (Bytes::at_least(0), "1mb", Err("has an unknown unit")),
            (Bytes::at_least(0), "1e40TB", Err("is out of range")),
        ];
        for (bytes, text, expected) in cases {
            let found = outcome(bytes.read(text));
            assert_eq!(found, expected.map_err(str::to_owned), "{text:?}");
            if let Ok((value, _)) = found {
                for style in [Style::Plain, Style::Units] {
                    assert_eq!(bytes.read(&bytes.show(&value, style)).unwrap().value, value, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn numbers_with_a_fraction() {
        let real = Real { min: 0.0, max: 100.0 };
        let cases = [
            ("1", Ok((1.0, false))),
            ("0.25", Ok((0.25, false))),
            ("heavy", Ok((0.0, true))),
            ("2x", Ok((2.0, true))),
            ("101", Err("is out of range".to_owned())),
            ("-1", Err("is out of range".to_owned())),
        ];
        for (text, expected) in cases {
            assert_eq!(outcome(real.read(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn file_modes() {
        let cases =
            [("0777", Some(0o777)), ("0600", Some(0o600)), ("511", Some(511)), ("01000", None), ("rw", None)];
        for (text, expected) in cases {
            assert_eq!(Mode.read(text).ok().map(|read| read.value), expected, "{text:?}");
        }
        assert_eq!(Mode.show(&0o60, Style::Plain), "0060");
    }

    #[test]
    fn idle_limit_in_recovery() {
        let after = |seconds| RecoveryIdleLimit::After(Duration::from_secs(seconds));
        let cases =
            [("-1", RecoveryIdleLimit::AtOnce), ("0", RecoveryIdleLimit::Never), ("2min", after(120))];
        for (text, expected) in cases {
            assert_eq!(RecoveryLimit.read(text).unwrap().value, expected, "{text:?}");
        }
        assert!(RecoveryLimit.read("-2").is_err());
    }
}
