# What the benches on a host of the testbed share: the host, the plugin on it and
# here, and the clock. It is sourced, from the top of the repository.
host=bench-$$
dir=$(mktemp -d)
trap 'scripts/testbed stop "$host" >/dev/null || true; rm -rf "$dir"' EXIT

say() { echo "${0##*/}: $*" >&2; }
there() { scripts/testbed exec "$host" "$@"; }

# median runs a command so many times and prints the median in milliseconds. That
# the plugin finds something (1) is an answer too.
median() {
	local n=$1 start status i
	shift
	for ((i = 0; i < n; i++)); do
		start=${EPOCHREALTIME/./} status=0
		"$@" >/dev/null 2>"$dir/stderr" </dev/null || status=$?
		[ "$status" = 0 ] || [[ $status = 1 && " $* " = *" userns "* ]] || {
			say "$*: exit code $status: $(cat "$dir/stderr")"
			return 1
		}
		echo $(((${EPOCHREALTIME/./} - start) / 1000))
	done | sort -n | awk '{ t[NR] = $1 } END { if (NR) print t[int((NR + 1) / 2)] }'
}

# moved prints how many bytes went over the host's link so far.
moved() {
	local link=/sys/class/net/duns$number/statistics
	echo $(($(cat "$link/rx_bytes") + $(cat "$link/tx_bytes")))
}

# ready boots a host with an engine, and installs the plugin there and for a docker CLI here.
ready() {
	say "booting a host"
	scripts/testbed boot "$1" "$host" >"$dir/contexts"
	export DOCKER_CONFIG=$dir/docker
	mkdir -p "$DOCKER_CONFIG/cli-plugins"
	scripts/build "$DOCKER_CONFIG/cli-plugins/docker-userns"
	. "$dir/contexts" >/dev/null 2>&1
	number=$(cut -d. -f3 <<<"$(sed -n "s/.*ssh:\/\/root@//p" "$dir/contexts")")
	there install -D -m 755 /dev/stdin /usr/local/libexec/docker/cli-plugins/docker-userns <"$DOCKER_CONFIG/cli-plugins/docker-userns"
}
