package proof

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker-userns/docker-userns/internal/verify"
)

// ServedBy gives the name of the running container that takes connections to a TCP port
// of the host by a name of it: "" if none is known to, or if the name may be of another
// machine.
func ServedBy(ctx context.Context, t verify.Target, f survey.Facts, name string, port int) string {
	if !isHost(name, f) {
		return ""
	}
	shares := map[string]bool{} // of those in the host's network
	for _, c := range f.Containers.Value {
		if !c.Running() {
			continue
		}
		if slices.ContainsFunc(c.Ports, func(p survey.Port) bool { return p.Protocol == "tcp" && p.Number == port && leads(p.Address, name) }) {
			return c.Name
		}
		shares[c.Name] = c.NetworkMode == "host"
	}
	var sockets []string
	for _, c := range f.Containers.Value {
		if !shares[c.Name] {
			continue
		}
		if sockets == nil {
			if sockets = listening(ctx, t.Host, port); len(sockets) == 0 {
				return ""
			}
		}
		if holds(ctx, t, c.ID, sockets) {
			return c.Name
		}
	}
	return ""
}

// isHost reports whether a name means the engine's host for certain.
func isHost(name string, f survey.Facts) bool {
	if ip, err := netip.ParseAddr(name); err == nil && ip.IsLoopback() || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return f.SameHost()
	}
	endpoint, err := url.Parse(f.Endpoint)
	return name != "" && (err == nil && endpoint.Hostname() == name || f.Engine.Value.Name == name)
}

// leads reports whether a port that is bound to an address of the host takes
// connections to a name of it.
func leads(address, name string) bool {
	bound, err := netip.ParseAddr(address)
	asked, noAddress := netip.ParseAddr(name)
	switch {
	case err != nil || bound.IsUnspecified():
		return true
	case noAddress == nil:
		return bound == asked
	}
	return bound.IsLoopback() == (name == "localhost" || strings.HasSuffix(name, ".localhost"))
}

const tcpSockets = "tcp"

// listening are the sockets of the host that listen on a port, as links of
// /proc/PID/fd name them. The lines of /proc/net/tcp, proc_pid_net(5), have the
// local port in hex, the state (0A listens) and the inode.
func listening(ctx context.Context, h host.Host, port int) []string {
	a, err := h.Look(ctx, host.Questions{Lines: []host.Lines{{Name: tcpSockets, Globs: []string{"/proc/1/net/tcp", "/proc/1/net/tcp6"}}}})
	if err != nil {
		return nil
	}
	var sockets []string
	for _, lines := range a.Lines[tcpSockets].Files {
		for _, line := range lines {
			field := strings.Fields(line)
			if len(field) > 9 && field[3] == "0A" && strings.HasSuffix(field[1], fmt.Sprintf(":%04X", port)) {
				sockets = append(sockets, "socket:["+field[9]+"]")
			}
		}
	}
	return sockets
}

// holds reports whether a process of a container has one of the sockets open.
func holds(ctx context.Context, t verify.Target, id string, sockets []string) bool {
	top, err := t.API.ContainerTop(ctx, id, []string{"-eo", "pid"})
	if err != nil {
		return false
	}
	var q host.Questions
	for _, row := range top.Processes {
		if pid, err := strconv.Atoi(strings.TrimSpace(strings.Join(row, ""))); err == nil {
			q.Links = append(q.Links, fmt.Sprintf("/proc/%d/fd/*", pid))
		}
	}
	a, err := t.Host.Look(ctx, q)
	if err != nil {
		return false
	}
	for _, links := range a.Links {
		for _, to := range links {
			if slices.Contains(sockets, to) {
				return true
			}
		}
	}
	return false
}
