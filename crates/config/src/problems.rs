use crate::problem::{Problem, Severity};

/// Problems of one severity that are told. Who has that many has a file of another kind.
pub(crate) const PROBLEMS: usize = 1000;

/// The problems of all files that were read, as many as anybody may want to read.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Problems {
    /// Adds a problem, unless there are [`PROBLEMS`] like it: errors cannot be crowded out by warnings.
    pub(crate) fn push(&mut self, problem: Problem) {
        let same = match problem.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if same.len() < PROBLEMS {
            same.push(problem);
        }
    }

    /// All of them by file, in the order in which files have problems, and by line.
    pub(crate) fn in_order_of_places(self) -> Vec<Problem> {
        let mut all = self.errors;
        all.extend(self.warnings);
        let mut files: Vec<_> = Vec::new();
        for problem in &all {
            if !files.contains(&problem.file) {
                files.push(problem.file.clone());
            }
        }
        all.sort_by_key(|problem| {
            let file = files.iter().position(|file| *file == problem.file);
            (problem.at.is_none(), file, problem.at.map(|at| (at.line, at.column)))
        });
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_do_not_crowd_out_an_error() {
        let problem = |severity| Problem {
            severity,
            file: "x".into(),
            at: None,
            message: String::new(),
            hint: String::new(),
        };
        let mut problems = Problems::default();
        for _ in 0..PROBLEMS + 5 {
            problems.push(problem(Severity::Warning));
        }
        problems.push(problem(Severity::Error));
        let all = problems.in_order_of_places();
        assert_eq!(all.len(), PROBLEMS + 1);
        assert!(all.iter().any(|one| one.severity == Severity::Error));
    }
}
