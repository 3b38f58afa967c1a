use core::time::Duration;

use super::seconds;
use crate::choices::{BackendMessages, ErrorVerbosity, LogDestination, MessageLevel, SyslogFacility};
use crate::feature::Feature;
use crate::kind::{Bytes, Choice, Mode, Subset, Switch, Text, Time};
use crate::setting::State::{Waits, Works};
use crate::setting::section;

section! {
    /// What is logged, and where.
    pub struct Logging {
        /// Where log lines go: `stderr`, `syslog`, or both with a comma.
        log_destination: Vec<LogDestination> =
            vec![LogDestination::Stderr], Subset, Reload, Waits(Feature::Syslog);

        /// What goes to standard error is written to files in `log_directory`.
        logging_collector: bool = false, Switch, Start, Waits(Feature::LogFiles);

        /// Directory of the log files.
        log_directory: String =
            "/tmp/pgpool_logs".to_owned(), Text::of("directory"), Reload, Waits(Feature::LogFiles);

        /// Name of a log file, with the escapes of strftime.
        log_filename: String =
            "pgpool-%Y-%m-%d_%H%M%S.log".to_owned(), Text::of("file name with strftime escapes"), Reload,
            Waits(Feature::LogFiles);

        /// Permissions of the log files.
        log_file_mode: u32 = 0o600, Mode, Reload, Waits(Feature::LogFiles);

        /// A new log file is begun after this time. 0 is never.
        log_rotation_age: Duration = seconds(86_400), Time::MINUTES, Reload, Waits(Feature::LogFiles);

        /// A new log file is begun after this size. 0 is never.
        log_rotation_size: u64 = 10 << 20, Bytes::KILOBYTES, Reload, Waits(Feature::LogFiles);

        /// A log file that exists already is emptied when its turn comes by time.
        log_truncate_on_rotation: bool = false, Switch, Reload, Waits(Feature::LogFiles);

        /// Facility under which the system's log has our lines.
        syslog_facility: SyslogFacility = SyslogFacility::Local0, Choice, Reload, Waits(Feature::Syslog);

        /// Name under which the system's log has our lines.
        syslog_ident: String =
            "pgpool".to_owned(), Text::of("program name"), Reload, Waits(Feature::Syslog);

        /// Clients get notices of pgherd's own of this level and above. The notices of servers, and errors, they
        /// always get.
        client_min_messages: MessageLevel = MessageLevel::Notice, Choice, Session, Works;

        /// Messages of this level and above are logged.
        log_min_messages: MessageLevel = MessageLevel::Warning, Choice, Session, Works;

        /// How much of an error is logged: `terse`, `default` or `verbose`.
        log_error_verbosity: ErrorVerbosity = ErrorVerbosity::Default, Choice, Session, Works;

        /// Beginning of each log line. %a: application or part of pgherd; %p: process id; %P: process name;
        /// %t: time; %m: time with milliseconds; %d: database; %u: user; %l: line number of the session;
        /// %%: %.
        log_line_prefix: String =
            "%m: %a pid %p: ".to_owned(), Text::of("text with escapes"), Reload, Works;

        /// Each client's arrival is logged.
        log_connections: bool = false, Switch, Reload, Works;

        /// Each client's leaving is logged.
        log_disconnections: bool = false, Switch, Reload, Works;

        /// Clients are logged by host name, not by IP address.
        log_hostname: bool = false, Switch, Reload, Waits(Feature::HostNames);

        /// Start and end of each PCP command are logged.
        log_pcp_processes: bool = false, Switch, Reload, Waits(Feature::Pcp);

        /// Each statement is logged when it is run.
        log_statement: bool = false, Switch, Session, Works;

        /// Each statement is logged once for each node that gets it, with the node and the server process; in
        /// the extended protocol, each Parse, Bind and Execute.
        log_per_node_statement: bool = false, Switch, Session, Works;

        /// The client is told, as a notice before the answer, of each node that gets its statement.
        notice_per_node_statement: bool = false, Switch, Session, Works;

        /// Each message of a client is logged; a run of COPY data is one line.
        log_client_messages: bool = false, Switch, Session, Works;

        /// Each message of a node to a session is logged; with `terse`, how often one came in a row is one
        /// line. A client whose `client_min_messages` is `log` or below is told, too, before each message.
        log_backend_messages: BackendMessages = BackendMessages::None, Choice, Session, Works;
    }
}

section! {
    /// Files of the running program.
    pub struct Files {
        /// File with the process id of the running pgherd.
        pid_file_name: String =
            "/var/run/pgpool/pgpool.pid".to_owned(), Text::of("file name"), Start, Works;

        /// Directory for `pgpool_status`, in which the state of the nodes outlives a restart.
        work_dir: String = "/tmp".to_owned(), Text::of("directory"), Start, Works, former "logdir";
    }
}
