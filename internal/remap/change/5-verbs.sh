# The verbs.

# seconds TEXT
seconds() {
	case $1 in '' | 0* | *[!0-9]* | ??????????*) die 2 "'$1' is not a number of seconds" ;; esac
}

# arm SECONDS. The lock is taken last: until then there is nothing to undo, and
# the timer and the units find that out on their own.
arm() {
	seconds "${1-}"
	[ -z "$(verdict)" ] || die 1 "arming $id: this change is over; start a new one"
	mkdir -p "$run" || die 1 "making $run failed"
	hold "$runs/lock" 10 || die 75 "another change is being armed; try again when that is done"
	! has_lock || die 1 "arming $id: it is already armed; 'sh $dir/change.sh renew SECONDS' gives it more time"
	lock_is_free || die 75 "$busy"
	if ! prepare "$1"; then
		disarm
		exit 1
	elif ! ln -sn "$dir" "$lock"; then
		disarm
		die 1 "making $lock failed; is the disk full?"
	fi
	sync
	timer_is_armed && return
	undo
	exit 1
}

# lock_is_free: nobody has the lock, or who has it is settled or gone.
lock_is_free() {
	who=$(readlink "$lock" 2>/dev/null) || return 0
	if ! change_at "$who" || { [ -e "$who" ] && ! safe "$who"; }; then
		busy="$lock leads to $who, which is no change of this program; find out who made it, and remove it"
		return 1
	elif [ -f "$who/change.sh" ] && ! settled "$who"; then
		busy="another change is under way: $who. 'sh $who/change.sh status' says how it stands, 'sh $who/change.sh fire' takes it back, 'sh $who/change.sh keep' keeps it"
		return 1
	fi
	rm -f -- "$lock"
}

# prepare makes all ready. What other changes left that were interrupted while they
# armed is removed first.
prepare() {
	for other in "$state"/*; do
		if [ "$other" != "$dir" ] && change_at "$other" && safe "$other"; then clean_up_after "$other"; fi
	done
	head -c 262144 </dev/urandom >"$dir/reserve" || {
		say "writing $dir/reserve failed; is the disk full?"
		return 1
	}
	[ -z "$rights" ] || "$dir/program" grant ready || {
		say "$dir/program cannot be run: is its file system mounted noexec?"
		return 1
	}
	note_account && each_file replaceable && each_account replaceable && each_file back_up || return
	[ -z "$tree" ] || { [ ! -e "$tree" ] && [ ! -h "$tree" ]; } || true >"$dir/hadtree" || return
	[ -n "$unit" ] || return 0
	[ -z "$socket" ] || ! systemctl is-active --quiet "$socket" || true >"$dir/listens"
	# shellcheck disable=SC2015 # for a failure of either
	instance >"$dir/instance" && install_units || {
		say "installing the units for the next boot in $units failed; is the disk full, or /etc read-only?"
		return 1
	}
	set_timer "$1"
}

# clean_up_after CHANGE: what a change has of files and units that are not in its folder,
# by their exact names.
clean_up_after() {
	rm -f -- "$1/reserve"
	remove_program "$1"
	other_suffix=.docker-userns-${1##*/}
	each_file remove_leftovers "$other_suffix"
	each_account remove_leftovers "$other_suffix"
	theirs=docker-userns-${1##*/}
	[ -z "$unit" ] || { [ ! -f "$units/$theirs.service" ] && [ ! -f "$units/$theirs-confirm.service" ]; } || remove_units "$theirs"
}

# timer_is_armed: the timer did not go off before the lock was there.
timer_is_armed() {
	[ -z "$unit" ] || systemctl is-active --quiet "$name-$number.timer" || {
		say "arming $id: its time was over before the lock was taken; give it more"
		return 1
	}
}

# disarm leaves nothing of a change that was not armed.
disarm() {
	[ -z "$unit" ] || { stop_timers '' && remove_units "$name"; }
	remove_program "$dir"
	rm -rf -- "$dir/backup" "$dir/reserve" "$dir/instance" "$dir/due" "$dir/nofolder" "$dir/hadline" "$dir/hadtree" "$dir/nowants" "$dir/listens"
}

renew() {
	seconds "${1-}"
	case $(verdict) in
	kept) die 4 "renewing $id: it is already kept" ;;
	undone) die 4 "renewing $id: too late, it is being undone or was; $dir/log says how" ;;
	esac
	has_lock || die 1 "renewing $id: it is not armed, or no longer"
	[ -n "$unit" ] || return 0
	set_timer "$1" || die 1 "renewing $id: its present timer continues"
	stop_timers "$number"
	[ -z "$(verdict)" ] || { stop_timers '' && die 4 "renewing $id: too late, it is decided: $(verdict)"; }
}

keep() {
	armed || die 1 "keeping $id: it is not armed"
	decide kept
	case $? in
	0) conclude kept ;;
	4) die 4 "keeping $id: too late, it is being undone or was; $dir/log says how" ;;
	*) die 1 "keeping $id: writing $dir/verdict failed; is the disk full? It will be undone" ;;
	esac
}

# conclude RESULT: from here on the change is settled. The timers go last: should
# this be ended half-way, the next one goes on with it.
conclude() {
	rm -f -- "$dir/reserve"
	settled "$dir" || record "$1" || die 1 "writing $dir/made failed; is the disk full?"
	write_result "$1" || die 1 "writing $dir/result failed; is the disk full?"
	[ "$1" != kept ] || [ ! -e "$dir/carried" ] || remove_notes
	remove_program "$dir"
	clean
}

armed() { has_lock || [ -n "$(verdict)" ]; }

# undo: 0 if all is as it was, 1 if it is not, 4 if the change is kept.
undo() {
	armed || hold "$runs/lock" 60
	if ! armed; then
		say "undoing $id: it is not armed, there is nothing to undo"
		decide undone && conclude undone
		return
	fi
	try=0
	while
		decide undone
		status=$?
		try=$((try + 1))
		[ "$status" = 1 ] && [ "$try" -lt "$tries" ]
	do sleep "$pause"; done
	case $status in
	4)
		conclude kept
		say "undoing $id: too late, it is kept"
		return 4
		;;
	1) die 1 "undoing $id: writing $dir/verdict failed; is the disk full, or read-only?" ;;
	esac
	hold "$run/undo" 0
	if settled "$dir"; then
		clean
		return
	elif [ "$waited" -gt 0 ] && [ -n "$(result "$dir")" ]; then
		return 1 # it was tried just now
	fi
	who=$(readlink "$lock" 2>/dev/null)
	[ -z "$who" ] || has_lock || die 75 "undoing $id: another change is under way: $who"
	roll_back
}

# restart_for_change [SECONDS MORE] is the outage of the change. An undo waits until it is
# through, or has given way. It may take MORE seconds than the time until the undo. If this
# process is killed, the undo comes after SECONDS all the same.
restart_for_change() {
	for limit; do seconds "$limit"; done
	hold "$run/undo" 0
	from_root=$data_root
	if has_lock && [ -z "$(verdict)" ]; then
		[ $# != 2 ] || keep_renewing "$@"
		restart && start_dependents
		set -- "$?" "$@"
		[ -z "$renewer" ] || { kill "$renewer" && wait "$renewer"; } 2>/dev/null
		if [ "$1" = 0 ]; then
			[ -z "$renewer" ] || (renew "$2") || :
			return 0
		fi
	fi
	[ -z "$(verdict)" ] || die 4 "restarting $unit: too late, the change is decided: $(verdict)"
	die 1 "restarting $unit failed; see why with: journalctl -u $unit"
}

# keep_renewing SECONDS MORE puts the undo off to SECONDS from now, again and again, until
# MORE seconds are over or this process has ended.
renewer=
keep_renewing() {
	me=$(identity $$)
	(
		end=$(($(date +%s) + $2)) waited=$1
		while [ "$(identity $$)" = "$me" ] && [ "$(date +%s)" -lt "$end" ]; do
			if [ "$waited" -ge "$(($1 / 3))" ]; then
				(renew "$1") || exit
				waited=0
			fi
			sleep 1
			waited=$((waited + 1))
		done
	) >/dev/null 2>&1 &
	renewer=$!
}

# fire has systemd undo it, which goes on if the caller is cut off, and waits.
# Should systemd not do it, this process does.
fire() {
	if [ -n "$unit" ] && ! settled "$dir"; then
		number=$(cat "$run/timer" 2>/dev/null)
		systemctl start --no-block "$name-$number.service" 2>/dev/null ||
			systemd-run --unit="$name-fire-$$" /bin/sh "$dir/change.sh" expire >/dev/null 2>&1
		sleep 1
	fi
	undo
}

# boot is before docker, and waits for nothing.
boot() {
	[ ! -d "$run" ] || return 0
	mkdir -p "$run" && true >"$run/booted"
	if [ "$(verdict)" = kept ] || ! armed || settled "$dir"; then
		return 0 # the second unit cleans up
	fi
	decide undone || return
	whole=no
	say "undoing $id: the host was booted in the middle of it"
	rm -f -- "$dir/reserve"
	free_reserve
	undo_rights || say "$why"
	each_file restore && true >"$run/booted-clean" && true >"$run/restarted"
}

# expire is undo for units: that the change is kept is no failure there.
expire() {
	undo
	status=$?
	[ "$status" = 4 ] || return "$status"
}

status() {
	printf 'id=%s\narmed=%s\nverdict=%s\nresult=%s\n' "$id" "$(has_lock && echo yes || echo no)" "$(verdict)" "$(result "$dir")"
	printf 'booted=%s\ndue=%s\n' "$([ -d "$run" ] && [ ! -e "$run/booted" ] && echo no || echo yes)" "$(cat "$dir/due" 2>/dev/null)"
}

verb=${1-}
[ $# = 0 ] || shift
trusted || exit 2
case $verb in
forget | arm | renew | keep | undo | fire | boot | expire | status) "$verb" "$@" ;;
restart) restart_for_change "$@" ;;
add) change_line with_line "$@" ;;
drop) change_line without_lines "$@" ;;
*) die 2 "usage: sh $dir/change.sh arm SECONDS | renew SECONDS | restart [SECONDS MORE] | keep | undo | fire | status | add FILE LINE | drop FILE LINE" ;;
esac
