package testbed

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// What breaks a host returns what mends it. The end of the test mends it too.

// FillDisk leaves not a block free on the host's only disk.
func (h *Host) FillDisk(tb testing.TB) (mend func()) {
	tb.Helper()
	h.Shell(tb, `avail=$(df --output=avail -k / | tail -n 1)
		fallocate -l $((avail - 64))K /full || true
		! dd if=/dev/zero of=/full bs=4k oflag=append conv=notrunc 2>/dev/null`)
	return h.mendBy(tb, "rm", "-f", "/full")
}

// Kill ends every process of that name on the host, e.g. "dockerd", and waits
// until they are gone: a signal is sent long before its process has ended.
func (h *Host) Kill(tb testing.TB, name string) {
	tb.Helper()
	h.Shell(tb, `pids=$(pgrep --exact `+name+`) && kill -KILL $pids
		for try in $(seq 600); do
			for pid in $pids; do
				[ ! -d /proc/$pid ] || { sleep 0.05; continue 2; }
			done
			exit 0
		done
		echo "$pids outlived SIGKILL by 30 s" >&2; exit 1`)
}

// AwaitEnd waits until a process of this machine has ended that was sent SIGKILL
// and is not a child of this process. One that nobody waits for has ended too.
func AwaitEnd(tb testing.TB, pid int) {
	tb.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || bytes.Contains(stat, []byte(") Z ")) || bytes.Contains(stat, []byte(") X ")) {
			return
		}
	}
	tb.Errorf("process %d outlived SIGKILL by 30 s", pid)
}

// CutLink makes the host fall silent: what is sent to it is lost, and nothing
// says so. Connections stay open until someone loses patience.
func (h *Host) CutLink(tb testing.TB) (mend func()) {
	tb.Helper()
	mac := h.Run(tb, "cat", "/sys/class/net/host0/address")
	// A neighbour known for good: else the kernel itself says "no route to host".
	output(tb, exec.CommandContext(tb.Context(), "ip", "neigh", "replace", h.Address, "lladdr", mac, "nud", "permanent", "dev", h.link))
	h.Run(tb, "ip", "link", "set", "host0", "down")
	return h.mendBy(tb, "ip", "link", "set", "host0", "up")
}

// ReadOnlyEtc makes the host's /etc read-only.
func (h *Host) ReadOnlyEtc(tb testing.TB) (mend func()) {
	tb.Helper()
	h.Shell(tb, "mount --bind /etc /etc; mount -o remount,bind,ro /etc")
	return h.mendBy(tb, "umount", "/etc")
}

// FailRestart makes the next start of docker.service fail. The daemon that runs
// goes on.
func (h *Host) FailRestart(tb testing.TB) (mend func()) {
	tb.Helper()
	const dropIn = "/etc/systemd/system/docker.service.d/fail.conf"
	h.WriteFile(tb, dropIn, []byte("[Service]\nExecStartPre=/bin/false\n"), 0o644)
	h.Run(tb, "systemctl", "daemon-reload")
	return h.mendBy(tb, "sh", "-c", "rm -f "+dropIn+"; systemctl daemon-reload; systemctl reset-failed docker.service docker.socket")
}

// mendBy mends once. A host that is gone needs no mending.
func (h *Host) mendBy(tb testing.TB, args ...string) func() {
	pid := h.PID()
	mend := sync.OnceFunc(func() {
		if h.PID() != pid {
			return
		}
		if out, err := h.Command(args...).CombinedOutput(); err != nil {
			tb.Logf("mending host %s by %s: %v\n%s", h.Name, strings.Join(args, " "), err, out)
		}
	})
	tb.Cleanup(mend)
	return mend
}
