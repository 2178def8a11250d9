# What every verb needs: what is said and kept of it, verdict and result, locks.
LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin
export LC_ALL PATH
set -u
umask 077
exec </dev/null
trap '' HUP INT PIPE # who looks on may go away at any time
cd / || exit 1

runs=/run/docker-userns run=/run/docker-userns/$id
suffix=.docker-userns-$id
pause=15 tries=20
nl='
'

# say TEXT: for the log, and for who looks on.
say() {
	printf '%s %s\n' "$(date -u '+%Y-%m-%dT%H:%M:%SZ')" "$*" 2>/dev/null >>"$dir/log" || :
	printf '%s\n' "$*" >&2 2>/dev/null || :
}

# note TEXT: said once, and kept for the one who reads the result.
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

# decide VERDICT: symlink(2) fails where the other decision was quicker, so there
# is one verdict. Returns 4 where it is the other one.
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

ours() { [ "$(readlink "$lock" 2>/dev/null)" = "$dir" ]; }

flush() { sync "$@" 2>/dev/null || sync; }

# limited SECONDS COMMAND…: timeout(1), and that of a busybox before 1.30.
limited() {
	if ! command -v timeout >/dev/null; then
		shift
		"$@"
	elif timeout 1 true 2>/dev/null; then timeout "$@"
	else timeout -t "$@"; fi
}

# birth PID: a process as no other has it, "" where there is none: its PID and
# the time it started at, the 22nd field of proc_pid_stat(5). Z is one that ended.
birth() {
	s=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	pid=$1
	set -- ${s##*) }
	[ "$1" != Z ] || return 0
	shift 19
	printf '%s.%s\n' "$pid" "$1"
}

# hold NAME SECONDS: waits until no other live process holds it, 0 for as long as
# it takes. It is let go at the end of this process, however that comes, for each
# holder makes a link of its own, one number up, and is asked whether it lives.
hold() {
	waited=0 number=1 me=$(birth $$)
	mkdir -p "${1%/*}" 2>/dev/null
	while :; do
		while [ -h "$1.$number" ]; do number=$((number + 1)); done
		last=$(readlink "$1.$((number - 1))" 2>/dev/null)
		[ "$last" != "$me" ] || return 0
		if [ -z "$last" ] || [ "$(birth "${last%.*}")" != "$last" ]; then
			ln -sn "$me" "$1.$number" 2>/dev/null && return
			[ -h "$1.$number" ] || return 1
			continue
		fi
		[ "$2" = 0 ] || [ "$waited" -lt "$2" ] || return 1
		sleep 1
		waited=$((waited + 1))
	done
}
