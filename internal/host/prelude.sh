# What a session defines first, in POSIX sh, for coreutils and busybox alike.
# Every function writes records: a body, then b's mark and status. The status 0
# is success; any other is followed by a record that holds the message.
LC_ALL=C PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
export LC_ALL PATH
unset CDPATH
uid=$(id -u)
trap '' INT
exec 3>&1

# A look goes on in the background, while this shell waits for the end of its input:
# that is the end of the client, or of the connection. What still looks then, at
# something that hangs, is ended.
leave() { trap '' 1 15; trap - 0; fell $$; take_back; exit; }
trap leave 0 1 15
# shellcheck disable=SC2034 # see request.String
look=
lent=
# fell PID: ends what PID has started, and all that that has. What is stopped
# starts nothing more meanwhile.
fell() {
	# shellcheck disable=SC2013 # PIDs have no spaces
	for child in $(sed -n "s/^\([0-9]*\) (.*) . $1 .*/\1/p" /proc/[0-9]*/stat 2>/dev/null); do
		kill -STOP "$child"
		set -- "$1" "$child"
		fell "$2"
		kill -KILL "$2"
	done 2>/dev/null
}
# bye: nothing is running, but for the beat.
bye() { trap - 0; kill "$beat"; take_back; exit; }

# lend NAME DIGEST, a program on standard input, packed by gzip and written in base64:
# puts it into the folder lent, which nobody else can enter and which stays until this
# shell ends.
lend() {
	trap leave 0 1 15
	[ -n "$lent" ] || make_room
	[ -n "$lent" ] || { fail 'No directory of the host allows programs to run'; return; }
	said=$( (umask 077; base64 -d | gzip -dc >"$lent/$1" && chmod 700 "$lent/$1") 2>&1)
	case $(sha256sum <"$lent/$1") in "$2 "*) b 0 ;; *) rm -f -- "$lent/$1"; fail "It did not arrive whole: $said" ;; esac
}
# make_room makes the folder, on a file system that programs may be run from.
make_room() {
	for base in /run /var/lib /tmp; do
		lent=$(umask 077; mktemp -d "$base/docker-userns.XXXXXX") || { lent=; continue; }
		printf '#!/bin/sh\n' >"$lent/try" && chmod 700 "$lent/try" && "$lent/try" && return
		take_back
	done
}
take_back() { [ -z "$lent" ] || rm -rf -- "$lent"; lent=; }

# beat: an empty line to standard error every now and then. sshd sees by it that the
# connection is dead, which nobody else tells it.
beat() {
	trap 'kill "$nap"; exit' 15
	while :; do
		sleep 15 2>/dev/null &
		nap=$!
		wait "$nap"
		printf '\n' >&2 || exit
	done
}
beat </dev/null >/dev/null 3>&- &
beat=$!

b() { printf '\n%s %s\n' "$mark" "$1"; }
fail() { b 1; printf '%s' "$1"; b 0; }
# why PATH: ends the record of a missing path with what the kernel says
# of it. For root that is a missing file unless something odd is on the way; it is
# worth knowing without a process, since most questions are about files that need
# not be there.
why() {
	q=$1
	until [ -e "$q" ] || [ -h "$q" ] || [ -z "$q" ]; do q=${q%/*}; done
	if [ "$uid" = 0 ] && [ -d "${q:-/}" ] && [ "$q" != "$1" ]; then fail 'No such file or directory'
	else fail "$(ls -ldL -- "$1" 2>&1 >/dev/null)"; fi
}

# body LIMIT PATH: a regular file, its first LIMIT bytes, or all if that is -. PATH
# is absolute, or .ROOT/./NAME: the file NAME in the tree of ROOT.
body() {
	case $2 in .*) root=${2#.}; inside "$1" "${root%%/./*}" "${2#*/./}"; return ;; esac
	if [ -f "$2" ]; then
		all "$1" <"$2" && b 0 && return
		fail "$( { cat <"$2"; } 2>&1 >/dev/null)"
	elif [ -e "$2" ]; then fail irregular
	else why "$2"; fi
}
all() { if [ "$1" = - ]; then cat; else head -c "$1"; fi; }

# inside LIMIT ROOT NAME: body of a file in a tree that somebody else made, who may
# change it meanwhile. It goes down one directory at a time and follows the links
# itself, so that each leads nowhere but into ROOT. Where it has come to, and which
# file was opened in the end, the kernel says: neither is believed if it is not
# below ROOT. To stand in a directory keeps it from being exchanged.
inside() {
	cd -P -- "$2" 2>/dev/null || { why "$2"; return; }
	top=${PWD%/} rest=$3 links=0 file=
	# shellcheck disable=SC2015,SC2164 # $PWD says where it stands
	while [ -n "$rest" ]; do
		name=${rest%%/*}
		case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
		case $name in '' | .) continue ;; esac
		if [ -n "$file" ]; then out 'Not a directory'; return
		elif [ "$name" = .. ]; then [ "${PWD%/}" = "$top" ] || cd -P ..
		elif [ -h "./$name" ]; then
			links=$((links + 1))
			[ "$links" -le 40 ] || { out 'Too many levels of symbolic links'; return; }
			to=$(readlink -n -- "./$name" && echo .) && to=${to%.} || { out 'No such file or directory'; return; }
			case $to in /*) cd -P -- "${top:-/}" ;; esac
			rest=$to/$rest
		elif [ -d "./$name" ]; then cd -P -- "./$name" 2>/dev/null || { out 'Permission denied'; return; }
		elif [ -e "./$name" ]; then file=$name
		elif [ "$uid" = 0 ]; then out 'No such file or directory'; return
		else out "$(ls -ld -- "./$name" 2>&1 >/dev/null)"; return; fi
		case $PWD/ in "$top"/*) ;; *) out 'Operation not permitted'; return ;; esac
	done
	if [ -z "$file" ] || [ ! -f "./$file" ] || [ -h "./$file" ]; then out irregular; return; fi
	said='Permission denied'
	{
		case $(readlink /proc/self/fd/4) in
			"$top"/*) [ -f /proc/self/fd/4 ] && all "$1" <&4 && said= || said='Input/output error' ;;
			*) said='Operation not permitted' ;;
		esac
	} 4<"./$file"
	if [ -z "$said" ]; then cd / && b 0; else out "$said"; fi
}

# out MESSAGE: fail, and leave the directory that inside went into.
out() { cd / && fail "$1"; }

# few PATH…: the bodies of many files with few processes. A record has the number
# of each small file that may be read, from 1, and its size. If there are any,
# another has all their bodies, with the status 0 if no file has changed since:
# their sizes tell them apart. Then comes a record for each of the others, as body
# writes it; files of /proc, which say that they are empty, are among them. Paths
# are collected as "${1}" "${2}" for eval, since shells are slow with long lists.
few() {
	i=0 there='' all=
	for p do
		i=$((i + 1))
		case $p in .*) continue ;; esac
		if [ -f "$p" ] && [ -s "$p" ] && [ -r "$p" ]; then there="$there $i" all="$all \"\${$i}\""; fi
	done
	seen=
	[ -z "$all" ] || seen=$(eval "facts $all") || seen=
	# shellcheck disable=SC2086 # split into numbers
	pick $there
	printf %s "$sizes"
	b 0
	if [ -n "$some" ]; then
		eval "cat -- $some"
		[ "$(eval "facts $all")" = "$seen" ]
		b $?
	fi
	i=0
	for p do
		i=$((i + 1))
		case "$sizes " in *" $i:"*) ;; *) body - "$p" ;; esac
	done
}

# facts PATH…: a line for each file; no line is the same once the file was written to.
facts() { stat -Lc '%s %d %i %z' -- "$@"; }

# pick NUMBER…: which of the files that the lines of seen belong to are small.
pick() {
	sizes='' some='' IFS='
'
	for line in $seen; do
		if [ "${line%% *}" -le "$small" ]; then sizes="$sizes $1:${line%% *}" some="$some \"\${$1}\""; fi
		shift
	done
	unset IFS
}

# stats ACLS PATH…: the message for each missing path; a letter for each
# path, + there, - not; then a line of stat for each that is there, the targets of
# the symlinks, and the ACLs where ACLS is not empty.
stats() {
	want=$1 letters='' format='%f %u %g %s %d %i %h'
	shift
	for p do shift
		if [ -e "$p" ] || [ -h "$p" ]; then letters=$letters+; set -- "$@" "$p"; else letters=$letters-; why "$p"; fi
	done
	printf %s "$letters"
	b letters
	[ $# -gt 0 ] || return
	seen=$(stat -c "$format" -- "$@") || seen=$(for p do stat -c "$format" -- "$p" || echo gone; done)
	printf '%s\n' "$seen"
	b 0
	for p do [ ! -h "$p" ] || link "$p"; done
	b 0
	[ -z "$want" ] || acls "$@"
}

# acls PATH…: the POSIX ACLs of those that have one, as getfacl prints them.
# Without getfacl, GNU ls can at least tell which have one.
acls() {
	if command -v getfacl >/dev/null; then getfacl -psn -- "$@"; b 0
	elif ls --version >/dev/null 2>&1; then
		# shellcheck disable=SC2012 # for the sign of an ACL
		ls -ldnqU -- "$@" | cut -c11 | tr -d '\n'; b ls
	else b none; fi
}

real() { if [ -e "$1" ]; then readlink -fn -- "$1"; b 0; else why "$1"; fi; }

dir() {
	if [ -d "$1" ] && [ -r "$1" ] && cd -- "$1" 2>/dev/null; then
		for n in * .[!.]* ..?*; do
			if [ -e "$n" ] || [ -h "$n" ]; then printf '%s\0' "$n"; fi
		done
		cd / && b 0
	elif [ -d "$1" ]; then fail "Permission denied"
	elif [ -e "$1" ]; then fail "Not a directory"
	else why "$1"; fi
}

# attrs PATH…: the flags of chattr, a record each.
attrs() { for p do [ ! -e "$p" ] || lsattr -d -- "$p"; b 0; done; }

# link PATH: its name and target, no target where it may not be read.
link() { printf '%s\0' "$1"; readlink -n -- "$1"; printf '\0'; }
links() { for p do [ ! -h "$p" ] || link "$p"; done; b 0; }

space() {
	# shellcheck disable=SC2015 # b does not fail
	if [ -e "$1" ]; then stat -f -c '%t %S %b %f %c %d' -- "$1" && b 0 || fail "$(stat -f -- "$1" 2>&1 >/dev/null)"
	else why "$1"; fi
}

# programs NAME…: the path of each that is in PATH.
programs() {
	for n do
		rest=$PATH:
		while [ -n "$rest" ]; do
			dir=${rest%%:*} rest=${rest#*:}
			case $dir in /*) [ -f "$dir/$n" ] && [ -x "$dir/$n" ] && { printf '%s\0%s\0' "$n" "$dir/$n"; break; } ;; esac
		done
	done
	b 0
}

# replace OWNER MODE PATH, the new body on standard input. OWNER and MODE are for
# a missing file.
replace() {
	d=${3%/*}/ temp=
	if [ -h "$3" ]; then fail symlink; return; fi
	if [ -e "$3" ] && [ ! -f "$3" ]; then fail irregular; return; fi
	said=$( { temp=$(umask 077; mktemp "$d.docker-userns.XXXXXX") &&
		trap 'rm -f -- "$temp"' 0 1 15 &&
		{ if [ -e "$3" ]; then keep "$3" "$temp"; else chown "$1" "$temp"; fi; } &&
		cat >"$temp" &&
		{ [ -e "$3" ] || chmod "$2" "$temp"; } &&
		{ sync -- "$temp" 2>/dev/null || sync; } &&
		mv -f -- "$temp" "$3" && trap - 0 1 15 &&
		{ sync -- "$d" 2>/dev/null || sync; } && echo written >&4; } 2>&1 4>&3 >/dev/null 3>&-)
	b 0; printf '%s' "$said"; b 0
}

# keep OLD NEW: what NEW is to have of OLD besides its body. GNU cp -a brings all
# of it along; that of busybox leaves ACLs and labels behind.
keep() {
	cp -a -- "$1" "$2" || return
	if ! cp --version >/dev/null 2>&1 && command -v setfacl >/dev/null; then
		getfacl -p -- "$1" | setfacl --set-file=- -- "$2" || return
	fi
	if [ -d /sys/fs/selinux/booleans ] && command -v chcon >/dev/null; then chcon --reference="$1" -- "$2"; fi
}

# run COMMAND…: its output as one record, what it wrote to standard error as
# another, its exit code as the status of the last.
run() {
	said=$( { env "$@" 2>&1 1>&3 3>&-; } )
	code=$?
	b 0; printf '%s' "$said"; b "$code"
}
