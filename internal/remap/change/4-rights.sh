# The rights to what containers mount from the host, which the change gives ("give") or
# takes back ("take") while the daemon is down. The program in the folder knows which. What it
# prints is what it had to leave.

change_rights() {
	[ -n "$rights" ] || return 0
	if [ "$verb" != restart ]; then
		undo_rights || : # is tried again, and reported, once the daemon runs
		return 0
	fi
	say "changing rights to what containers mount"
	true >"$dir/rights" && flush "$dir" || return
	unless_undone "$dir/program" grant "$rights" "$dir" >"$run/left" 2>"$run/rights" || {
		say "changing rights to what containers mount: $(tail -c 1000 "$run/rights")"
		return 1
	}
	note_left
}

undo_rights() {
	[ -n "$rights" ] && [ -e "$dir/rights" ] || return 0
	if limited 600 "$dir/program" grant "undo-$rights" "$dir" >"$run/left" 2>"$run/rights"; then
		rm -f -- "$dir/rights" && flush "$dir"
		note_left
	else
		because "the rights to what containers mount are not what they were: $(tail -c 1000 "$run/rights")"
		return 1
	fi
}

note_left() { while IFS= read -r left; do note "$left"; done <"$run/left"; }

# remove_program CHANGE: what was only for that.
remove_program() { rm -f -- "$1/program" "$1/program.part" "$1/begun" "$1/taken" "$1/taken.part"; }
