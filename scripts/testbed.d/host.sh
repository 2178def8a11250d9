# Hosts: a tree, a disk laid over it, systemd-nspawn, a link. A host has a keeper,
# the process of `testbed run`. It speaks on stdout and listens on stdin:
#
#   > up PID ADDRESS    booted; PID is the host's init as seen from here
#   > down              the host was shut down from inside
#   < power             cut the power, boot from the same disk
#   < end of file       remove the host
#
# A reboot from inside is followed by another "up".

do_run() {
	[ $# = 2 ] || die "usage: scripts/testbed run ENGINE NAME"
	engine_known "$1"
	[[ $2 =~ ^[a-z0-9][a-z0-9-]{0,40}$ ]] || die "the name $2 is not of a-z, 0-9 and -"
	engine=$1 name=$2 dir=$hosts/$2
	do_check
	make_tree "$engine"
	claim
	number=$(cat "$dir/number") request=''
	trap '' PIPE
	trap 'request=stop' TERM INT HUP
	trap 'request=power' USR2
	trap 'remove "$name"; kill "$listener" 2>/dev/null || true' EXIT
	listen 8<&0 <&8 &
	listener=$!
	lay_keys
	lay_disk
	keep
}

# claim takes the host's directory and a free network number. The lock of all
# hosts keeps a sweep away until the host's own lock is held.
claim() {
	mkdir -p "$hosts"
	exec 7>"$hosts/.lock"
	flock 7
	sweep_dead 7>&-
	mkdir "$dir" 2>/dev/null || die "booting $name: there is such a host already"
	exec 9>"$dir/lock"
	flock 9
	echo $$ >"$dir/keeper"
	echo "$engine" >"$dir/engine"
	free_number >"$dir/number"
	exec 7>&-
}

free_number() {
	local n
	for n in $(seq 1 254); do
		grep -qsx "$n" "$hosts"/*/number && continue
		ip -o addr | grep -qF " 10.99.$n." && continue
		echo "$n"
		return
	done
	die "booting $name: no free network in 10.99.0.0/16"
}

# listen turns words on stdin into signals to the keeper. It looks up now and
# then, since a stdin that never ends must not keep it longer than the keeper.
listen() {
	exec 9>&-
	trap - TERM INT HUP USR1 USR2 EXIT
	local word status
	while kill -0 $$ 2>/dev/null; do
		status=0
		read -r -t 10 word || status=$?
		case $status-$word in
		0-power) kill -USR2 $$ ;;
		1-*) break ;;
		esac
	done
	kill -TERM $$ 2>/dev/null || true
}

# keep boots the host as often as it is wished or reboots itself.
keep() {
	while [ "$request" != stop ]; do
		request=''
		boot_once
		rm -f "$dir/up"
		[ "$request" != power ] || halt "$name" 2>/dev/null
	done
}

# boot_once returns when the host reboots or something is wished of the keeper.
boot_once() {
	unlink_host "$name"
	nspawn 9>&- &
	local nspawn=$! status=0
	if ! { connect "$nspawn" && await "$nspawn"; }; then
		[ -n "$request" ] || { tail -n 30 "$dir/console" >&2; die "booting $name: see the console's last lines above"; }
		return
	fi
	echo "up $(cat "$dir/pid") 10.99.$number.2"
	touch "$dir/up"
	wait "$nspawn" || status=$?
	[ -z "$request" ] || return 0
	[ "$status" = 133 ] && return # systemd-nspawn(1): the host wants a reboot
	rm -f "$dir/up"
	echo down
	while [ -z "$request" ]; do sleep 0.2; done
}

# nspawn runs in cgroups of the host's own, so that hosts do not share theirs and
# all processes of one can be found. It is notified when the keeper dies.
nspawn() {
	trap - TERM INT HUP USR1 USR2 EXIT
	enter_cgroups
	export SYSTEMD_SECCOMP=0
	exec setpriv --pdeathsig TERM systemd-nspawn --quiet --register=no --keep-unit --boot \
		--machine="duns-$name" --hostname="$name" --directory="$dir/root" \
		--bind="$dir/disk/docker:/var/lib/docker" --bind="$dir/disk/containerd:/var/lib/containerd" --bind="$dir/disk/srv:/srv" \
		--network-veth-extra="duns$number:host0" --resolv-conf=off --timezone=off --link-journal=no \
		--capability=all --private-users=no --system-call-filter= </dev/null >>"$dir/console" 2>&1
}

enter_cgroups() {
	local group file
	for group in $(cgroups_of "$name"); do
		mkdir -p "$group"
		for file in cpuset.cpus cpuset.mems; do
			[ ! -e "$group/$file" ] || [ ! -e "$group/../$file" ] || cat "$group/../$file" >"$group/$file"
		done
		echo $BASHPID >"$group/cgroup.procs"
	done
}

# connect sets up this machine's end of the host's link.
connect() {
	until ip link set "duns$number" up 2>/dev/null; do
		alive "$1" || return 1
		sleep 0.05
	done
	ip addr add "10.99.$number.1/24" dev "duns$number"
}

# await waits until the host has booted, and notes the PID of its init.
await() {
	until init_of "$1" >"$dir/pid" && inside "$(cat "$dir/pid")" systemctl is-system-running --wait 2>/dev/null | grep -qE 'running|degraded'; do
		alive "$1" || return 1
		sleep 0.1
	done
}

alive() { [ -z "$request" ] && kill -0 "$1" 2>/dev/null; }

# init_of NSPAWN: its child that is PID 1 to itself.
init_of() {
	local pid
	for pid in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		if grep -qs '^NSpid:.*[[:space:]]1$' "/proc/$pid/status" && [ "$(cat "/proc/$pid/comm")" = systemd ]; then
			echo "$pid"
			return
		fi
	done
	return 1
}

inside() {
	local pid=$1
	shift
	nsenter --target "$pid" --mount --uts --ipc --net --pid --cgroup -- "$@"
}

# lay_disk makes the host's one disk: a sparse file, so that it can be full
# without this machine's being so. It has no journal, as it outlives no crash.
lay_disk() {
	local disk=$dir/disk
	rm -f "$dir/disk.img"
	truncate -s 8G "$dir/disk.img"
	mkfs.ext4 -q -O ^has_journal -m 0 "$dir/disk.img"
	mkdir -p "$disk" "$dir/root"
	mount -o loop "$dir/disk.img" "$disk"
	mkdir "$disk/upper" "$disk/work" "$disk/docker" "$disk/containerd" "$disk/srv"
	mount -t overlay -o "lowerdir=$(tree_of "$engine"),upperdir=$disk/upper,workdir=$disk/work" duns "$dir/root"
	echo "10.99.$number.2/24" >"$dir/root/etc/testbed-address"
	printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >"$dir/root/etc/hosts"
	local home
	for home in root home/op home/opnp home/guest; do
		mkdir -pm 700 "$dir/root/$home/.ssh"
		cp "$dir/ssh/id.pub" "$dir/root/$home/.ssh/authorized_keys"
		chown -R --reference="$dir/root/$home" "$dir/root/$home/.ssh"
	done
}

# lay_keys makes a key, and an ssh that knows the host by it, whoever calls it:
# ssh(1) does not look into $HOME but into the home of passwd(5).
lay_keys() {
	mkdir -p "$dir/ssh" "$dir/bin"
	ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$dir/ssh/id"
	echo "10.99.$number.2 $(cat "$(tree_of "$engine")/etc/ssh/ssh_host_ed25519_key.pub")" >"$dir/ssh/known_hosts"
	cat >"$dir/ssh/config" <<-EOF
	Host *
	  IdentityFile $dir/ssh/id
	  IdentitiesOnly yes
	  UserKnownHostsFile $dir/ssh/known_hosts
	  GlobalKnownHostsFile /dev/null
	  StrictHostKeyChecking yes
	EOF
	printf '#!/bin/sh\nexec %s -F %s "$@"\n' "$(command -v ssh)" "$dir/ssh/config" >"$dir/bin/ssh"
	chmod 755 "$dir/bin/ssh"
}

# do_boot leaves a keeper behind whose stdin never ends.
do_boot() {
	[ $# = 2 ] || die "usage: scripts/testbed boot ENGINE NAME"
	local pipe log
	pipe=$(mktemp -u) log=$(mktemp)
	mkfifo "$pipe"
	setsid "$0" run "$@" <>"$pipe" >"$log" 2>&1 &
	local keeper=$!
	until grep -q '^up' "$log"; do
		kill -0 $keeper 2>/dev/null || { cat "$log" >&2; rm "$pipe" "$log"; exit 1; }
		sleep 0.1
	done
	rm "$pipe" "$log"
	do_contexts "$2"
}

do_contexts() {
	[ -e "$hosts/$1/up" ] || die "no host $1 is up"
	local dir=$hosts/$1 address
	address=10.99.$(cat "$dir/number").2
	cat <<-EOF
	export PATH=$dir/bin:\$PATH
	docker context create $1 --docker host=ssh://root@$address
	docker context create $1-op --docker host=ssh://op@$address        # sudo with the password "op"
	docker context create $1-opnp --docker host=ssh://opnp@$address    # sudo without a password
	docker context create $1-unix --docker host=unix:///proc/$(cat "$dir/pid")/root/run/docker.sock
	EOF
}

do_list() {
	local dir state
	for dir in "$hosts"/*/; do
		[ -d "$dir" ] || continue
		dir=${dir%/}
		state=down
		[ ! -e "$dir/up" ] || state=up
		kept "${dir##*/}" || state=dead
		printf '%s\t%s\t%s\t10.99.%s.2\t%s\n' "${dir##*/}" "$(cat "$dir/engine")" $state "$(cat "$dir/number")" "$(cat "$dir/pid" 2>/dev/null)"
	done
}

do_exec() {
	[ -e "$hosts/$1/up" ] || die "no host $1 is up"
	inside "$(cat "$hosts/$1/pid")" "${@:2}"
}
