package commands

import (
	"net/url"
	"os"
	"runtime"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/image"
)

// A reader is a machine whose files can be read, and what lets go of it.
type reader struct {
	image.Files
	close func() error
}

type readers []reader

// readersOf gives the machines whose files may be those of the engine behind a
// socket of this machine. Nobody is asked for a password: an image can be read without them.
func readersOf(endpoint string) (rs readers) {
	switch {
	case !strings.HasPrefix(endpoint, "unix://") || runtime.GOOS != "linux":
		return nil
	case os.Geteuid() != 0:
		sudo := host.Sudo(nil)
		return readers{{sudo, sudo.Close}}
	}
	roots, err := host.Daemons(socketPath(endpoint))
	if err != nil {
		return nil
	}
	for _, r := range roots {
		rs = append(rs, reader{r, r.Close})
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
		files = append(files, r.Files)
	}
	return files
}

// Close lets go of the machines.
func (rs readers) Close() {
	for _, r := range rs {
		_ = r.close()
	}
}
