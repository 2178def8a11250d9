# What a change leaves on the host: what is recorded, and what is removed at its end.

# record writes down what the change leaves on the host that did not exist before,
# and how it looks. Nothing else is ever deleted as its own.
record() {
	{
		[ "$1" != kept ] || record_account || return
		record_tree "$1"
	} >"$dir/made.$$" && mv -f "$dir/made.$$" "$dir/made"
}

# record_tree: the data root of remap, with the time it was made at. "-" is one
# that the daemon makes when it is restarted by hand.
record_tree() {
	[ -n "$tree" ] && [ ! -e "$dir/hadtree" ] && [ ! -h "$tree" ] || return 0
	if [ -d "$tree" ]; then
		printf 'tree %s %s\n' "$(stat -c %W -- "$tree")" "$tree"
	elif [ "$1" = kept ]; then
		printf 'tree - %s\n' "$tree"
	fi
}

clean() {
	hold "$runs/lock" 60
	! has_lock || rm -f -- "$lock"
	each_file remove_leftovers
	each_account remove_leftovers
	[ -n "$unit" ] || return 0
	remove_units "$name"
	stop_timers ''
}

# remove_leftovers [SUFFIX] PATH…
remove_leftovers() {
	case $1 in .*) ;; *) set -- "$suffix" "$@" ;; esac
	rm -f -- "$2$1"
	drop_stale_locks "$2$1"
}
