# The outage: the containers are stopped, then the daemon, what it leaves in the
# kernel is removed, and the daemon starts again. The change does this, and so does
# the undo, in the other direction.
from_root= # the data root that the daemon leaves

# restart has the daemon leave the data root $from_root. All of it can be done again if
# it was interrupted.
restart() {
	say "restarting $unit"
	true >"$run/restarted"
	rm -f "$run/booted-clean" "$run/instance" "$run/started"
	drop_probes
	for phase in stop_dependents stop_containers stop_daemon wait_for_processes complete_copy change_rights; do
		"$phase" || [ "$verb" != restart ] || return
	done
	delete_bridges
	! undo_decided && start_daemon
}

# complete_copy has the copy of the data root brought up to date, now that nothing
# writes to it any more, and moved to where the daemon looks for it. What it then has is
# in "carried".
complete_copy() {
	[ "$verb" = restart ] && [ -n "$twin" ] || return 0
	say "copying what changed in $from_root"
	safe "$twin/.docker-userns" || {
		say "copying what changed: $twin is not the copy that was made"
		return 1
	}
	true >"$dir/placing" && flush "$dir" || return
	unless_undone "$twin/.docker-userns/copier" carry finish "$twin" >"$dir/carried.$$" 2>"$run/copying" || {
		say "copying what changed: $(tail -c 1000 "$run/copying")"
		return 1
	}
	mv -f "$dir/carried.$$" "$dir/carried" && flush "$dir"
}

# free_reserve gives the space of the disk back that was set aside in the copy.
free_reserve() {
	[ -z "$twin" ] || ! safe "$twin/.docker-userns" || rm -f -- "$twin/.docker-userns/reserve"
}

# set_aside moves the copy away once the daemon has left it: what the remapped daemon
# wrote stays, and no later change takes it for its own.
set_aside() {
	[ -n "$twin" ] || return 0
	kept=$twin
	[ ! -d "$twin.undone-$id" ] || kept=$twin.undone-$id
	if [ -z "$aside" ] && [ -e "$dir/placing" ] && [ -d "$new_root/.docker-userns" ] && [ ! -h "$new_root" ]; then
		kept=$new_root.undone-$id
		[ ! -e "$kept" ] && mv -- "$new_root" "$kept" || kept=$new_root
	fi
	[ ! -d "$kept" ] || note "what was copied stays in $kept; if you do not need it, delete it: rm -rf '$kept'"
}

# swap_back puts the folders of the data root back that moved aside for those of the copy,
# once the daemon has left them, and those of the copy where it was made. The folders are
# those of swapped in carry/kept.go. A later change makes a new copy: this one was in use.
swap_back() {
	[ -n "$aside" ] && [ -d "$aside" ] || return 0
	if [ ! -e "$twin" ] && [ -d "$twin.undone-$id" ]; then # it was ended before its last step
		rmdir -- "$aside"
		return
	fi
	if ! safe "$aside" || [ ! -d "$twin" ] || [ -h "$twin" ]; then
		because "$aside is not the folder that the change made"
		return 1
	fi
	for folder in image overlay2 containers volumes network buildkit; do
		if [ -d "$aside/$folder" ]; then
			[ ! -e "$new_root/$folder" ] || mv -T -- "$new_root/$folder" "$twin/$folder" || break
			mv -T -- "$aside/$folder" "$new_root/$folder" || break
		elif [ -e "$aside/$folder.none" ]; then
			[ ! -e "$new_root/$folder" ] || mv -T -- "$new_root/$folder" "$twin/$folder" || break
			rm -f -- "$aside/$folder.none"
		fi
		[ "$folder" != buildkit ] || {
			mv -T -- "$twin" "$twin.undone-$id" && rmdir -- "$aside" && flush "$new_root"
			return
		}
	done
	because "$new_root/$folder could not be put back: it is in $aside"
	return 1
}

# remove_notes removes what was only for the making of the copy.
remove_notes() {
	if [ -n "$aside" ]; then
		rm -rf -- "$twin/.docker-userns"
		rmdir -- "$twin" 2>/dev/null
	else
		rm -rf -- "$new_root/.docker-userns"
	fi
}

# undo_decided: this is the change, and it was decided meanwhile that it is undone.
undo_decided() { [ "$verb" = restart ] && [ -n "$(verdict)" ]; }

# unless_undone COMMAND…: runs it, and ends it once an undo is decided. The watcher
# ends with this process, and ends nothing but what was started here: by then the PID
# may be another process's.
unless_undone() {
	if [ "$verb" != restart ]; then
		"$@"
		return
	fi
	"$@" &
	job=$! me=$(identity $$)
	born=$(identity "$job")
	(
		until undo_decided; do
			[ "$(identity $$)" = "$me" ] || exit
			sleep 1
		done
		# shellcheck disable=SC2046 # split into PIDs
		[ "$(identity "$job")" != "$born" ] || kill $(cat "/proc/$job/task/$job/children" 2>/dev/null) "$job"
	) >/dev/null 2>&1 &
	watcher=$!
	wait "$job"
	set -- "$?"
	kill "$watcher" 2>/dev/null
	wait "$watcher" 2>/dev/null
	! undo_decided && return "$1"
}

# stop_dependents: systemd stops the units that need docker together with it, and
# does not start them again by itself. They go first, so that none of them starts a
# container that was just stopped.
stop_dependents() {
	if [ ! -e "$dir/dependents" ]; then
		dependents >"$dir/dependents.$$" && mv -f "$dir/dependents.$$" "$dir/dependents" || return
	fi
	others=$(cat "$dir/dependents")
	[ -n "$others" ] || return 0
	# shellcheck disable=SC2086 # split into units
	say "stopping the units that need $unit:" $others
	# shellcheck disable=SC2086
	unless_undone limited 120 systemctl stop $others
}

# dependents are the units that run, or wait to be started again, and that a stop of
# docker or of its socket stops too, or that would start it again (Upholds=).
dependents() {
	queue="$unit $socket" found=
	while [ -n "$queue" ]; do
		next=
		# shellcheck disable=SC2086 # split into units
		for other in $(systemctl show -p RequiredBy -p RequisiteOf -p BoundBy -p ConsistsOf -p PropagatesStopTo -p UpheldBy $queue | unit_names); do
			case " $unit $socket $found " in *" $other "*) continue ;; esac
			found="$found $other" next="$next $other"
			case $(systemctl is-active "$other") in active | activating | reloading) printf '%s\n' "$other" ;; esac
		done
		queue=$next
	done
}

# unit_names: those in properties that systemctl shows, one a line. It quotes a name
# with a backslash as for a shell.
unit_names() {
	sed -n 's/^[A-Za-z]*=//p' | tr ' ' '\n' | sed -e '/^".*"$/{' -e 's/^"\(.*\)"$/\1/' -e 's/\\\(.\)/\1/g' -e '}'
}

start_dependents() {
	# shellcheck disable=SC2046 # split into units
	[ ! -s "$dir/dependents" ] || systemctl start --no-block $(cat "$dir/dependents") ||
		note "some of the units that need $unit could not be started: " $(cat "$dir/dependents")
}

# stop_containers has the engine stop what runs. What runs when the change is made
# is recorded for the undo. An engine that does not answer cannot be asked; then
# wait_for_processes decides.
stop_containers() {
	known=$(engine 20 network ls -q --no-trunc) && printf '%s\n' "$known" >"$dir/networks-${from_root##*/}"
	for _ in 1 2 3; do
		! undo_decided || return
		ids=$(engine 20 ps -q --no-trunc) && [ -n "$ids" ] || return 0
		if [ "$verb" = restart ] && [ ! -e "$dir/ran" ]; then
			# shellcheck disable=SC2086 # split into IDs
			engine 60 container inspect -f '{{if not .HostConfig.AutoRemove}}{{.Id}}{{end}}' $ids >"$dir/ran.$$" || [ -s "$dir/ran.$$" ] || {
				say "stopping containers: could not determine which of them to start again"
				continue
			}
			mv -f "$dir/ran.$$" "$dir/ran" && flush "$dir" || return
		fi
		# shellcheck disable=SC2086 # split into IDs
		stop_by_id $ids
	done
	ids=$(engine 20 ps -q --no-trunc) && [ -n "$ids" ] || return 0
	# shellcheck disable=SC2086 # made one line
	say "stopping containers: these still run:" $ids
	return 1
}

# stop_by_id IDS…: each container has the time that it was given to end in, and is
# killed by the engine after it.
stop_by_id() {
	longest=10
	for limit in $(engine 60 container inspect -f '{{json .Config.StopTimeout}}' "$@"); do
		case $limit in
		-*) limit=600 ;; # it would be waited for without end
		*[!0-9]* | ??????*) continue ;;
		esac
		[ "$limit" -le "$longest" ] || longest=$limit
	done
	say "stopping $# containers, which may take $longest seconds"
	unless_undone engine $((longest * ($# / 50 + 1) + 60)) stop "$@" >/dev/null # the CLI stops 50 at a time
}

# start_again starts what the change has stopped, once after each restart. If the
# daemon was not restarted after all, some of it may only be about to end.
start_again() {
	[ -e "$run/restarted" ] && [ ! -e "$run/started" ] || return 0
	ran=$running
	[ ! -e "$dir/ran" ] || ran=$(cat "$dir/ran")
	if [ -n "$ran" ]; then
		# shellcheck disable=SC2086 # split into IDs
		[ "$(instance)" != "$(cat "$dir/instance" 2>/dev/null)" ] || stop_by_id $ran
		# shellcheck disable=SC2086
		engine 300 start $ran >/dev/null || engine 300 start $ran >/dev/null || # some need others to run
			note "some of the containers that ran before could not be started; 'docker ps --all' shows them"
	fi
	start_dependents
	true >"$run/started"
}

# stop_daemon takes the socket first: while it listens, any call of a client starts
# dockerd again.
stop_daemon() {
	main=$(systemctl show -p MainPID "$unit")
	main=$(identity "${main#MainPID=}")
	unless_undone limited 150 systemctl stop ${socket:+"$socket"} "$unit"
	waited=0
	while ! undo_decided; do
		case $(systemctl show -p ActiveState "$unit") in
		ActiveState=inactive | ActiveState=failed) [ -n "$main" ] && [ "$(identity "${main%.*}")" = "$main" ] || return 0 ;;
		esac
		[ "$waited" -lt 30 ] || {
			say "stopping $unit: it still runs after 3 minutes"
			return 1
		}
		sleep 1
		waited=$((waited + 1))
	done
	return 1
}

start_daemon() {
	systemctl reset-failed "$unit" 2>/dev/null
	[ -z "$socket" ] || systemctl reset-failed "$socket" 2>/dev/null
	[ ! -e "$dir/listens" ] || limited 60 systemctl start "$socket"
	unless_undone limited 120 systemctl start "$unit"
	waited=0
	while ! undo_decided && [ "$(systemctl show -p ActiveState "$unit")" = ActiveState=activating ] && [ "$waited" -lt 120 ]; do
		sleep 1
		waited=$((waited + 1))
	done
	! undo_decided && active && { [ "$verb" = restart ] || instance >"$run/instance"; } # see runs_old
}

# delete_bridges takes the bridges out of the kernel that the daemon of the data
# root that is left has made: a network of the other data root with the same subnet
# would be out of reach. The daemon recreates them when it returns. What it has
# made stands in its own records; a bridge that a user named goes only if the
# network was there when the daemon was stopped.
# shellcheck disable=SC2030 # known_network reads network in the same subshell
delete_bridges() {
	records=$from_root/network/files/local-kv.db
	[ -n "$from_root" ] && [ -f "$records" ] && command -v ip >/dev/null || return 0
	tr -c '[:print:]' '\n' <"$records" | tr '{' '\n' |
		sed -n '/"DefaultBridge":true/d; s/.*"BridgeIfaceCreator":1,"BridgeName":"\([^"]*\)".*"ID":"\([0-9a-f]\{64\}\)".*/\2 \1/p' | sort -u |
		while read -r network bridge; do
			case $bridge in
			docker0 | docker_gwbridge | '' | *[!A-Za-z0-9_.-]* | -*) continue ;;
			"br-${network%"${network#????????????}"}") ;;
			*) known_network || continue ;;
			esac
			[ -d "/sys/class/net/$bridge/bridge" ] || continue
			ip link delete "$bridge" 2>/dev/null || say "deleting the bridge $bridge failed"
		done
}

# known_network: the bridge that a user named is of a network that was there.
# shellcheck disable=SC2031
known_network() {
	case $nl$(cat "$dir/networks-${from_root##*/}" 2>/dev/null)$nl in *"$nl$network$nl"*) ;; *) return 1 ;; esac
}
