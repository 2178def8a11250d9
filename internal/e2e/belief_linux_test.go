package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// forged has an ordinary user run a program that calls itself dockerd and says
// that it serves the host's data root. What its arguments name as its program
// tells who ran it.
const forged = `printf '#!/bin/sh\nid -u >>/home/guest/ran\n' >/home/guest/evil; cp "$(command -v perl)" /home/guest/dockerd
	cat >/home/guest/forge <<-'END'
		open(my $comm, ">", "/proc/self/comm") or die; syswrite($comm, "dockerd");
		open(my $stat, "<", "/proc/self/stat") or die; my @fields = split(" ", <$stat>);
		my $args = "/home/guest/evil\0--data-root=/data/docker\0--config-file=/etc/docker/daemon.json";
		open(my $mem, "+<", "/proc/self/mem") or die; sysseek($mem, $fields[47], 0);
		syswrite($mem, $args . ("\0" x ($fields[48] - $fields[47] - length($args)))) or die;
		sleep 100000;
	END
	chmod 755 /home/guest/*; chown guest: /home/guest/*
	setsid runuser -u guest -- /home/guest/dockerd /home/guest/forge $(seq 100) >/dev/null 2>&1 </dev/null &
	for i in $(seq 100); do ! pgrep -u guest -f '^/home/guest/evil --data-root=/data/docker' >/dev/null || exit 0; sleep 0.1; done; exit 1`

// Nothing that a process says of itself is believed: neither an ordinary user's
// program nor root in a container can pass for the daemon, whose data root is
// behind a symlink here. A second dockerd of root's is named.
func TestBelievesNoNames(t *testing.T) {
	t.Parallel()
	host := boot(t, testbed.Engine28)
	install(t, host)
	host.Shell(t, `systemctl stop docker.socket docker; mkdir -p /data/docker; mount --bind /var/lib/docker /data/docker
		umount /var/lib/docker; rmdir /var/lib/docker; ln -s ../../data/docker /var/lib/docker; systemctl start docker`)
	inUse(t, host)
	host.Shell(t, forged)
	host.Shell(t, `docker run -d --name=decoy --network=none bb sh -c 'printf dockerd >/proc/$$/comm; sleep 100000 & wait'
		for i in $(seq 100); do [ "$(pgrep -cx dockerd)" -lt 3 ] || exit 0; sleep 0.1; done; pgrep -ax dockerd; exit 1`)
	oldFiles, oldEngine := files(t, host), engine(t, host)

	for from, j := range map[string]judged{"over ssh": over(t, host, "root"), "on the host": on(t, host, "root"), "through sudo": on(t, host, "opnp")} {
		assert.Check(t, j.code == 0, "%s: %v", from, j.found("error"))
		for _, id := range []string{"daemon-place", "daemon-process", "single-daemon", "service-state", "data-root-path", "config-file"} {
			assert.Check(t, j.of(t, id).Status == "ok", "%s: %s: %s", from, id, j.of(t, id).Message)
		}
		assert.Check(t, strings.Contains(j.of(t, "daemon-process").Message, "/usr/sbin/dockerd"), "%s: %s", from, j.of(t, "daemon-process").Message)
	}
	t.Run("a second engine", func(t *testing.T) {
		host.Shell(t, `systemd-run --unit=second /usr/sbin/dockerd --data-root /srv/second --exec-root /run/second -H unix:///run/second.sock --pidfile /run/second.pid --bridge=none --iptables=false
			for i in $(seq 200); do ! docker -H unix:///run/second.sock info >/dev/null 2>&1 || exit 0; sleep 0.1; done; exit 1`)
		before := marks(t, host)
		a := change(t, host, "root", "enable", "--yes")
		assert.Check(t, a.code == 1 && strings.Contains(a.stderr, "single-daemon"), "%d: %s%s", a.code, a.stdout, a.stderr)
		for _, want := range []string{"unix:///run/second.sock", "/srv/second"} {
			assert.Check(t, strings.Contains(a.stdout, want), "no %q in %s", want, a.stdout)
		}
		assert.Equal(t, marks(t, host), before)
		host.Shell(t, "systemctl stop second")
	})
	a := change(t, host, "root", "enable", "--yes", "--stable=1s")
	assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
	assert.Equal(t, onHost(t, host, "info", "-f", "{{.DockerRootDir}}"), "/data/docker/165536.165536")
	a = change(t, host, "root", "verify")
	assert.Check(t, a.code == 0, "%s%s", a.stdout, a.stderr)

	host.Shell(t, "systemctl stop docker.socket docker")
	a = here(t, host, "root", "disable", "--yes", "--stable=1s", "--restore-subids", "--reclaim")
	assert.Equal(t, a.code, 0, "%s%s", a.stdout, a.stderr)
	assert.Check(t, strings.Contains(a.stdout, "The data root is /data/docker."), a.stdout)
	assert.Equal(t, files(t, host), oldFiles)
	host.Run(t, "docker", "start", "once", "decoy")
	assert.Equal(t, engine(t, host), oldEngine)
	settled(t, host)
	assert.Equal(t, host.Shell(t, "cat /home/guest/ran 2>/dev/null || true"), "", "a user's program was run")
	assert.Check(t, host.Shell(t, "pgrep -u guest -x dockerd") != "", "it still runs")
}
