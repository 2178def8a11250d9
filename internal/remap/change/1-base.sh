# What every verb needs: messages and the log, verdict and result, locks.
LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin
export LC_ALL PATH
set -u
umask 077
exec </dev/null
trap '' HUP INT PIPE # the caller may go away at any time
cd / || exit 1

runs=/run/docker-userns run=/run/docker-userns/$id
suffix=.docker-userns-$id
state=${dir%/*}
pause=15 tries=20 stuck_tries=4
why='' stuck=yes config=''
nl='
'

# safe FOLDER: a folder and no link, of root, that nobody else can enter.
safe() { [ ! -h "$1" ] && [ -d "$1" ] && [ "$(stat -c '%u:%g %a' -- "$1")" = '0:0 700' ]; }

# trusted: nothing that is read or written here leads out of the change's folder.
trusted() {
	for folder in "$state" "$dir"; do
		safe "$folder" && continue
		echo "refusing to use $folder: it has to be a folder of root:root with mode 0700, and no link; find out who made it before anything in it is run" >&2
		return 1
	done
	for entry in "$dir"/*; do
		[ "$entry" = "$dir/verdict" ] || no_link "$entry" || return
	done
	each_file stays_inside
}

# stays_inside PATH…: neither the copies of a file nor the folders they are in are
# links. What somebody else put in the place of the file may be one.
stays_inside() {
	for copy in "$dir/backup$1" "$dir/cut$1" "$dir/theirs${1%/*}"; do
		while [ "$copy" != "$dir" ]; do
			no_link "$copy" || return
			copy=${copy%/*}
		done
	done
}

no_link() {
	[ -h "$1" ] || return 0
	echo "refusing to use $dir: $1 is a link; find out who made it" >&2
	return 1
}

# change_at PATH: whether that is the folder of a change.
change_at() {
	case $1 in "$state"/[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]T[0-9][0-9][0-9][0-9][0-9][0-9]Z) ;; *) return 1 ;; esac
}

# say TEXT: for the log, and for the caller.
say() {
	printf '%s %s\n' "$(date -u '+%Y-%m-%dT%H:%M:%SZ')" "$*" 2>/dev/null >>"$dir/log" || :
	printf '%s\n' "$*" >&2 2>/dev/null || :
}

# note TEXT: said once, and kept in "notes" next to the result.
note() {
	case $(cat "$dir/notes" 2>/dev/null) in *"$*"*) return ;; esac
	say "$*"
	printf '%s\n' "$*" 2>/dev/null >>"$dir/notes" || :
}

die() {
	code=$1
	shift
	say "$*"
	exit "$code"
}

verdict() { readlink "$dir/verdict" 2>/dev/null; }

# result DIR: the first line of what a change came to, "" not known yet.
result() {
	r=
	[ ! -f "$1/result" ] || read -r r <"$1/result" || :
	printf '%s\n' "$r"
}

# settled DIR: a change is settled once its result is what was decided.
settled() {
	v=$(readlink "$1/verdict" 2>/dev/null) && [ "$(result "$1")" = "$v" ]
}

# decide VERDICT: symlink(2) fails if the other decision was quicker, so there is one
# verdict. Returns 4 if it is the other one.
decide() {
	ln -sn "$1" "$dir/verdict" 2>/dev/null || [ -n "$(verdict)" ] || {
		rm -f -- "$dir/reserve"
		ln -sn "$1" "$dir/verdict" 2>/dev/null
	}
	case $(verdict) in
	"$1") flush "$dir" ;;
	'') return 1 ;;
	*) return 4 ;;
	esac
}

# write_result TEXT: whole or not at all.
write_result() {
	printf '%s\n' "$1" 2>/dev/null >"$dir/result.$$" && mv -f "$dir/result.$$" "$dir/result" && flush "$dir"
}

has_lock() { [ "$(readlink "$lock" 2>/dev/null)" = "$dir" ]; }

flush() { sync "$@" 2>/dev/null || sync; }

# limited SECONDS COMMAND…: timeout(1), and that of a busybox before 1.30.
limited() {
	if ! command -v timeout >/dev/null; then
		shift
		"$@"
	elif timeout 1 true 2>/dev/null; then timeout "$@"
	else timeout -t "$@"; fi
}

# identity PID: what no other process has, "" if there is no such process: its PID and
# the time it started at, the 22nd field of proc_pid_stat(5). Z is one that has ended.
identity() {
	s=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	pid=$1
	# shellcheck disable=SC2086 # split into fields
	set -- ${s##*) }
	[ "$1" != Z ] || return 0
	shift 19
	printf '%s.%s\n' "$pid" "$1"
}

# hold NAME SECONDS: waits until no other live process holds it, 0 for as long as
# it takes. It is let go at the end of this process, however that comes, for each
# holder makes a link of its own, one number up, and is asked whether it lives.
hold() {
	waited=0 number=1 me=$(identity $$)
	mkdir -p "${1%/*}" 2>/dev/null
	while :; do
		while [ -h "$1.$number" ]; do number=$((number + 1)); done
		last=$(readlink "$1.$((number - 1))" 2>/dev/null)
		[ "$last" != "$me" ] || return 0
		if [ -z "$last" ] || [ "$(identity "${last%.*}")" != "$last" ]; then
			ln -sn "$me" "$1.$number" 2>/dev/null && return
			[ -h "$1.$number" ] || return 1
			continue
		fi
		[ "$2" = 0 ] || [ "$waited" -lt "$2" ] || return 1
		sleep 1
		waited=$((waited + 1))
	done
}
