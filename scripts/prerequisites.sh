#!/bin/sh
# Checks that this machine can build oddsengine. For everything that is missing or too old it prints the
# command that installs it, and exits with status 1. It installs nothing itself.
# Usage: scripts/prerequisites.sh [--lints | --gate]      also what `make check` or `make gate` needs
set -u
cd "$(dirname "$0")/.." || exit 1

python=${PYTHON:-python3}
python_minor_min=11
rust_min=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)
rustup_line="curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal -c rustfmt -c clippy && . \"\$HOME/.cargo/env\""

problems=""
packages=""
commands=""

problem() { problems="$problems  $1
"; }
# One apt-get line installs all packages, so that the answer is one paste.
package() { case " $packages " in *" $1 "*) ;; *) packages="$packages $1" ;; esac; }
command_line() { case "$commands" in *"$1"*) ;; *) commands="$commands  $1
"; esac; }
have() { command -v "$1" >/dev/null 2>&1; }

# Whether version $1 is at least version $2.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

install_rust() {
    if ! have curl; then package curl; package ca-certificates; fi
    command_line "$rustup_line"
}

check_compiler() {
    # Linking a program also finds a compiler that came without the C library's headers and start files.
    program=$(mktemp)
    if ! have cc; then
        problem "no C compiler: the command cc is missing"
        package build-essential
    elif ! printf '#include <stdio.h>\nint main(void) { return puts("") < 0; }\n' | cc -x c -o "$program" - 2>/dev/null; then
        problem "the C compiler cc cannot link a program: the C library's development files are missing"
        package build-essential
    fi
    rm -f "$program"
}

check_rust() {
    if ! have cargo || ! have rustc; then
        problem "no Rust: the commands cargo and rustc are missing"
        install_rust
        return
    fi
    if ! rust=$(rustc --version 2>/dev/null) || ! cargo --version >/dev/null 2>&1; then
        problem "Rust is installed, but rustc and cargo do not start: $(rustc --version 2>&1 | head -n 1)"
        if have rustup; then command_line "rustup default stable"; else install_rust; fi
        return
    fi
    rust=$(echo "$rust" | cut -d ' ' -f 2)
    if ! at_least "${rust%%-*}" "$rust_min"; then
        problem "rustc $rust is too old: $rust_min or newer is needed"
        if have rustup; then command_line "rustup update stable && rustup default stable && . \"\$HOME/.cargo/env\""; else install_rust; fi
    fi
}

check_lints() {
    cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
    problem "no cargo fmt or no cargo clippy"
    if have rustup; then command_line "rustup component add rustfmt clippy"; else install_rust; fi
}

check_python() {
    if ! have "$python"; then
        problem "no Python: the command $python is missing"
        package python3
        package python3-venv
        return
    fi
    if ! version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); then
        problem "Python is installed, but $python does not start"
        package python3
        package python3-venv
        return
    fi
    if ! at_least "$version" "3.$python_minor_min"; then
        problem "$python is Python $version, which is too old: 3.$python_minor_min or newer is needed"
        for newer in python3.14 python3.13 python3.12 python3.11; do
            if have "$newer"; then
                command_line "export PYTHON=$newer        # it is installed here"
                return
            fi
        done
        package "python3.$python_minor_min"
        package "python3.$python_minor_min-venv"
        command_line "export PYTHON=python3.$python_minor_min"
        return
    fi
    # Debian ships the venv module with Python, but ensurepip, which it needs, in a package of its own.
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        problem "$python has no module venv or no module ensurepip"
        if [ "$python" = python3 ]; then package python3-venv; else package "python$version-venv"; fi
    fi
}

check_compiler
check_rust
check_python
if [ "${1:-}" = --lints ] && have cargo; then check_lints; fi
if [ "${1:-}" = --gate ] && ! have valgrind; then
    problem "no valgrind, which counts instructions"
    package valgrind
fi

[ -z "$problems" ] && exit 0
if [ "$(id -u)" = 0 ]; then sudo=""; else sudo="sudo "; fi
{
    echo "oddsengine cannot be built on this machine yet:"
    printf '%s' "$problems"
    echo "Run this, then the same make command again:"
    [ -n "$packages" ] && echo "  ${sudo}apt-get update && ${sudo}apt-get install -y$packages"
    printf '%s' "$commands"
} >&2
exit 1
