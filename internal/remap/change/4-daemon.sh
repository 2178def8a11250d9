# The daemon and its units.
units=/etc/systemd/system
name=docker-userns-$id

# boot_unit is for a boot in the middle of the change: it returns the files before
# dockerd reads them. Nothing waits for anything in there, so that it cannot hold
# up the boot. docker.socket may come first: it starts dockerd no sooner.
boot_unit() {
	cat <<-END
		[Unit]
		Description=Undo the change $id of userns-remap before Docker starts
		ConditionPathExists=!$run
		RequiresMountsFor=$dir
		Wants=$name-confirm.service
		Before=$unit

		[Service]
		Type=oneshot
		TimeoutStartSec=90
		ExecStart=/bin/sh $dir/change.sh boot
	END
}

# confirm_unit does the rest after such a boot, once docker is up or has given up.
confirm_unit() {
	cat <<-END
		[Unit]
		Description=See Docker come back after the change $id of userns-remap was undone
		ConditionPathExists=$run/booted
		After=$name.service $unit

		[Service]
		Type=simple
		Restart=on-abnormal
		ExecStart=/bin/sh $dir/change.sh expire
	END
}

# install_units installs both. systemd reads them at the next boot.
install_units() {
	[ -d "$units/$unit.wants" ] || true >"$dir/nowants" || return
	boot_unit >"$units/$name.service" && confirm_unit >"$units/$name-confirm.service" &&
		chmod 644 "$units/$name.service" "$units/$name-confirm.service" || return
	for wants in multi-user.target "$unit"; do
		# shellcheck disable=SC2174 # $units is there
		mkdir -p -m 755 "$units/$wants.wants" &&
			ln -sn "../$name.service" "$units/$wants.wants/$name.service" || return
	done
}

# remove_units UNITNAME removes the units of a change.
remove_units() {
	for wants in multi-user.target "$unit"; do
		rm -f -- "$units/$wants.wants/$1.service"
	done
	rm -f -- "$units/$1.service" "$units/$1-confirm.service"
	[ ! -e "$dir/nowants" ] || rmdir "$units/$unit.wants" 2>/dev/null || :
}

# set_timer SECONDS: a timer. Accuracy is a minute unless it is asked for. If the
# undo itself is killed, it is started again; an old systemd cannot do that.
set_timer() {
	number=$(($(cat "$run/timer" 2>/dev/null || echo 0) + 1))
	echo "$number" >"$run/timer" || return
	start_timer "$1" --property=Restart=on-abnormal || start_timer "$1" || {
		say "starting a timer with systemd-run: $said"
		return 1
	}
	echo "$(($(date +%s) + $1))" >"$dir/due"
}

# start_timer SECONDS OPTIONS…
start_timer() {
	after=$1
	shift
	said=$(systemd-run --unit="$name-$number" --description="Undo the change $id of userns-remap" \
		--on-active="$after" --timer-property=AccuracySec=100ms "$@" /bin/sh "$dir/change.sh" expire 2>&1)
}

# stop_timers NUMBER: all timers before that one, or all.
stop_timers() {
	[ -n "$unit" ] || return 0
	last=${1:-$(($(cat "$run/timer" 2>/dev/null || echo 0) + 1))} number=1
	while [ "$number" -lt "$last" ]; do
		systemctl stop "$name-$number.timer" 2>/dev/null
		systemctl reset-failed "$name-$number.service" 2>/dev/null
		number=$((number + 1))
	done
}

# instance tells one start of the daemon from another. InvocationID is systemd
# 232's, the rest is older.
instance() {
	systemctl show -p MainPID -p InvocationID -p ExecMainStartTimestampMonotonic "$unit"
}

active() { systemctl is-active --quiet "$unit"; }

# runs_old: the daemon was never started since the files were changed, or was
# started after they were back.
runs_old() {
	active || return
	[ ! -e "$run/booted-clean" ] || return 0
	seen=$(instance)
	[ "$seen" = "$(cat "$dir/instance" 2>/dev/null)" ] || [ "$seen" = "$(cat "$run/instance" 2>/dev/null)" ]
}

# engine SECONDS ARGUMENTS…: the docker CLI, and nothing of anybody's settings.
engine() {
	command -v docker >/dev/null && [ "$endpoint" != none ] || return
	limit=$1
	shift
	limited "$limit" env DOCKER_HOST="$endpoint" DOCKER_CONTEXT='' DOCKER_CONFIG="$dir/none" docker "$@" 2>/dev/null
}

# drop_probes removes containers that a proof left behind. The label is no proof,
# since an image gives its own to all its containers: the name has to be in it.
drop_probes() {
	probes=$(engine 20 ps -a --filter label=io.docker-userns.probe --format '{{.Names}} {{.Label "io.docker-userns.probe"}}' | while read -r probe mark; do
		case $probe-${mark##* } in docker-userns-probe-[0-9a-f]*-"$probe") printf '%s\n' "$probe" ;; esac
	done)
	# shellcheck disable=SC2086 # split into names
	[ -z "$probes" ] || engine 20 rm -f -v $probes >/dev/null
}

# daemon_is_back says in why what the daemon is not that it was, or returns 0.
daemon_is_back() {
	[ -z "$down" ] || return 0 # as it was
	active || {
		because "$unit does not start; 'journalctl -u $unit' says why"
		return 1
	}
	main=$(systemctl show -p MainPID "$unit")
	main=$(identity "${main#MainPID=}")
	still=$(processes_of "$new_root" "${main#*.}")
	# shellcheck disable=SC2086,SC2116 # made one line
	[ -z "$still" ] || {
		because "processes of $new_root still run, and the engine does not know them (PID and container): $(echo $still)"
		return 1
	}
	command -v docker >/dev/null && [ "$endpoint" != none ] || return 0
	waited=0
	until root=$(engine 20 info -f '{{.DockerRootDir}}') && [ -n "$root" ]; do
		waited=$((waited + 1))
		[ "$waited" -lt 20 ] || {
			because "$unit is active, but 'docker info' gets no answer"
			return 1
		}
		sleep 1
	done
	[ -z "$data_root" ] || [ "$root" = "$data_root" ] || {
		because "the engine's data root is $root, not $data_root"
		return 1
	}
}
