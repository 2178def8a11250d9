# The files of the change: their backups, and how they are restored.

# sum PATH: the sha256 of a file, "" if there is none.
sum() {
	if [ -h "$1" ] || { [ -e "$1" ] && [ ! -f "$1" ]; }; then
		echo irregular
	elif [ -e "$1" ]; then
		h=$(sha256sum <"$1") && printf '%s\n' "${h%% *}" || echo unreadable
	fi
}

size() { wc -c <"$1" | tr -d ' '; }

# mounted PATH: something is mounted there.
mounted() {
	at=$(printf '%s\n' "$1" | sed 's/\\/\\134/g; s/ /\\040/g; s/	/\\011/g')
	while read -r _ _ _ _ point _; do
		[ "$point" != "$at" ] || return 0
	done </proc/self/mountinfo
	return 1
}

# blocked PATH: says in obstacle what keeps everybody from replacing that file, until
# an administrator removes it. Opening it for writing tells, and changes nothing.
blocked() {
	obstacle=
	if mounted "$1"; then
		obstacle="a file is mounted over it ('findmnt $1' shows it)"
	elif [ -f "$1" ] && ! (: <>"$1") 2>/dev/null; then
		obstacle="it is immutable or append-only, or its file system is read-only ('lsattr $1' and 'findmnt -T $1' show it)"
	elif [ -d "${1%/*}" ] && ! said=$( (true >"$1$suffix" && rm -f -- "$1$suffix") 2>&1); then
		case $said in
		*'No space'* | *quota*) ;; # that may pass
		*) obstacle="nothing can be written in ${1%/*}, which is immutable or read-only ('lsattr -d ${1%/*}' and 'findmnt -T ${1%/*}' show it)" ;;
		esac
	fi
	[ -n "$obstacle" ]
}

# replaceable PATH: whether it can be restored later is found out before it is
# changed: everything is done but the last step.
replaceable() {
	if blocked "$1"; then
		say "$1 cannot be replaced: $obstacle"
		return 1
	fi
	[ -f "$1" ] || return 0
	cp -a -- "$1" "$1$suffix" && rm -f -- "$1$suffix" && return
	rm -f -- "$1$suffix"
	say "$1 cannot be copied to ${1%/*}: is the disk full?"
	return 1
}

# back_up PATH BEFORE AFTER ADDED
back_up() {
	copy=$dir/backup$1
	now=$(sum "$1")
	if [ "$now" = irregular ]; then
		say "backing up $1: it is not a regular file; make the change where its target is managed"
		return 1
	elif [ "$now" != "$2" ]; then
		say "backing up $1: it was changed after the plan was made; run the command again"
		return 1
	elif [ -z "$2" ]; then
		[ -d "${1%/*}" ] || printf '%s\n' "${1%/*}" >>"$dir/nofolder"
		return
	fi
	mkdir -p "${copy%/*}" && cp -a -- "$1" "$copy" && [ "$(sum "$copy")" = "$2" ] && return
	say "backing up $1 to $copy failed; is the disk full?"
	return 1
}

# put PATH: the new file next to it takes its place.
put() {
	flush "$1$suffix"
	mv -f -- "$1$suffix" "$1" && flush "${1%/*}"
}

# put_back PATH BEFORE: the backup, with its owner, mode and attributes.
put_back() {
	if [ -z "$2" ]; then
		rm -f -- "$1" && flush "${1%/*}"
		return
	fi
	# shellcheck disable=SC2174 # at most the last folder is missing
	mkdir -p -m 755 "${1%/*}"
	rm -f -- "$1$suffix"
	cp -a -- "$dir/backup$1" "$1$suffix" && [ "$(sum "$1$suffix")" = "$2" ] && put "$1"
}

# restore PATH BEFORE AFTER ADDED: as it was, or at least without our change.
restore() {
	case $1 in
	/etc/subuid | /etc/subgid)
		shadow_lock "$1" || say "taking back $1: its lock cannot be taken; continuing without it"
		restore_locked "$@"
		set -- "$?" "$1"
		shadow_unlock
		;;
	*)
		restore_locked "$@"
		set -- "$?" "$1"
		[ "$1" = 0 ] || config=failed
		[ "$(sum "$2")" = "$now" ] || rm -f "$run/instance" "$run/booted-clean" # not what the daemon read
		;;
	esac
	[ "$1" != 0 ] || return 0
	if blocked "$2"; then
		because "$2 could not be restored: $obstacle"
	else
		stuck=no
		because "$2 could not be restored: is the disk full?"
	fi
	return 1
}

# because REASON: one of the reasons why the host is not yet what it was.
because() { case $why in *"$1"*) ;; *) why=${why:+$why; }$1 ;; esac; }

# is_back PATH BEFORE AFTER ADDED: the file is what it was, or a note says how it
# differs since somebody else edited it.
is_back() {
	! noted "$1" || return 0
	if [ "$(sum "$1")" != "$2" ]; then
		because "$1 does not hold what it did"
	elif [ -n "$2" ] && [ "$(owner "$1")" != "$(owner "$dir/backup$1")" ]; then
		because "$1 does not have the owner and mode that it had"
	else return 0; fi
	return 1
}

noted() { case $(cat "$dir/notes" 2>/dev/null) in *"$1 "*) ;; *) return 1 ;; esac; }

restore_locked() {
	now=$(sum "$1")
	if [ "$now" = "$2" ]; then
		[ -z "$2" ] || [ "$(owner "$1")" = "$(owner "$dir/backup$1")" ] || put_back "$1" "$2"
	elif [ "$now" = "$3" ] || [ -z "$now" ]; then
		put_back "$1" "$2"
	elif [ "$now" = irregular ]; then
		mkdir -p "$dir/theirs${1%/*}" && mv -f -- "$1" "$dir/theirs$1" || return
		note "$1 was no longer a file: the backup was restored, and what stood there is in $dir/theirs$1"
		put_back "$1" "$2"
	else
		restore_edited "$@"
	fi
}

owner() { stat -c '%a %u %g' -- "$1"; }

# restore_edited: somebody else edited the file as well.
restore_edited() {
	mkdir -p "$dir/theirs${1%/*}" && { [ -e "$dir/theirs$1" ] || cp -a -- "$1" "$dir/theirs$1"; } || return
	case $whole-$1 in
	*-/etc/subuid | *-/etc/subgid | no-*)
		take_out "$@"
		case $? in 0) return ;; 1) return 1 ;; esac
		;;
	esac
	put_back "$1" "$2" || return
	note "$1 was edited by somebody else: the whole backup was restored, and their copy is $dir/theirs$1"
}

# take_out PATH BEFORE AFTER ADDED: our text alone. Returns 2 if that cannot
# be done. That it was begun is written down first: once it is out, our text that
# is not found says nothing.
take_out() {
	[ -n "$4" ] || return 2
	rm -f -- "$1$suffix"
	cp -a -- "$1" "$1$suffix" || return 1
	case $1 in
	/etc/subuid | /etc/subgid) without_lines "$1" "$4" >"$1$suffix" || return 1 ;;
	*) without_text "$1" "$4" >"$1$suffix" || return 1 ;;
	esac
	less=$(($(size "$1") - $(size "$1$suffix")))
	if [ "$less" = 0 ] || [ "$less" -gt "${#4}" ]; then
		rm -f -- "$1$suffix"
		[ "$less" = 0 ] || return 2
		not_found "$@"
		return
	fi
	mkdir -p "$dir/cut${1%/*}" && true >"$dir/cut$1" || return 1
	note "$1 was edited by somebody else too: only the change's own text was taken out; their copy is $dir/theirs$1"
	if [ -z "$2" ] && nothing_left "$1$suffix"; then rm -f -- "$1" "$1$suffix"; else put "$1"; fi
}

# not_found PATH BEFORE AFTER ADDED: was our text in the file at all?
not_found() {
	[ ! -e "$dir/cut$1" ] || return 0
	case $1 in
	/etc/subuid | /etc/subgid) ;;
	*) case $(cat "$1") in *'"userns-remap"'*) return 2 ;; esac ;;
	esac
	note "$1 was edited by somebody else and does not hold the change: it was left as it is"
}

nothing_left() {
	case $(tr -d ' \t\r\n' <"$1" | head -c 3) in '' | '{}') ;; *) return 1 ;; esac
}

# without_text PATH TEXT: the file without the first run of that text. Shells
# search in quadratic time, so a file that is too large comes out as it is, and
# so does one with a NUL, which a shell cannot hold.
without_text() {
	if [ "$(size "$1")" -gt 131072 ]; then
		cat <"$1"
		return
	fi
	t=$(cat <"$1" && echo x) || return
	t=${t%x}
	if [ "${#t}" = "$(size "$1")" ]; then
		case $t in
		*"$2"*)
			head=${t%%"$2"*}
			t=$head${t#"$head$2"}
			;;
		esac
		printf %s "$t"
	else cat <"$1"; fi
}

# without_lines PATH LINES: the file without those lines, each taken out once.
without_lines() {
	gone=$nl${2%"$nl"}$nl end=$nl
	while IFS= read -r line || { end= && [ -n "$line" ]; }; do
		case $gone in
		*"$nl${line:-$nl}$nl"*) gone=${gone%%"$nl$line$nl"*}$nl${gone#*"$nl$line$nl"} ;;
		*) printf %s "$line$end" || return ;;
		esac
	done <"$1"
}
