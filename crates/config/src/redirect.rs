use pgherd_types::NodeId;

use crate::kind::{Offence, split};
use crate::pattern::Pattern;
use crate::problem::shown;
use crate::settings::LAST_NODE;

/// A redirect list: whose reads go to which node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RedirectList {
    /// As it was written.
    pub(crate) text: String,
    /// In the order in which they are asked.
    pub entries: Vec<Redirect>,
}

/// One entry of a redirect list.
#[derive(Clone, Debug, PartialEq)]
pub struct Redirect {
    /// Whose reads.
    pub pattern: Pattern,
    /// Where they go.
    pub target: RedirectTarget,
    /// Which part of them, from 0 to 1.
    pub ratio: f64,
}

/// Where reads are redirected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectTarget {
    /// This node.
    Node(NodeId),
    /// The primary.
    Primary,
    /// Any standby.
    Standby,
}

impl RedirectList {
    /// Reads `pattern:node(ratio), ...`. A comma within a pattern is written `\,`.
    pub(crate) fn read(text: &str) -> Result<Self, Offence> {
        let entries = split(text, ',').into_iter().enumerate().map(|(at, entry)| {
            Redirect::read(&entry).map_err(|(what, hint)| Offence {
                what: format!("is wrong at entry {} ({}): {what}", at + 1, shown(&entry)),
                hint: hint.to_owned(),
            })
        });
        Ok(RedirectList { text: text.to_owned(), entries: entries.collect::<Result<_, _>>()? })
    }
}

impl Redirect {
    fn read(entry: &str) -> Result<Self, (String, &'static str)> {
        let Some((pattern, behind)) = entry.rsplit_once(':') else {
            return Err(("there is no colon in it".to_owned(), FORM));
        };
        let pattern = Pattern::new(pattern.trim()).map_err(|why| {
            (format!("the pattern {why}"), "write a POSIX regular expression before the colon")
        })?;
        let (node, ratio) = match behind.split_once('(') {
            Some((node, ratio)) => (node, Some(ratio)),
            None => (behind, None),
        };
        Ok(Redirect { pattern, target: target(node.trim())?, ratio: ratio.map_or(Ok(1.0), read_ratio)? })
    }
}

const FORM: &str = "write entries such as name:standby or name:1(0.5) with commas between them";

fn target(node: &str) -> Result<RedirectTarget, (String, &'static str)> {
    match node.to_ascii_lowercase().as_str() {
        "primary" => return Ok(RedirectTarget::Primary),
        "standby" => return Ok(RedirectTarget::Standby),
        _ => {}
    }
    match node.parse() {
        Ok(id) if id <= LAST_NODE && node.starts_with(|c: char| c.is_ascii_digit()) => {
            Ok(RedirectTarget::Node(NodeId(id)))
        }
        Ok(_) | Err(_) => Err((
            format!("'{}' is no node", shown(node)),
            "write the number of a node, primary or standby behind the colon",
        )),
    }
}

fn read_ratio(text: &str) -> Result<f64, (String, &'static str)> {
    let number = text.trim_end().strip_suffix(')').and_then(|inside| inside.trim().parse::<f64>().ok());
    number.filter(|ratio| (0.0..=1.0).contains(ratio)).ok_or_else(|| {
        (format!("'({}' is no ratio", shown(text)), "write a number from 0.0 to 1.0 in the parentheses")
    })
}
