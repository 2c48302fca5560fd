#!/bin/sh
# Every chore of this project in one place: `./do help` lists them.
#
# Works under dash, from any directory, with spaces in the path and without standard input. What is missing and apt
# can bring is installed when this is root or `sudo -n` works, and no packaged daemon is started by that. Otherwise
# the one command to run is printed, and the chore goes on with what it can.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
cd -- "$root"
venv=.venv
stamp=$venv/.installed

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

help() {
    cat <<'TEXT'
usage: ./do CHORE [ARGUMENTS]

  run [ARGS]    start the service with a sandbox registrar and a sample, and show its registrations;
                --exit-when-registered ends it there, --help tells the rest
  test [ARGS]   install what the tests need and run them; ARGS go to pytest
  test-long     20,000 random plays of the engine in virtual time, and a day of 10,000 registrations; --help tells the rest
  check         formatting, lint, types, import rules, dependencies
  fix           format, and repair what lint can repair
  docs          write the pages anew that are made from the program: references, OpenAPI, commands, states
  fuzz-rest     100,000 random requests against /rest, beside a model of what it must say; --help tells the rest
  bench-rest    entries PUT a second, each durably committed, and lists read; --help tells the rest
  bench         what a cold registration costs, beside Kamailio's uac module; --aors N, --help tells the rest
  bench-scale   CPU, memory and start with 10,000 and with a million AORs; --help tells the rest
  bench-storm   GETs of the wire API and lag of the event loop while 100,000 register; --help tells the rest
  bench-bulk    a million entries imported, attached and deleted while others refresh; --entries N, --help tells the rest
  bench-monitor CPU and memory of a thousand servers that are watched with OPTIONS; --servers N, --help tells the rest
  bench-look    milliseconds of a look for alarms and events with a million registrations
  bench-scrape  milliseconds of a scrape of /metrics with a million registrations; --servers N, --help tells the rest
  bench-transports  CPU of a registration over UDP, TCP, TLS and WebSockets, in turn; --help tells the rest
  soak          half an hour of 500 refreshes a second with failures among them: what grows? --help tells the rest
  install       make .venv from requirements.lock (the other chores do it by themselves)
  lock          write requirements.lock anew from pyproject.toml
  help          this text
TEXT
}

# --- what apt can bring -------------------------------------------------------------------------------------------

# Runs a command as root, or fails: never asks for a password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n -- "$@"; fi </dev/null
}

can_use_apt() {
    command -v apt-get >/dev/null 2>&1 && as_root true 2>/dev/null
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" >&2
}

# apt_install PACKAGE...: installs them without starting a daemon. A subshell, so that its trap is its own.
# Debian's packages ask /usr/sbin/policy-rc.d whether they may start theirs; 101 means no.
apt_install() (
    if ! can_use_apt; then
        say "To install what is missing: sudo apt-get install --no-install-recommends $*"
        exit 1
    fi
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'as_root rm -f "$policy"' EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM HUP
        # shellcheck disable=SC2016  # $1 is for the inner shell
        as_root sh -c 'printf "#!/bin/sh\nexit 101\n" >"$1" && chmod 755 "$1"' sh "$policy" || exit 1
    fi
    say "Installing with apt: $*"
    # Lists that are missing do not know the package, and lists that are too old name files that are gone.
    if apt_known "$@" && apt_get install -y --no-install-recommends "$@"; then exit 0; fi
    apt_get update || say "apt-get update failed; trying with the lists that are there"
    if apt_get install -y --no-install-recommends "$@"; then exit 0; fi
    say "apt could not install $*"
    exit 1
)

apt_known() {
    for package in "$@"; do
        apt-cache show --no-all-versions "$package" >/dev/null 2>&1 || return 1
    done
}

has_kamailio_module() { ls /usr/lib/*/kamailio/modules/"$1".so >/dev/null 2>&1; }

# Debian would start it at the next boot, on the port that a real one may want. Tests start their own.
install_kamailio() {
    if [ -x /usr/sbin/kamailio ] && has_kamailio_module tls && has_kamailio_module outbound && has_kamailio_module websocket
    then return 0; fi
    apt_install kamailio kamailio-tls-modules kamailio-outbound-modules kamailio-websocket-modules || return 1
    if command -v systemctl >/dev/null 2>&1; then as_root systemctl --quiet disable kamailio 2>/dev/null || :; fi
}

# What checks alert rules; the server that it comes with is not started.
install_promtool() {
    if command -v promtool >/dev/null 2>&1; then return 0; fi
    apt_install prometheus || return 1
    if command -v systemctl >/dev/null 2>&1; then as_root systemctl --quiet disable prometheus 2>/dev/null || :; fi
}

# For a network of the tests' own, with a NAT in it.
install_nat_tools() {
    if { [ -x /usr/sbin/nft ] || command -v nft >/dev/null; } && command -v ip >/dev/null; then return 0; fi
    apt_install nftables iproute2
}

# Reads the captures that traces are given as. Its package asks whether others than root may capture; nobody has to.
install_tshark() {
    if command -v tshark >/dev/null; then return 0; fi
    apt_install tshark
}

# --- .venv --------------------------------------------------------------------------------------------------------

# Prints the first Python that is new enough and can make a virtual environment (Debian splits ensurepip off).
find_python() {
    for python in python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$python"
            return 0
        fi
    done
    return 1
}

# What .venv was made from. The path belongs to it: a virtual environment does not survive being moved.
wanted_stamp() {
    printf '%s\n' "$root"
    cksum requirements.lock pyproject.toml
}

install() {
    if [ -x "$venv/bin/python" ] && [ -f "$stamp" ]; then
        if [ "$(cat "$stamp")" = "$(wanted_stamp)" ]; then return 0; fi
        if [ "$(head -n 1 "$stamp")" != "$root" ]; then rm -f "$stamp"; fi
    fi
    if [ ! -x "$venv/bin/python" ] || [ ! -f "$stamp" ]; then
        python=$(find_python) || {
            apt_install python3-venv || :
            python=$(find_python) || fail "Python 3.11 or later with venv is needed: sudo apt-get install python3-venv"
        }
        say "Making $venv with $("$python" --version)"
        "$python" -m venv --clear "$venv" </dev/null
    fi
    say "Installing $(grep -c == requirements.lock) packages into $venv (a minute the first time)"
    pip install -r requirements.lock
    # What builds the project is in the lock file too, so nothing else is fetched for it.
    pip install --no-deps --no-build-isolation --editable .
    wanted_stamp >"$stamp"
}

pip() {
    "$venv/bin/python" -m pip --quiet --quiet --disable-pip-version-check --no-input "$@" </dev/null
}

# Resolves the newest versions in an environment of its own and writes them down: names and versions, nothing else,
# so that the file serves any index and any Python that the project does.
lock() {
    python=$(find_python) || fail "Python 3.11 or later with venv is needed: sudo apt-get install python3-venv"
    mkdir -p build
    venv=build/lock
    "$python" -m venv --clear "$venv" </dev/null
    say "Resolving the dependencies of pyproject.toml"
    pip install hatchling editables '.[test,quality]'
    {
        # shellcheck disable=SC2016  # the backquotes are text
        printf '# Made by `./do lock`: everything that running, testing and checking this project needs.\n'
        "$venv/bin/python" -m pip freeze --exclude sipregistrant --exclude pip --exclude setuptools --exclude uv
    } >build/requirements.lock
    if grep -v -E '^(#.*|[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+)$' build/requirements.lock >&2; then
        fail "these lines are no plain name==version; requirements.lock is left as it was"
    fi
    mv build/requirements.lock requirements.lock
    rm -rf "$venv"
    say "requirements.lock names $(grep -c == requirements.lock) packages"
}

# --- chores -------------------------------------------------------------------------------------------------------

run() {
    install
    exec "$venv/bin/sipregistrant" demo --data-dir var "$@"
}

run_tests() {
    install
    install_kamailio || say "Going on without Kamailio: its tests are skipped and counted at the end."
    install_promtool || say "Going on without promtool: the tests of the alert rules are skipped."
    install_nat_tools || say "Going on without nftables: the test behind a real NAT is skipped."
    install_tshark || say "Going on without tshark: what reads captures back is skipped."
    # The whole suite takes all processors; what is named is run by itself, so that its output comes as it happens.
    if [ "$#" -eq 0 ]; then set -- --numprocesses auto --dist loadfile; fi
    exec "$venv/bin/python" -m pytest "$@"
}

failures=
step() {
    title=$1
    tool=$2
    shift 2
    if output=$("$venv/bin/$tool" "$@" 2>&1 </dev/null); then
        say "$title: ok"
    else
        say "$output"
        say "$title: FAILED"
        failures="$failures${failures:+, }$title"
    fi
}

check() {
    install
    step format ruff format --check --quiet .
    step lint ruff check --quiet .
    step types mypy
    step imports lint-imports
    step dependencies deptry .
    if [ -n "$failures" ]; then fail "Failed: $failures"; fi
}

fix() {
    install
    "$venv/bin/ruff" check --fix --quiet . || :
    "$venv/bin/ruff" format .
}

docs() {
    install
    "$venv/bin/python" tools/reference.py
    "$venv/bin/python" tools/openapi.py
    "$venv/bin/python" tools/api.py
    "$venv/bin/python" tools/commands.py
    "$venv/bin/python" tools/states.py
    "$venv/bin/python" tools/events.py
    "$venv/bin/python" tools/outcomes.py
    "$venv/bin/python" tools/metrics.py
    "$venv/bin/python" tools/dashboard.py
}

# measure_with_kamailio MODULE ARGUMENTS...
measure_with_kamailio() {
    install
    install_kamailio || fail "It measures against Kamailio."
    exec "$venv/bin/python" -m "$@"
}

bench() {
    install
    install_kamailio || fail "It measures against Kamailio."
    if ! ls /usr/lib/*/kamailio/modules/db_sqlite.so >/dev/null 2>&1; then
        apt_install kamailio-sqlite-modules || say "Without them --without-peer is what can be measured."
    fi
    exec "$venv/bin/python" -m bench.peer "$@"
}

chore=${1:-help}
if [ "$#" -gt 0 ]; then shift; fi
case $chore in
    run) run "$@" ;;
    test) run_tests "$@" ;;
    check) check ;;
    fix) fix ;;
    install) install ;;
    lock) lock ;;
    docs) docs ;;
    fuzz-rest) install && exec "$venv/bin/python" -m tests.rest.fuzz "$@" ;;
    test-long) install && exec "$venv/bin/python" -m tests.engine.long "$@" ;;
    bench) bench "$@" ;;
    bench-scale) measure_with_kamailio bench.scale "$@" ;;
    bench-transports) measure_with_kamailio bench.transports "$@" ;;
    soak) measure_with_kamailio bench.soak "$@" ;;
    bench-storm) measure_with_kamailio bench.storm "$@" ;;
    bench-bulk) measure_with_kamailio bench.bulk "$@" ;;
    bench-monitor) install && exec "$venv/bin/python" -m bench.monitor "$@" ;;
    bench-look) install && exec "$venv/bin/python" -m bench.look "$@" ;;
    bench-scrape) install && exec "$venv/bin/python" -m bench.scrape "$@" ;;
    bench-rest) install && exec "$venv/bin/python" -m bench.rest "$@" ;;
    help | -h | --help) help ;;
    *) help >&2; fail "./do knows no chore named $chore" ;;
esac
