# Accounts and subordinate IDs, under the locks of the shadow tools
# (lib/commonio.c: FILE.lock is a hard link to a file that holds a PID).
accounts="/etc/passwd /etc/shadow /etc/group /etc/gshadow"
held_lock=

# shadow_lock FILE: waits half a minute at most. The file that is linked carries
# the change's ID, so that what a killed process left of it is known as ours.
shadow_lock() {
	drop_stale_locks "$1$suffix"
	mine=$1$suffix.$$
	printf '%d\000' "$$" 2>/dev/null >"$mine" || return
	tried=0
	until ln -- "$mine" "$1.lock" 2>/dev/null; do
		tried=$((tried + 1))
		if [ "$tried" -gt 30 ] || [ ! -e "$mine" ]; then
			rm -f -- "$mine"
			return 1
		fi
		lock_is_dead "$1.lock" && rm -f -- "$1.lock" && continue
		sleep 1
	done
	rm -f -- "$mine"
	held_lock=$1.lock
}

drop_stale_locks() {
	for old in "$1".*; do
		case ${old#"$1."} in *[!0-9]*) ;; *) [ -n "$(identity "${old##*.}")" ] || rm -f -- "$old" ;; esac
	done
}

shadow_unlock() {
	[ -z "$held_lock" ] || rm -f -- "$held_lock"
	held_lock=
}

# lock_is_dead LOCK: its process is gone, or it is from before the host's boot.
lock_is_dead() {
	[ -e "$1" ] || return 1
	by=$(tr -d '\000' <"$1" 2>/dev/null)
	case $by in '' | *[!0-9]*) ;; *) [ -n "$(identity "$by")" ] || return 0 ;; esac
	while read -r key booted; do
		[ "$key" != btime ] || { [ "$(stat -c %Y "$1")" -lt "$booted" ] && return; }
	done </proc/stat
	return 1
}

# line_of FILE NAME: the line of that name, as in passwd(5) or subuid(5).
line_of() {
	[ -f "$1" ] || return
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in "$2":*) printf '%s\n' "$line" && return ;; esac
	done <"$1"
	return 1
}

has_line() { line_of "$@" >/dev/null; }

# had_line FILE: it had a line of that name before the change.
had_line() { case $nl$(cat "$dir/hadline" 2>/dev/null)$nl in *"$nl$1$nl"*) ;; *) return 1 ;; esac; }

# as_made FILE: its line of the account, if there is one, looks as the change makes
# it: with the change's ID for a comment, without home, shell, password or members.
as_made() {
	made=$(line_of "$1" "$account") || return 0
	IFS=: read -r _ password third fourth fifth home shell <<-END
		$made
	END
	case $1 in
	/etc/passwd) [ "$fifth $home $shell" = "$comment /nonexistent /usr/sbin/nologin" ] ;;
	/etc/group) [ -z "$fourth$fifth" ] && group_is "$third" ;;
	/etc/gshadow) [ -z "$third$fourth$fifth" ] && locked "$password" ;;
	*) locked "$password" ;;
	esac
}

locked() { case $1 in '!'* | '*'* | '') ;; *) return 1 ;; esac; }

# group_is GID: it is the account's group, or the account itself is gone.
group_is() {
	made=$(line_of /etc/passwd "$account") || return 0
	IFS=: read -r _ _ _ gid _ <<-END
		$made
	END
	[ "$gid" = "$1" ]
}

# altered: somebody has changed or recreated the account since.
altered() {
	for file in $accounts; do
		had_line "$file" || as_made "$file" || return 0
	done
	return 1
}

# record_account writes down how the account looks that the change leaves.
record_account() {
	[ -n "$account" ] || return 0
	for file in /etc/passwd /etc/group; do
		had_line "$file" || ! made=$(line_of "$file" "$account") || printf '%s %s\n' "${file#/etc/}" "$made" || return
	done
}

# recorded KIND: what record wrote down of it.
recorded() {
	[ -f "$dir/made" ] || return
	while read -r kind rest; do
		[ "$kind" != "$1" ] || { printf '%s\n' "$rest" && return; }
	done <"$dir/made"
	return 1
}

# note_account says what of the account is there before the change makes it.
note_account() {
	[ -n "$account" ] || return 0
	if has_line /etc/passwd "$account"; then
		say "the user $account was created after the plan was made; run the command again"
		return 1
	fi
	for file in $accounts; do
		! has_line "$file" "$account" || printf '%s\n' "$file" >>"$dir/hadline" || return
	done
}

# remove_account leaves nothing of the account, also if an earlier try was
# interrupted, and if there is no tool for it. userdel would take a group of the same
# name with it that was there before, and does nothing without /etc/subuid. An
# account that is not as the change made it is somebody else's by now.
remove_account() {
	[ -n "$account" ] || return 0
	if altered; then
		note "$file has an account $account that is not as this change made it: it was kept"
		return
	fi
	for file in $accounts /etc/subuid /etc/subgid; do
		! lock_is_dead "$file.lock" || rm -f -- "$file.lock"
	done
	if [ -z "$why" ] && [ ! -s "$dir/hadline" ] && has_line /etc/passwd "$account"; then
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
		had_line "$file" || ! has_line "$file" "$account" || edit "$file" without_name "$account" || return
	done
}

# account_gone: file by file, but for what a note speaks of.
account_gone() {
	[ -n "$account" ] || return 0
	for file in $accounts; do
		had_line "$file" || noted "account $account" || ! has_line "$file" "$account" || {
			because "the account $account is still in $file"
			return 1
		}
	done
}

# forget removes the account that an earlier change made and left, if it is still
# the same: by the line in /etc/passwd and in /etc/group.
forget() {
	[ -n "$account" ] || return 0
	has_line /etc/passwd "$account" || has_line /etc/group "$account" || return 0
	for file in /etc/passwd /etc/group; do
		had_line "$file" || [ "$(line_of "$file" "$account")" = "$(recorded "${file#/etc/}")" ] ||
			die 1 "deleting the user $account: it is not in $file as this change made it, so it may belong to somebody else: it was kept"
	done
	! altered || die 1 "deleting the user $account: it is not in $file as this change made it, so it may belong to somebody else: it was kept"
	for file in /etc/subuid /etc/subgid; do
		! has_line "$file" "$account" || die 1 "deleting the user $account: it has further subordinate IDs in $file: it was kept"
	done
	why=
	remove_account || die 1 "deleting the user $account: see why with: userdel $account"
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
		say "editing $1: $1.lock is held by process $(tr -d '\000' <"$1.lock" 2>/dev/null); try again when it is done"
		return 1
	}
	rm -f -- "$1$suffix"
	cp -a -- "$1" "$1$suffix" && "$2" "$1" "$3" >"$1$suffix" && put "$1"
	set -- "$?" "$1"
	shadow_unlock
	[ "$1" = 0 ] || rm -f -- "$2$suffix"
	[ "$1" = 0 ] || say "editing $2 failed; is the disk full, or /etc read-only?"
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
	irregular) die 1 "editing $2: it is not a regular file; make the change where its target is managed" ;;
	'')
		[ "$1" = with_line ] || return 0
		(umask 022 && true >"$2") || die 1 "making $2 failed; is the disk full, or /etc read-only?"
		;;
	esac
	case $nl$(cat "$2")$nl in
	*"$nl$3$nl"*) [ "$1" != with_line ] || return 0 ;;
	*) [ "$1" = with_line ] || return 0 ;;
	esac
	edit "$2" "$1" "$3" || exit 1
}
