# Sourced by ops/test, after ops/setup and ops/lifetime.sh: Google's own Python client, which the
# tests hold against the sandbox, in a virtual environment of the project's own. Nothing is
# installed into the machine's Python, and only Debian's missing packages into the machine.
#
# It is kept between runs and made anew when tests/python/requirements.txt changes. Packages come
# from wherever pip is set up to look; the hashes say what they must be.
# shellcheck shell=bash

: "${root:?source ops/setup first}"
python_environment=$root/.bellhop/python
python_requirements=$root/tests/python/requirements.txt
python=''

# Succeeds where it holds what is required and runs: the Python it was made with may be gone.
has_python_environment() {
    cmp -s "$python_requirements" "$python_environment/requirements.txt" &&
        "$python_environment/bin/python" -c 'import google.auth, googleapiclient' >/dev/null 2>&1
}

# Sets `python` to one that is new enough and can make an environment with pip in it.
find_python() {
    local candidate
    for candidate in python3 /usr/bin/python3 /opt/homebrew/bin/python3 /usr/local/bin/python3; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))' >/dev/null 2>&1; then
            python=$candidate
            return
        fi
    done
    return 1
}

install_python() {
    if has apt-get; then
        install_with_apt python3 python3-venv
    elif has brew; then
        say 'installing with brew: python3'
        brew install python3 >&2 || die 'brew failed; install Python 3.9 or newer yourself, then run this again'
    fi
    hash -r
    find_python || die 'no Python 3.9 or newer with its venv module: install it, then run this again'
}

# Wheels only: nothing is built, and no package's own program runs while it is installed.
fill_python_environment() {
    # A machine's own setting may send packages to the user's folder, which an environment cannot.
    "$python" -m venv "$1" &&
        PIP_USER=0 "$1/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --no-compile \
            --require-hashes --only-binary :all: --requirement "$python_requirements" &&
        cp "$python_requirements" "$1/requirements.txt"
}

set_up_python() {
    local new=$python_environment-$$ left process
    has_python_environment && return
    find_python || install_python
    # The servers' user must be able to pass through this folder; see ops/servers.
    if [ ! -d "$root/.bellhop" ]; then
        mkdir -p "$root/.bellhop"
        chmod 755 "$root/.bellhop"
    fi
    for left in "$python_environment"-*; do
        # The folder of a run, or its log beside it.
        process=${left##*-}
        kill -0 "${process%.log}" 2>/dev/null || rm -rf -- "$left"
    done
    say "fetching Google's Python client with pip, for the tests alone"
    # Made beside the old one and put in its place whole, so that a broken-off run leaves no half.
    if ! run fill_python_environment "$new" >"$new.log" 2>&1; then
        tail -n 5 "$new.log" >&2
        rm -rf -- "$new" "$new.log"
        die "pip could not install tests/python/requirements.txt, for the reason above: is its package index reachable (pip config list)? Then run this again"
    fi
    rm -rf -- "$python_environment" "$new.log"
    mv "$new" "$python_environment"
}
