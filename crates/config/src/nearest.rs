use crate::settings;

/// The known name that is most like this unknown one, unless none is; with a number if it takes one.
pub(crate) fn nearest(name: &str) -> Option<String> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let (base, number) = split_number(name);
    let base = base.to_ascii_lowercase();
    let allowed = allowed_distance(&base);
    let distance = |known: &str| strsim::damerau_levenshtein(&base, known);
    let close = settings::all()
        .filter(|setting| setting.name.len().abs_diff(base.len()) <= allowed)
        .map(|setting| (distance(setting.name), setting))
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, setting)| setting);
    let contained = || {
        settings::all()
            .filter(|setting| setting.name.len() >= SHORTEST_CONTAINED && base.contains(setting.name))
            .max_by_key(|setting| setting.name.len())
    };
    let setting = close.or_else(contained)?;
    let is_numbered =
        setting.shape.last_index().is_some() && (!setting.shape.is_plain() || !number.is_empty());
    let number = if number.is_empty() { "0" } else { number };
    Some(if is_numbered { format!("{}{number}", setting.name) } else { setting.name.to_owned() })
}

/// Measuring takes time in proportion to the length of a name. No setting's is as long as this.
const LONGEST_NAME: usize = 64;

/// A name that is a part of a longer one says something from this length on.
const SHORTEST_CONTAINED: usize = 12;

/// A quarter of the letters may differ, but no more than four.
fn allowed_distance(name: &str) -> usize {
    (name.chars().count() / 4).min(4)
}

/// A name and the digits behind it.
pub(crate) fn split_number(name: &str) -> (&str, &str) {
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
    name.split_at_checked(base.len()).unwrap_or((name, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_were_hardly_meant() {
        let cases = [
            ("connection_lifetime", Some("connection_life_time")),
            ("log_min_message", Some("log_min_messages")),
            ("backend_hostnme1", Some("backend_hostname1")),
            ("backend_clustering_mode0", Some("backend_clustering_mode")),
            ("Port", Some("port")),
            ("health_check_perod", Some("health_check_period")),
            ("health_check_perod2", Some("health_check_period2")),
            ("memqcache_memqcache_total_size", Some("memqcache_total_size")),
            ("max_wal_senders", None),
            ("auth_type", None),
            ("xyz", None),
            ("7", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name).as_deref(), expected, "{name:?}");
        }
    }
}
