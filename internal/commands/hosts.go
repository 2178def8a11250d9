package commands

import (
	"errors"
	"net/url"
	"os"
	"runtime"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/image"
)

// hostOf is the machine that the engine at an endpoint runs on, as far as it can
// be reached: over the ssh of the endpoint, or this machine as root or through
// sudo, which may ask for a password where ask is given.
func hostOf(endpoint string, ask host.Ask) host.Host {
	scheme, _, _ := strings.Cut(endpoint, "://")
	switch {
	case scheme == "ssh":
		h, err := host.SSH(endpoint)
		if err != nil {
			return host.None{Why: err}
		}
		return h
	case scheme != "unix":
		return host.None{Why: errors.New("its engine is reached over " + scheme + ", which leads to no files; use a context with ssh:// instead, or run this on the host itself")}
	case runtime.GOOS != "linux":
		return host.None{Why: errors.New("this machine runs " + runtime.GOOS + ", so its engine runs in a virtual machine")}
	case os.Geteuid() == 0:
		return host.Local()
	}
	return host.Sudo(ask)
}

// readers are machines whose files can be read.
type readers []interface {
	image.Files
	Close() error
}

// readersOf gives the machines whose files may be those of the engine at an
// endpoint. Nobody is asked for a password: an image can be read without them.
func readersOf(endpoint string) (rs readers) {
	if !strings.HasPrefix(endpoint, "unix://") || runtime.GOOS == "linux" && os.Geteuid() != 0 {
		h := hostOf(endpoint, nil)
		if h.Kind() == host.KindNone {
			return nil
		}
		return readers{h}
	}
	roots, err := host.Daemons(socketPath(endpoint))
	if err != nil {
		return nil
	}
	for _, r := range roots {
		rs = append(rs, r)
	}
	return rs
}

// socketPath is the path of a unix socket's endpoint, which is written as in a
// URL.
func socketPath(endpoint string) string {
	path := strings.TrimPrefix(endpoint, "unix://")
	if unescaped, err := url.PathUnescape(path); err == nil {
		return unescaped
	}
	return path
}

func (rs readers) files() (files []image.Files) {
	for _, r := range rs {
		files = append(files, r)
	}
	return files
}

// Close lets go of the machines.
func (rs readers) Close() {
	for _, r := range rs {
		_ = r.Close()
	}
}
