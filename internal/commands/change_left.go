package commands

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// answerable refuses a proof that cannot succeed: what it asks is served by a
// container that stays behind in the old data root.
func (t *target) answerable(ctx context.Context, f survey.Facts, o proofOptions) error {
	type asked struct{ flag, value, name, port string }
	var all []asked
	if o.Health != nil {
		name, port := o.Health.URL.Server()
		all = append(all, asked{"--health-url", o.Health.URL.String(), name, port}) // without a password
	}
	if !o.Socket.None() {
		name, port := o.Socket.Server()
		all = append(all, asked{"--probe-socket", o.socket, name, port})
	}
	for _, a := range all {
		number, err := strconv.Atoi(a.port)
		if err != nil || !isHost(a.name, f) {
			continue
		}
		server := t.server(ctx, f, a.name, number)
		if server == "" {
			continue
		}
		then := report.Docker(f, "userns", "verify")
		if a.flag == "--health-url" {
			then = report.Docker(f, "userns", "verify", a.flag, a.value)
		}
		return &escape.LinesError{Lines: []string{
			fmt.Sprintf("%s %s: container %s serves port %d, and it stays behind in the old data root.", a.flag, a.value, server, number),
			"Nothing could answer there until the container is recreated, so the change would be undone.",
			fmt.Sprintf("Leave out %s, recreate the container after the change, and prove it then:", a.flag),
			"", "    " + then,
		}}
	}
	return nil
}

// isHost reports whether a name means the engine's host for certain.
func isHost(name string, f survey.Facts) bool {
	if ip, err := netip.ParseAddr(name); err == nil && ip.IsLoopback() || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return f.SameHost()
	}
	endpoint, err := url.Parse(f.Endpoint)
	return name != "" && (err == nil && endpoint.Hostname() == name || f.Engine.Value.Name == name)
}

// server is the name of the running container that takes connections to a port of
// the host, "" if none is known to.
func (t *target) server(ctx context.Context, f survey.Facts, name string, port int) string {
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
			if sockets = listening(ctx, t.host, port); len(sockets) == 0 {
				return ""
			}
		}
		if t.holds(ctx, c.ID, sockets) {
			return c.Name
		}
	}
	return ""
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
func (t *target) holds(ctx context.Context, id string, sockets []string) bool {
	top, err := t.ContainerTop(ctx, id, []string{"-eo", "pid"})
	if err != nil {
		return false
	}
	var q host.Questions
	for _, row := range top.Processes {
		if pid, err := strconv.Atoi(strings.TrimSpace(strings.Join(row, ""))); err == nil {
			q.Links = append(q.Links, fmt.Sprintf("/proc/%d/fd/*", pid))
		}
	}
	a, err := t.host.Look(ctx, q)
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
