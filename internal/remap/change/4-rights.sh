# The rights to what containers mount from the host, which the change gives ("give") or
# takes back ("take") while the daemon is down. The program in the folder knows which.

change_rights() {
	[ -n "$rights" ] || return 0
	if [ "$verb" != restart ]; then
		undo_rights || : # is tried again, and reported, once the daemon runs
		return 0
	fi
	say "changing rights to what containers mount"
	true >"$dir/rights" && flush "$dir" || return
	unless_undone "$dir/program" grant "$rights" "$dir" >"$run/rights" 2>&1 || {
		say "changing rights to what containers mount: $(tail -c 1000 "$run/rights")"
		return 1
	}
}

undo_rights() {
	[ -n "$rights" ] && [ -e "$dir/rights" ] || return 0
	if said=$("$dir/program" grant "undo-$rights" "$dir" 2>&1); then
		rm -f -- "$dir/rights" && flush "$dir"
	else
		because "the rights to what containers mount are not what they were: $(printf %s "$said" | tail -c 1000)"
		return 1
	fi
}

# remove_program CHANGE: what was only for that.
remove_program() { rm -f -- "$1/program" "$1/program.part" "$1/taken" "$1/taken.part"; }
