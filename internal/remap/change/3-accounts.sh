# Accounts and subordinate IDs, under the locks of the shadow tools
# (lib/commonio.c: FILE.lock is a hard link to a file that holds a PID).
accounts="/etc/passwd /etc/shadow /etc/group /etc/gshadow"
held=

# shadow_lock FILE: waits half a minute at most.
shadow_lock() {
	for old in "$1".[0-9]*; do
		case ${old##*.} in *[!0-9]*) ;; *) [ -n "$(birth "${old##*.}")" ] || rm -f -- "$old" ;; esac
	done
	printf '%d\000' "$$" 2>/dev/null >"$1.$$" || return
	tried=0
	until ln -- "$1.$$" "$1.lock" 2>/dev/null; do
		tried=$((tried + 1))
		if [ "$tried" -gt 30 ] || [ ! -e "$1.$$" ]; then
			rm -f -- "$1.$$"
			return 1
		fi
		lock_is_dead "$1.lock" && rm -f -- "$1.lock" && continue
		sleep 1
	done
	rm -f -- "$1.$$"
	held=$1.lock
}

shadow_unlock() {
	[ -z "$held" ] || rm -f -- "$held"
	held=
}

# lock_is_dead LOCK: its process is gone, or it is from before the host's boot.
lock_is_dead() {
	[ -e "$1" ] || return 1
	by=$(tr -d '\000' <"$1" 2>/dev/null)
	case $by in '' | *[!0-9]*) ;; *) [ -n "$(birth "$by")" ] || return 0 ;; esac
	while read -r key booted; do
		[ "$key" != btime ] || { [ "$(stat -c %Y "$1")" -lt "$booted" ] && return; }
	done </proc/stat
	return 1
}

# has_line FILE NAME: a line of that name, as in passwd(5) or subuid(5).
has_line() {
	[ -f "$1" ] || return
	while IFS=: read -r entry rest || [ -n "$entry" ]; do
		[ "$entry" != "$2" ] || return 0
	done <"$1"
	return 1
}

# note_account says what of the account is there before the change makes it.
note_account() {
	[ -n "$account" ] || return 0
	if has_line /etc/passwd "$account"; then
		say "the user $account was made since the plan was; run the command again"
		return 1
	fi
	for file in $accounts; do
		! has_line "$file" "$account" || printf '%s\n' "$file" >>"$dir/hadline" || return
	done
}

# remove_account leaves nothing of the account, also where an earlier try was
# ended half-way, and where there is no tool for it. userdel would take a group of
# the same name with it that was there before.
remove_account() {
	[ -n "$account" ] || return 0
	for file in $accounts /etc/subuid /etc/subgid; do
		! lock_is_dead "$file.lock" || rm -f -- "$file.lock"
	done
	if [ ! -s "$dir/hadline" ] && has_line /etc/passwd "$account"; then
		said=
		if command -v userdel >/dev/null; then
			said=$(userdel -- "$account" 2>&1)
		elif command -v deluser >/dev/null; then
			said=$(deluser "$account" 2>&1)
		fi
		[ -z "$said" ] || say "removing the user $account: $said"
		! command -v userdel >/dev/null || ! has_line /etc/passwd "$account" || return
	fi
	for file in $accounts; do
		case $nl$(cat "$dir/hadline" 2>/dev/null)$nl in *"$nl$file$nl"*) continue ;; esac
		! has_line "$file" "$account" || edit "$file" without_name "$account" || return
	done
}

without_name() {
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in "$2":*) ;; *) printf '%s\n' "$line" || return ;; esac
	done <"$1"
}

with_line() {
	cat <"$1" || return
	case $(tail -c 1 <"$1" && echo x) in x | "${nl}x") ;; *) echo ;; esac
	printf '%s\n' "$2"
}

# edit FILE FILTER ARGUMENT: the file is replaced by what the filter makes of it.
edit() {
	shadow_lock "$1" || {
		say "editing $1: $1.lock is held by process $(tr -d '\000' <"$1.lock" 2>/dev/null); try again once it is done"
		return 1
	}
	rm -f -- "$1$suffix"
	cp -a -- "$1" "$1$suffix" && "$2" "$1" "$3" >"$1$suffix" && put "$1"
	set -- "$?" "$1"
	shadow_unlock
	[ "$1" = 0 ] || rm -f -- "$2$suffix"
	[ "$1" = 0 ] || say "editing $2: that did not work; is the disk full, or /etc read-only?"
	return "$1"
}

# change_line FILTER FILE LINE is for subuid(5) and subgid(5) alone.
change_line() {
	case ${2-} in
	/etc/subuid | /etc/subgid) ;;
	*) die 2 "editing ${2-}: it is neither /etc/subuid nor /etc/subgid" ;;
	esac
	case ${3-} in
	'' | *"$nl"*) die 2 "editing $2: '${3-}' is not one line" ;;
	esac
	case $(sum "$2") in
	irregular) die 1 "editing $2: it is not a regular file; change what it leads to, where that is managed" ;;
	'')
		[ "$1" = with_line ] || return 0
		(umask 022 && true >"$2") || die 1 "making $2: that did not work; is the disk full, or /etc read-only?"
		;;
	esac
	case $nl$(cat "$2")$nl in
	*"$nl$3$nl"*) [ "$1" != with_line ] || return 0 ;;
	*) [ "$1" = with_line ] || return 0 ;;
	esac
	edit "$2" "$1" "$3" || exit 1
}
