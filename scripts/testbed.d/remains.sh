# What a host leaves on this machine, and how it is removed: the processes in its
# cgroups, its mounts, its link, its directory. All of it is found by the host's
# name, so it can be removed without its keeper's help.

hosts=$cache/hosts

# cgroups_of NAME: the host's directory in each hierarchy, v1 or v2.
cgroups_of() {
	local top
	for top in /sys/fs/cgroup /sys/fs/cgroup/*; do
		case $top in */duns-*) continue ;; esac # another host's, where v2 is at the top
		[ ! -e "$top/cgroup.procs" ] || echo "$top/duns-$1"
	done
}

# pids_of NAME: its processes. A cgroup.procs of v1 is not to be believed: the
# kernel keeps the list for as long as somebody reads it every second
# (cgroup_pidlist in kernel/cgroup/cgroup-v1.c), while its PIDs go to others.
pids_of() {
	local group pid
	for group in $(cgroups_of "$1"); do
		[ ! -d "$group" ] || find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null || true
	done | sort -un | while read -r pid; do
		! grep -qsE "/duns-$1(/|\$)" "/proc/$pid/cgroup" || echo "$pid"
	done
}

# halt NAME: cut the power. Every process of the host is in its cgroups. In the
# keeper, bash would tell of systemd-nspawn's end on stderr.
halt() {
	local pids try group
	for try in $(seq 100); do
		pids=$(pids_of "$1")
		[ -n "$pids" ] || break
		kill -9 $pids 2>/dev/null || true
		sleep 0.05
	done
	for group in $(cgroups_of "$1"); do
		[ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
	done
	unlink_host "$1"
}

unlink_host() {
	local link
	link=duns$(cat "$hosts/$1/number" 2>/dev/null) || return 0
	ip link delete "$link" 2>/dev/null || true
}

unmount_disk() {
	local at
	for at in "$hosts/$1/root" "$hosts/$1/disk"; do
		! mountpoint -q "$at" || umount "$at" 2>/dev/null || umount --lazy "$at"
	done
}

remove() {
	halt "$1" 2>/dev/null
	unmount_disk "$1"
	rm -rf --one-file-system "${hosts:?}/$1"
}

# kept NAME: whether the host's keeper lives. It holds the lock of the host's
# directory as long as it does, however it ends.
kept() { ! flock --nonblock "$hosts/$1/lock" true; }

# sweep_dead needs the lock of all hosts, see claim.
sweep_dead() {
	local dir
	for dir in "$hosts"/*/; do
		[ -d "$dir" ] || continue
		kept "$(basename "$dir")" || remove "$(basename "$dir")"
	done
}

do_sweep() (
	mkdir -p "$hosts"
	exec 7>"$hosts/.lock"
	flock 7
	sweep_dead 7>&-
)

do_stop() {
	[ -d "$hosts/$1" ] || die "stopping $1: no such host"
	if kept "$1"; then
		kill -TERM "$(cat "$hosts/$1/keeper")"
		local try
		for try in $(seq 200); do
			[ -d "$hosts/$1" ] || return 0
			sleep 0.1
		done
		die "stopping $1: its keeper $(cat "$hosts/$1/keeper") is still at it"
	fi
	do_sweep
}
