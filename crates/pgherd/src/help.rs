use pgherd_server::CONFIGURATION_FOLDERS;

/// What `--help` prints.
pub(crate) fn text(program: &str) -> String {
    let folders = CONFIGURATION_FOLDERS.join(", ");
    format!(
        "\
pgherd makes a herd of PostgreSQL servers look like one.

Usage:
  {program} [options]                   start
  {program} [options] [-m MODE] stop    stop the running one
  {program} [options] reload            make the running one read its configuration again
  {program} config check FILE           report everything that is wrong with a pgpool.conf
  {program} config sample               print a commented pgpool.conf with all settings
  {program} sandbox ...                 clusters of real servers to try things out (sandbox --help)

Options:
  -f, --config-file FILE     pgpool.conf
  -F, --pcp-file FILE        pcp.conf
  -a, --hba-file FILE        pool_hba.conf
  -k, --key-file FILE        the key that opens AES passwords in pool_passwd
  -n, --dont-detach          stay in the foreground, log to standard error
  -d, --debug                log debug lines
  -x, --debug-assertions     accepted, without effect
  -C, --clear-oidmaps        accepted, without effect until there is a query cache
  -D, --discard-status       forget which nodes were down
  -m, --mode MODE            for stop: smart (default), fast, immediate; s, f, i for short
  -v, --version              print the version
  -h, -?, --help             print this

Files that are not named are looked for in {folders}.
"
    )
}
