package testbed

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Upgrade puts engine 29 in the place of a host's engine 28.5, with the containerd
// and runc it needs, and starts it. Images and containers stay in overlay2, as on
// every engine that is upgraded with some.
func (h *Host) Upgrade(tb testing.TB) {
	tb.Helper()
	tree := strings.TrimSpace(output(tb, exec.CommandContext(tb.Context(), script(), "tree", string(Engine29))))
	const units = "docker.socket docker.service containerd.service"
	h.Shell(tb, "systemctl stop "+units)
	for _, program := range []string{"sbin/dockerd", "bin/containerd", "bin/containerd-shim-runc-v2", "sbin/runc"} {
		h.copyIn(tb, filepath.Join(tree, "usr", program), "/usr/"+program)
	}
	h.Shell(tb, "systemctl start "+units+"; systemctl reset-failed "+units) // systemd limits how often a unit is started
	h.Engine = Upgraded29
}

// copyIn puts a program of this machine on the host.
func (h *Host) copyIn(tb testing.TB, from, to string) {
	tb.Helper()
	program, err := os.Open(from)
	if err != nil {
		tb.Fatalf("copying a program to host %s: %v", h.Name, err)
	}
	defer program.Close()
	cmd := h.Command("install", "-m", "755", "/dev/stdin", to)
	cmd.Stdin = program
	output(tb, cmd)
}
