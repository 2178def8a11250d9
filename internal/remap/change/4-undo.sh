# How a change is undone.

roll_back() {
	say "undoing $id"
	rm -f -- "$dir/result" "$dir/reserve"
	free_reserve
	try=1 whole=no
	until try_once; do
		say "try $try: $why"
		if [ "$try" -ge "$tries" ] || { [ "$stuck" = yes ] && [ "$try" -ge "$stuck_tries" ]; }; then
			write_result "failed: $why"
			return 1
		fi
		try=$((try + 1))
		if [ "$whole" = no ] && [ -d "$dir/cut" ]; then whole=yes; else sleep "$pause"; fi
	done
	set_aside
	[ -n "$unit" ] || note "nothing here restarts the daemon: restart it by hand for it to run as before"
	[ ! -f "$dir/nofolder" ] || while read -r folder; do rmdir "$folder" 2>/dev/null; done <"$dir/nofolder"
	conclude undone
	say "undone"
}

# try_once is one try, and takes back as much as it can: why says what it could not,
# and stuck whether that is for good. A daemon that is down is started even if its
# file could not be restored; one that runs is not stopped for nothing.
try_once() {
	why='' stuck=yes config=''
	each_file restore || :
	if [ -n "$unit" ]; then
		from_root=$new_root
		runs_old || { [ -n "$config" ] && active; } || restart
		[ -n "$config" ] || { daemon_is_back && start_again && swap_back; } || stuck=no
	fi
	undo_rights || stuck=no
	[ -z "$config" ] && { [ -z "$why" ] || [ "$stuck" = yes ]; } || return
	remove_account || {
		because "the user $account could not be removed; see why with: userdel $account"
		each_account report_blocked && stuck=no
	}
	[ -z "$why" ] || return
	each_file restore && each_file is_back && account_gone && [ -z "$why" ]
}

# each_account COMMAND…: with each file of accounts that the change writes to.
each_account() {
	[ -n "$account" ] || return 0
	for file in $accounts; do
		[ ! -e "$file" ] || "$@" "$file" || return
	done
}

# report_blocked FILE says so, and fails.
report_blocked() {
	! blocked "$1" || {
		because "$1 could not be written: $obstacle"
		return 1
	}
}
