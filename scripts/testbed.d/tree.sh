# Trees: a Debian for each engine, made once and kept. A tree is never booted
# itself; hosts write to a disk laid over it.

# Debian has no engine 29. Its daemon is built from the Go module, which does not
# know its own version. It needs runc 1.2 or later, for time namespaces.
moby=github.com/moby/moby/v2 moby_version=v2.0.0-beta.24 engine29=29.8.0

packages="systemd systemd-sysv dbus openssh-server iptables procps iproute2 passwd uidmap sudo acl busybox-static docker.io"
units_off="apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer
	getty.target systemd-modules-load.service systemd-networkd-wait-online.service"

# do_check names what is missing, one a line.
do_check() {
	local missing=()
	[ "$(uname -s)" = Linux ] || missing+=("not Linux")
	[ "$(id -u)" = 0 ] || missing+=("not root")
	local tool
	for tool in mmdebstrap systemd-nspawn docker ssh ssh-keygen ip nsenter setpriv mkfs.ext4; do
		command -v $tool >/dev/null || missing+=("no $tool (scripts/testbed install)")
	done
	grep -qw overlay /proc/filesystems || missing+=("no overlay file system")
	[ -e /dev/loop-control ] || missing+=("no loop devices")
	[ ${#missing[@]} = 0 ] && return
	printf '%s\n' "${missing[@]}"
	exit 1
}

do_install() {
	[ "$(id -u)" = 0 ] || die "installing packages: not root"
	command -v apt-get >/dev/null || die "installing packages: this is not Debian; needed are the commands that 'scripts/testbed check' names"
	local want=(mmdebstrap systemd-container openssh-client iproute2 util-linux e2fsprogs)
	command -v docker >/dev/null || want+=(docker.io)
	dpkg -s "${want[@]}" >/dev/null 2>&1 && return
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${want[@]}"
}

do_make() {
	[ $# -gt 0 ] || set -- $engines
	local engine
	for engine in "$@"; do engine_known "$engine"; done
	mkdir -p "$cache/trees"
	local jobs=()
	for engine in "$@"; do
		make_tree "$engine" &
		jobs+=($!)
	done
	local job failed=0
	for job in "${jobs[@]}"; do wait "$job" || failed=1; done
	return $failed
}

# tree_of gives the path of an engine's tree. Its name holds a digest of the
# recipe, so that a changed recipe is a new tree and a running host keeps its own.
tree_of() {
	local recipe
	recipe=$(cat "$here/testbed.d/tree.sh" "$here/testbed.d/guest/"* | sha256sum)
	echo "$cache/trees/$1-${recipe:0:12}"
}

do_tree() {
	[ $# = 1 ] || die "usage: scripts/testbed tree ENGINE"
	engine_known "$1"
	tree_of "$1"
}

make_tree() (
	engine=$1 tree=$(tree_of "$1")
	[ -e "$tree" ] && return
	exec 9>"$cache/trees/.$engine.lock"
	flock 9
	[ -e "$tree" ] && return
	rm_old_trees "$engine"
	echo "testbed: making a host with engine $engine" >&2
	new=$(mktemp -d "$cache/trees/.$engine.XXXXXX")
	chmod 755 "$new"
	if ! { unpack "$engine" "$new" && furnish "$engine" "$new"; } >"$new.log" 2>&1 9>&-; then
		tail -n 20 "$new.log" >&2
		die "making a tree for engine $engine: see $new.log"
	fi
	version=$(chroot "$new" dockerd --version)
	[[ $version == *" $engine."* ]] || die "making a tree for engine $engine: the mirror has $version"
	mv "$new" "$tree"
	rm "$new.log"
)

# dockerd29 is the path of the daemon that was built.
dockerd29() { echo "$cache/dockerd-$engine29"; }

# build_dockerd takes five minutes of two cores, once.
build_dockerd() {
	[ ! -x "$(dockerd29)" ] || return 0
	local bin
	bin=$(mktemp -d "$cache/.dockerd.XXXXXX")
	GOBIN=$bin GOFLAGS='' CGO_ENABLED=0 go install -trimpath -ldflags "-s -w -X $moby/dockerversion.Version=$engine29" "$moby/cmd/dockerd@$moby_version" &&
		mv "$bin/dockerd" "$(dockerd29)" && rmdir "$bin"
}

# rm_old_trees removes an engine's trees that are older than a day, since another
# work tree may use a younger one, but for those that a host runs on.
rm_old_trees() {
	local old
	for old in "$cache/trees/$1"-* "$cache/trees/.$1".??????*; do
		[ -n "$(find "$old" -maxdepth 0 -mmin +1440 2>/dev/null)" ] || continue
		grep -qF "lowerdir=$old," /proc/mounts || rm -rf --one-file-system "$old"
	done
}

# mirror gives the URI that this machine's own apt gets Debian from.
mirror() {
	local own
	own=$(. /etc/os-release && echo "$VERSION_CODENAME")
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v own="$own" '$2 == own && $3 == "main" { print $1; exit }'
}

# unpack ENGINE TREE. Options: a frozen mirror's release files are past their
# date, and a tree that a crash cuts short is made again, so nothing needs fsync.
unpack() {
	local suite=trixie include=$packages uri
	uri=$(mirror)
	[ -n "$uri" ] || die "no Debian mirror found in this machine's apt sources"
	local lines=() options=(--variant=minbase --aptopt='Acquire::Check-Valid-Until "false"'
		--dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*')
	case $1 in
	20.10) suite=bookworm include="$packages python3" ;; # which Ansible needs on the hosts that it manages
	26.1) include="$packages docker-cli" ;;
	28.5 | 29)
		include="${packages/docker.io/docker.io/unstable} docker-cli/unstable"
		[ "$1" = 28.5 ] || include="$include containerd/unstable runc/unstable"
		lines=("deb $uri sid main")
		options+=(--setup-hook='printf "Package: *\nPin: release n=sid\nPin-Priority: 100\n" >"$1/etc/apt/preferences.d/sid"')
		;;
	esac
	mmdebstrap "${options[@]}" --include="${include// /,}" "$suite" "$2" "deb $uri $suite main" "${lines[@]}"
}

# furnish ENGINE TREE: the accounts, units and blanks of a host.
furnish() {
	if [ "$1" = 29 ]; then
		build_dockerd && install -m 755 "$(dockerd29)" "$2/usr/sbin/dockerd"
	fi
	shift
	add_account "$1" op sudo,docker
	add_account "$1" opnp sudo,docker
	add_account "$1" guest ''
	echo 'opnp ALL=(ALL) NOPASSWD: ALL' >"$1/etc/sudoers.d/opnp"
	chmod 440 "$1/etc/sudoers.d/opnp"
	: >"$1/etc/subuid"
	: >"$1/etc/subgid"
	install -m 755 "$here/testbed.d/guest/testbed-up" "$1/usr/local/sbin/"
	install -m 644 "$here/testbed.d/guest/testbed.service" "$1/etc/systemd/system/"
	systemctl --root="$1" enable testbed.service docker.service ssh.service
	systemctl --root="$1" mask $units_off
	rm -f "$1/etc/hostname" "$1/etc/resolv.conf"
	: >"$1/etc/machine-id"
	touch "$1/etc/.updated" "$1/var/.updated"
}

# add_account TREE NAME GROUPS. The password is the name.
add_account() {
	chroot "$1" useradd --create-home --shell /bin/bash --groups "$3" "$2"
	echo "$2:$2" | chroot "$1" chpasswd
}
