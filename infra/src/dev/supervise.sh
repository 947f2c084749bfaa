# Runs one server for as long as somebody holds the other end of standard input.
#
#   sh -c <this> annals-supervise SIGNAL GRACE HOLD REMOVE PROGRAM [ARGUMENT...]
#
# At the end of standard input, however it came about (a close, an exit, a kill -9 of the holder),
# the server gets SIGNAL and after GRACE tenths of a second SIGKILL. When it has ended, REMOVE is
# deleted if that names a folder.
#
# HOLD, if not empty, is a folder that several processes share: each holds the FIFO `alive` in it
# open for writing for as long as the file `state` stands. After the last has gone, `state` is taken
# away first and only then, if nobody had come in between, is the server stopped; so whoever opens
# the FIFO and still sees `state` can rely on the server.
signal=$1 grace=$2 hold=$3 remove=$4
shift 4
exec 3<&0

clean() {
    [ -z "$remove" ] || rm -rf -- "$remove"
}

until_abandoned() {
    while read -r _ <&3; do :; done
}

"$@" </dev/null 3<&- &
server=$!

(
    trap '' HUP INT
    until_abandoned
    if [ -n "$hold" ]; then
        mv -f -- "$hold/state" "$hold/closing" 2>/dev/null
        until_abandoned
    fi
    kill -s "$signal" "$server" 2>/dev/null
    while kill -0 "$server" 2>/dev/null && [ "$grace" -gt 0 ]; do
        sleep 0.1
        grace=$((grace - 1))
    done
    kill -s KILL "$server" 2>/dev/null
    clean
) &
watcher=$!

exec 3<&-
trap '' HUP INT
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
clean
exit "$status"
