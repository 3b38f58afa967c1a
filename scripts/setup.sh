# For sourcing: installs what a script needs and the machine lacks, and says so.
#
#   need build       a C compiler and libclang, for PostgreSQL's grammar in crate sql
#   need server      PostgreSQL's server, psql and pgbench
#   need git         git, for the list of files that belong to the repository
#   need python      python3 with venv
#   need node        node and npm
#   need java        a JDK and PostgreSQL's JDBC driver
#   need valgrind    valgrind, which counts instructions

# Folders of PostgreSQL's programs, the same places in which `pgherd sandbox` looks.
has_server() {
    local dir
    for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin /opt/pgsql*/bin; do
        [ -x "$dir/initdb" ] && [ -x "$dir/pgbench" ] && return 0
    done
    command -v initdb >/dev/null && command -v pgbench >/dev/null
}

has_libclang() {
    local dir lib
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    # libclang-cpp, which other packages bring along, is another library.
    for dir in /usr/lib/llvm-*/lib /usr/lib/*-linux-gnu /usr/lib64; do
        for lib in "$dir"/libclang.so* "$dir"/libclang-[0-9]*.so*; do
            [ -e "$lib" ] && return 0
        done
    done
    return 1
}

has() {
    case $1 in
        build) command -v cc >/dev/null && has_libclang ;;
        server) has_server ;;
        git) command -v git >/dev/null ;;
        python) python3 -c 'import venv, ensurepip' 2>/dev/null ;;
        node) command -v node >/dev/null && command -v npm >/dev/null ;;
        java) command -v javac >/dev/null && [ -e /usr/share/java/postgresql.jar ] ;;
        valgrind) command -v valgrind >/dev/null ;;
    esac
}

packages_of() {
    case $1 in
        build) echo gcc libc6-dev libclang-dev ;;
        server) echo postgresql ;;
        git) echo git ;;
        python) echo python3-venv ;;
        node) echo nodejs npm ;;
        java) echo default-jdk-headless libpostgresql-jdbc-java ;;
        # Debian's valgrind needs the symbols of the dynamic loader.
        valgrind) echo valgrind libc6-dbg ;;
    esac
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "Neither root nor sudo. As root, please run: $*" >&2
        return 1
    fi
}

need() {
    local what packages=()
    for what in "$@"; do
        # shellcheck disable=SC2207 # the names hold no blanks
        has "$what" || packages+=($(packages_of "$what"))
    done
    [ ${#packages[@]} = 0 ] && return 0
    if ! command -v apt-get >/dev/null; then
        echo "Missing, in Debian's names: ${packages[*]}. Please install them." >&2
        return 1
    fi
    echo "Installing what is missing: ${packages[*]}"
    if [ -z "${apt_updated:-}" ]; then
        as_root apt-get update -qq
        apt_updated=1
    fi
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    for what in "$@"; do
        has "$what" || { echo "${packages[*]} are installed, but $what is still not usable." >&2; return 1; }
    done
}

need_cargo() {
    command -v cargo >/dev/null && return 0
    # A fresh rustup is not in the PATH of a shell that was open before.
    if [ -x "$HOME/.cargo/bin/cargo" ]; then
        PATH=$HOME/.cargo/bin:$PATH
        return 0
    fi
    echo "Rust is missing: see https://rustup.rs" >&2
    return 1
}

target=${CARGO_TARGET_DIR:-target}
