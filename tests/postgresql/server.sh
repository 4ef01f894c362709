#!/bin/sh
# A PostgreSQL of our own for tests and benches: Debian's package, its own folder and port, on loopback alone.
# Usage: tests/postgresql/server.sh up FOLDER PORT        make the data folder if need be, start, wait until it answers
#        tests/postgresql/server.sh health FOLDER PORT    status 0 if it answers
#        tests/postgresql/server.sh down FOLDER           stop it; the folder stays
#        tests/postgresql/server.sh kill FOLDER           stop it as a crash would (kill -9)
# Status 3: there is no PostgreSQL on this machine.
set -eu
verb=${1:?up, health, down or kill} folder=${2:?folder}
bin=${ODDSENGINE_POSTGRESQL_BIN:-}
if [ -z "$bin" ]; then
    for found in /usr/lib/postgresql/*/bin; do
        [ -x "$found/postgres" ] && bin=$found
    done
fi
[ -n "$bin" ] && [ -x "$bin/postgres" ] || { echo "there is no PostgreSQL: apt-get install postgresql" >&2; exit 3; }

# initdb and postgres refuse root.
as_owner() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=nobody --regid=nogroup --clear-groups env "HOME=$folder" "$@"
    else
        "$@"
    fi
}

case $verb in
up)
    port=${3:?port}
    if [ ! -e "$folder/data/PG_VERSION" ]; then
        if [ "$(id -u)" = 0 ]; then
            install -d -o nobody -g nogroup "$folder" "$folder/data" "$folder/sock"
        else
            mkdir -p "$folder/data" "$folder/sock"
        fi
        as_owner "$bin/initdb" -D "$folder/data" -U odds -A trust --no-sync -E UTF8 --locale=C > /dev/null
    fi
    as_owner "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 -o "-c listen_addresses=127.0.0.1 -c port=$port \
-c unix_socket_directories=$folder/sock -c shared_buffers=64MB -c max_wal_size=512MB" start > /dev/null
    ;;
health)
    "$bin/pg_isready" -q -h 127.0.0.1 -p "${3:?port}"
    ;;
down)
    as_owner "$bin/pg_ctl" -D "$folder/data" -m fast -w -t 60 stop > /dev/null
    ;;
kill)
    kill -9 "$(head -n 1 "$folder/data/postmaster.pid")"
    ;;
*)
    echo "verb $verb is none of up, health, down, kill" >&2
    exit 2
    ;;
esac
