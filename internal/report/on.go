package report

import (
	"net/url"

	"github.com/docker-userns/docker-userns/internal/host"
)

// On names the machine that commands for an engine's host are to be typed on, by
// the engine's endpoint and the kind of its host.
func On(endpoint, kind string) string {
	if kind == host.KindLocal || kind == host.KindSudo {
		return "this machine"
	}
	if u, err := url.Parse(endpoint); err == nil && u.Hostname() != "" && (u.Scheme == "ssh" || u.Scheme == "tcp") {
		return u.Hostname()
	}
	return "the engine's host"
}
