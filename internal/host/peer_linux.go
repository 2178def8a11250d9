package host

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Listener is the process that called listen(2) for a unix socket: SO_PEERCRED,
// unix(7). That is dockerd itself, systemd where it activates dockerd, or a
// program such as ssh or socat that leads elsewhere. PID is 0 if the process
// is out of sight, as the host's are from within a container.
func Listener(ctx context.Context, socket string) (Process, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return Process{}, err
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return Process{}, err
	}
	var cred *unix.Ucred
	var errCred error
	if err := raw.Control(func(fd uintptr) {
		cred, errCred = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return Process{}, err
	}
	if errCred != nil {
		return Process{}, fmt.Errorf("asking who listens on %s: %w", socket, errCred)
	}
	p := Process{PID: int(cred.Pid), UID: int(cred.Uid)}
	if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.PID)); err == nil {
		p.Name = strings.TrimSuffix(string(comm), "\n")
	}
	return p, nil
}
