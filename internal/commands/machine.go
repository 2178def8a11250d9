package commands

import (
	"context"
	"net/url"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/image"
)

// machine is the machine that the engine runs on, as far as its endpoint says. It is
// opened once: for an ssh endpoint together with the engine, since one connection leads
// to both. ask is used only if this call opens it.
func (e *engine) machine(ctx context.Context, ask host.Ask) (host.Host, error) {
	if e.host != nil {
		return e.host, nil
	}
	h, err := host.Open(ctx, e.endpoint, ask)
	if err != nil {
		return nil, err
	}
	e.host = h
	return h, nil
}

// files are the file systems of that machine in which the engine's images and tables may
// be: on this machine those that its dockerd sees, which may run in a container or in
// another mount namespace, and elsewhere the login's own. There is none if only root
// could look: images can be read without them, so nobody is asked for a password.
func (e *engine) files(ctx context.Context) (files []image.Files, done func()) {
	h, err := e.machine(ctx, nil)
	if err != nil || h.Kind() == host.KindNone {
		return nil, func() {}
	}
	if h.Kind() != host.KindLocal {
		return []image.Files{h}, func() {}
	}
	roots, err := host.Daemons(socketPath(e.endpoint))
	if err != nil {
		return nil, func() {}
	}
	for _, r := range roots {
		files = append(files, r)
	}
	return files, func() {
		for _, r := range roots {
			_ = r.Close()
		}
	}
}

// socketPath is the path in the endpoint of a unix socket, which is written as in a
// URL.
func socketPath(endpoint string) string {
	path := strings.TrimPrefix(endpoint, "unix://")
	if unescaped, err := url.PathUnescape(path); err == nil {
		return unescaped
	}
	return path
}
