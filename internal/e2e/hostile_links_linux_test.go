package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// Links of an image lead nowhere but into it, and nothing in it is opened but
// regular files: whoever looks at it gets an answer, and leaves nothing behind.
func TestLinksOutOfImages(t *testing.T) {
	host := boot(t, testbed.Engine28)
	install(t, host)
	host.Shell(t, `tree() { rm -rf /tmp/tree; mkdir -p /tmp/tree/etc /tmp/tree/usr; }
		save() { tar -C /tmp/tree -c . | docker import -c 'USER app' - "$1"; docker create --name "${1%:1}" -v /srv/data:/data "$1" x; }
		mkdir -p /srv/data; chown 1234:1234 /srv/data; chmod 700 /srv/data
		tree; ln -s /proc/kmsg /tmp/tree/etc/passwd; ln -s ../../../../../../../../proc/kmsg /tmp/tree/etc/group; save kmsg:1
		# In a container, as the host is one, /proc/kmsg is a fifo. This one is a regular file whose reader waits.
		mount -t tracefs tracefs /sys/kernel/tracing || :
		tree; ln -s /sys/kernel/tracing/trace_pipe /tmp/tree/etc/passwd; save trace:1
		tree; mkfifo /tmp/tree/etc/passwd; mknod /tmp/tree/etc/group c 1 5; save fifo:1
		tree; rmdir /tmp/tree/etc; ln -s /proc/self/root/etc /tmp/tree/etc; save etc:1
		tree; echo app:x:1234:1234::/:/bin/sh >/tmp/tree/usr/accounts; ln -s /usr/accounts /tmp/tree/etc/passwd; save inner:1`)
	images := []string{"kmsg:1", "trace:1", "fifo:1", "etc:1", "inner:1"}
	for from, docker := range map[string]func(args ...string) *exec.Cmd{
		"over ssh": func(args ...string) *exec.Cmd {
			return host.DockerCommand(append([]string{"--context", "root"}, args...)...)
		},
		"over ssh with sudo": func(args ...string) *exec.Cmd {
			return host.DockerCommand(append([]string{"--context", "opnp"}, args...)...)
		},
		"on the host": func(args ...string) *exec.Cmd { return host.Command(append([]string{"docker"}, args...)...) },
		"with sudo": func(args ...string) *exec.Cmd {
			return host.Command("su", "-", "opnp", "-c", "docker "+strings.Join(args, " "))
		},
	} {
		t.Run(from, func(t *testing.T) {
			a := ask(t, docker(append([]string{"userns", "audit-image", "--format", "json"}, images...)...))
			for _, name := range images {
				r := reports(t, a)[name]
				assert.Check(t, r.Verdict == "mappable", "%s: %s\n%s", name, r.Verdict, a.stderr)
			}
			j := checked(t, ask(t, docker("userns", "check", "--format", "json")))
			mounts := j.of(t, "impact-bind-mounts")
			assert.Check(t, strings.Contains(mounts.noted("inner"), "user 101234 "), "%+v", mounts)
			assert.Check(t, strings.Contains(mounts.noted("kmsg"), "user"), "%+v", mounts)
			assert.Equal(t, ask(t, docker("userns", "verify")).code, 1) // it is not remapped
		})
	}
	held := host.Shell(t, "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -e /proc/kmsg -e trace_pipe -e /etc/passwd -e /etc/group || :")
	assert.Equal(t, held, "", "left behind on the host")
}
