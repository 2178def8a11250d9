package remap

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/sh"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// unitOf is the unit of systemd that runs dockerd, "" if there is none.
func unitOf(f survey.Facts) string {
	if f.Unit.Err != nil || f.Unit.Value.Manager != survey.Systemd {
		return ""
	}
	return f.Unit.Value.Name
}

// socketUnitOf is the unit that starts dockerd once its socket is used, "" if there
// is none.
func socketUnitOf(f survey.Facts) string {
	if unitOf(f) == "" || f.Unit.Value.Socket == "" {
		return ""
	}
	return "docker.socket"
}

// socketOf is where the daemon's own host finds it: the unix socket of the
// endpoint or of a flag, otherwise of daemon.json, otherwise the default one. "none" is
// a daemon that has no unix socket.
func socketOf(f survey.Facts) string {
	if strings.HasPrefix(f.Endpoint, "unix://") {
		return f.Endpoint
	}
	doc, _ := f.DaemonJSON()
	var hosts []string
	raw, _ := doc.Get("hosts")
	_ = json.Unmarshal(raw, &hosts) // of another type, dockerd would not have started
	for _, flag := range dockerd.Flags(f.StartArgs()) {
		if flag.Name == "host" {
			hosts = append(hosts, flag.Value)
		}
	}
	for _, h := range hosts {
		if strings.HasPrefix(h, "unix:///") {
			return h
		}
		if strings.HasPrefix(h, "fd://") {
			return defaultSocket
		}
	}
	if len(hosts) > 0 {
		return noSocket
	}
	return defaultSocket
}

const (
	defaultSocket = "unix:///var/run/docker.sock"
	noSocket      = "none"
)

// trusted refuses to plan by what a process says of itself that is not believed to
// be root's dockerd, or to run a program that is not root's alone: arguments
// decide where the engine is, and the program is run.
func trusted(f survey.Facts) error {
	if d := f.Daemon.Value; f.Daemon.Err == nil && d.Doubt != "" {
		return fmt.Errorf("planning: could not confirm that process %d is the dockerd that root runs on this host: %s", d.PID, d.Doubt)
	}
	if s := f.Start.Value; f.Start.Err == nil && s.Doubt != "" {
		return fmt.Errorf("planning: could not confirm that %s is a program of root alone: %s", s.Program, s.Doubt)
	}
	return nil
}

// flagged refuses a key of daemon.json that dockerd is given as a flag too: it does
// not start with both.
func flagged(f survey.Facts, key string) error {
	flag, ok := f.Flag(key)
	if !ok {
		return nil
	}
	given := f.Unit.Value.Given(flag.Word)
	if given == flag.Word {
		given += " of what starts dockerd"
	}
	return fmt.Errorf("%s is set by the flag %s", key, given)
}

// restartCommand is what a user types to restart the daemon.
func restartCommand(u survey.Unit) string {
	switch u.Manager {
	case survey.Systemd:
		return sh.Command("sudo", "systemctl", "restart", u.Name)
	case survey.OpenRC:
		return "sudo rc-service docker restart"
	case survey.SysV:
		return "sudo service docker restart"
	case survey.SnapD:
		return "sudo snap restart docker"
	}
	return "stop the dockerd process, and start it again with the same flags"
}
