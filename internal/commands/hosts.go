package commands

import (
	"net/url"
	"os"
	"runtime"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/image"
)

// readers are machines whose files can be read.
type readers []interface {
	image.Files
	Close() error
}

// readersOf gives the machines whose files may be those of the engine behind a
// socket of this machine. Nobody is asked for a password: an image can be read without them.
func readersOf(endpoint string) (rs readers) {
	switch {
	case !strings.HasPrefix(endpoint, "unix://") || runtime.GOOS != "linux":
		return nil
	case os.Geteuid() != 0:
		return readers{host.Sudo(nil)}
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
