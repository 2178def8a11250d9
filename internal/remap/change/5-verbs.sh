# The verbs.

# seconds TEXT
seconds() {
	case $1 in '' | 0* | *[!0-9]* | ??????????*) die 2 "'$1' is not a number of seconds" ;; esac
}

# arm SECONDS. The lock is taken last: until then there is nothing to undo, and
# what was laid down finds that out by itself.
arm() {
	seconds "${1-}"
	[ -z "$(verdict)" ] || die 1 "arming $id: this change is over; make a new one"
	mkdir -p "$run" || die 1 "making $run: that did not work"
	hold "$runs/lock" 10 || die 75 "another change is being armed; try again once it is through"
	! ours || die 1 "arming $id: it is armed already; 'sh $dir/change.sh renew SECONDS' gives it more time"
	free || die 75 "$busy"
	if ! prepare "$1"; then
		disarm
		exit 1
	elif ! ln -sn "$dir" "$lock"; then
		disarm
		die 1 "making $lock: that did not work; is the disk full?"
	fi
	sync
	wound && return
	undo
	exit 1
}

# free: nobody has the lock, or who has it is settled or gone.
free() {
	who=$(readlink "$lock" 2>/dev/null) || return 0
	if [ -f "$who/change.sh" ] && ! settled "$who"; then
		busy="another change is under way: $who. 'sh $who/change.sh status' says how it stands, 'sh $who/change.sh fire' takes it back, 'sh $who/change.sh keep' keeps it"
		return 1
	fi
	rm -f -- "$lock"
}

# prepare. What others left behind who were ended while they armed goes first.
prepare() {
	rm -f -- "${dir%/*}"/*/reserve
	head -c 262144 </dev/urandom >"$dir/reserve" || {
		say "writing $dir/reserve: that did not work; is the disk full?"
		return 1
	}
	note_account && each_file back_up || return
	[ -n "$unit" ] || return 0
	for old in "$units"/docker-userns-*-confirm.service; do
		[ ! -f "$old" ] || { old=${old##*/} && lift "${old%-confirm.service}"; }
	done
	instance >"$dir/instance" && lay || {
		say "laying down the units of a boot in $units: that did not work; is the disk full, or /etc read-only?"
		return 1
	}
	wind "$1"
}

# wound: the timer did not go off before the lock was there.
wound() {
	[ -z "$unit" ] || systemctl is-active --quiet "$name-$number.timer" || {
		say "arming $id: its seconds were over before the lock was taken; give it more"
		return 1
	}
}

# disarm leaves nothing of a change that was not armed.
disarm() {
	[ -z "$unit" ] || { unwind '' && lift "$name"; }
	rm -rf -- "$dir/backup" "$dir/reserve" "$dir/instance" "$dir/due" "$dir/nofolder" "$dir/hadline"
}

renew() {
	seconds "${1-}"
	case $(verdict) in
	kept) die 4 "renewing $id: it is kept already" ;;
	undone) die 4 "renewing $id: too late, it is being undone or was; $dir/log says how" ;;
	esac
	ours || die 1 "renewing $id: it is not armed, or not any more"
	[ -n "$unit" ] || return 0
	wind "$1" || die 1 "renewing $id: the timer it has goes on"
	unwind "$number"
	[ -z "$(verdict)" ] || { unwind '' && die 4 "renewing $id: too late, it is decided: $(verdict)"; }
}

keep() {
	armed || die 1 "keeping $id: it is not armed"
	decide kept
	case $? in
	0) conclude kept ;;
	4) die 4 "keeping $id: too late, it is being undone or was; $dir/log says how" ;;
	*) die 1 "keeping $id: writing $dir/verdict: that did not work; is the disk full? It will be undone" ;;
	esac
}

# conclude RESULT: from here on the change is settled. The timers go last: should
# this be ended half-way, the next one goes on with it.
conclude() {
	rm -f -- "$dir/reserve"
	write_result "$1" || die 1 "writing $dir/result: that did not work; is the disk full?"
	clean
}

clean() {
	hold "$runs/lock" 60
	! ours || rm -f -- "$lock"
	each_file leave_nothing
	[ -n "$unit" ] || return 0
	lift "$name"
	unwind ''
}

leave_nothing() { rm -f -- "$1$suffix"; }

armed() { ours || [ -n "$(verdict)" ]; }

# undo: 0 where all is as it was, 1 where it is not, 4 where the change is kept.
undo() {
	armed || hold "$runs/lock" 60
	if ! armed; then
		say "undoing $id: it is not armed, there is nothing to undo"
		clean
		return 0
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
	1) die 1 "undoing $id: writing $dir/verdict: that did not work; is the disk full, or read-only?" ;;
	esac
	hold "$run/undo" 0
	if settled "$dir"; then
		clean
		return
	elif [ "$waited" -gt 0 ] && [ -n "$(result "$dir")" ]; then
		return 1 # it was tried just now
	fi
	who=$(readlink "$lock" 2>/dev/null)
	[ -z "$who" ] || ours || die 75 "undoing $id: another change is under way: $who"
	take_back
}

take_back() {
	say "undoing $id"
	rm -f -- "$dir/result" "$dir/reserve"
	try=1 whole=no
	until why='' && once; do
		say "try $try: $why"
		[ "$try" -lt "$tries" ] || {
			write_result "failed: $why"
			return 1
		}
		try=$((try + 1))
		if [ "$whole" = no ] && [ -d "$dir/cut" ]; then whole=yes; else sleep "$pause"; fi
	done
	[ -n "$unit" ] || note "nothing here restarts the daemon: restart it by hand for it to run as before"
	[ ! -e "$run/restarted" ] || [ -z "$running" ] || engine 300 start $running >/dev/null ||
		note "some of the containers that ran before could not be started; 'docker ps --all' shows them"
	[ ! -f "$dir/nofolder" ] || while read -r folder; do rmdir "$folder" 2>/dev/null; done <"$dir/nofolder"
	conclude undone
	say "undone"
}

# once is one try. A daemon that is down is started even where a file could not
# be put back; one that runs is not stopped for nothing.
once() {
	each_file restore || why="the files could not all be put back"
	if [ -n "$unit" ]; then
		runs_old || { [ -n "$why" ] && active; } || restart
		[ -n "$why" ] || proven || return
	fi
	[ -z "$why" ] || return
	remove_account && each_file restore || {
		why="the user $account could not be removed; 'userdel $account' says why"
		return 1
	}
}

# fire has systemd undo it, which goes on where the caller is cut off, and waits.
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
	each_file restore && true >"$run/booted-clean" && true >"$run/restarted"
}

# expire is undo for units: that the change is kept is no failure there.
expire() {
	undo
	status=$?
	[ "$status" = 4 ] || return "$status"
}

status() {
	printf 'id=%s\narmed=%s\nverdict=%s\nresult=%s\n' "$id" "$(ours && echo yes || echo no)" "$(verdict)" "$(result "$dir")"
	printf 'booted=%s\ndue=%s\n' "$([ -d "$run" ] && [ ! -e "$run/booted" ] && echo no || echo yes)" "$(cat "$dir/due" 2>/dev/null)"
}

verb=${1-}
[ $# = 0 ] || shift
case $verb in
arm | renew | keep | undo | fire | boot | expire | status) "$verb" "$@" ;;
add) change_line with_line "$@" ;;
drop) change_line without_lines "$@" ;;
*) die 2 "usage: sh $dir/change.sh arm SECONDS | renew SECONDS | keep | undo | fire | status | add FILE LINE | drop FILE LINE" ;;
esac
