# The processes of containers: dockerd is not needed to find them.

# shims: a line "PID ID" for each process that holds a container. Names prove
# nothing, nor does a program that anybody may start as root: one is believed if all
# its UIDs are root's, in the namespaces of the host, and its program is a file of
# root's with that name.
shims() {
	for process in /proc/[0-9]*; do
		IFS= read -r comm 2>/dev/null <"$process/comm" || continue
		case $comm in containerd-shim*) ;; *) continue ;; esac
		program=$(readlink "$process/exe" 2>/dev/null) || continue
		case ${program##*/} in containerd-shim*) ;; *) continue ;; esac
		[ "$(stat -L -c %u "$process/exe" 2>/dev/null)" = 0 ] || continue
		grep -q '^Uid:[[:space:]]*0[[:space:]]*0[[:space:]]*0[[:space:]]*0$' "$process/status" 2>/dev/null || continue
		for space in user mnt pid; do
			[ "$(readlink "$process/ns/$space")" = "$(readlink "/proc/self/ns/$space")" ] || continue 2
		done
		tr '\000' '\n' 2>/dev/null <"$process/cmdline" | {
			option='' container=''
			while IFS= read -r word; do
				case $option in
				-id | --id) container=$word ;;
				-workdir | --workdir) container=${word##*/} ;;
				esac
				option=$word
			done
			case $container in '' | *[!0-9a-f]*) ;; *) printf '%s %s\n' "${process#/proc/}" "$container" ;; esac
		}
	done
}

# processes_of ROOT [TIME]: a line "PID ID" for each live process that a shim holds for a
# container or a plugin of that data root. With TIME, in ticks since boot as in identity,
# those that were started before it: a container that was carried over has the same ID in
# both data roots, and what is older than the daemon is not its own.
processes_of() {
	[ -n "$1" ] || return 0
	shims | while read -r shim container; do
		[ -d "$1/containers/$container" ] || [ -d "$1/plugins/$container" ] || continue
		# shellcheck disable=SC2013 # the PIDs are on one line
		for child in $(cat "/proc/$shim/task"/[0-9]*/children 2>/dev/null); do
			born=$(identity "$child")
			[ -z "$born" ] || { [ -n "${2-}" ] && [ "${born#*.}" -ge "$2" ]; } || printf '%s %s\n' "$child" "$container"
		done
	done
}

# wait_for_processes: no process of $from_root outlives its daemon. The change is
# undone for one; the undo ends it, as the engine would have.
wait_for_processes() {
	gone='' waited=0
	while still=$(processes_of "$from_root") && [ -n "$still" ]; do
		! undo_decided || return
		if [ "$waited" -ge 15 ]; then
			# shellcheck disable=SC2086 # made one line
			say "stopping containers: these processes outlive the daemon (PID and container):" $still
			return 1
		elif [ "$verb" != restart ]; then
			signal=TERM
			[ "$waited" -lt 10 ] || signal=KILL
			[ "$gone" = "$signal" ] || printf '%s\n' "$still" | while read -r child container; do kill -s "$signal" "$child"; done
			gone=$signal
		fi
		sleep 1
		waited=$((waited + 1))
	done
}
