package testbed

import (
	"fmt"
	"testing"
)

// Remap turns userns-remap on by hand, as a runbook would: the user dockremap,
// one range of size IDs from first on, daemon.json, a restart.
func (h *Host) Remap(tb testing.TB, first, size int) {
	tb.Helper()
	h.Run(tb, "useradd", "--system", "--no-create-home", "--shell", "/bin/false", "dockremap")
	line := fmt.Appendf(nil, "dockremap:%d:%d\n", first, size)
	h.WriteFile(tb, "/etc/subuid", line, 0o644)
	h.WriteFile(tb, "/etc/subgid", line, 0o644)
	h.WriteFile(tb, "/etc/docker/daemon.json", []byte(`{"userns-remap": "dockremap"}`+"\n"), 0o644)
	h.Run(tb, "systemctl", "restart", "docker.service")
}
