package commands

import (
	"bytes"
	"context"
	"io"
	"path"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
)

// Limits of the authorities that the engine's host has for one registry.
const (
	maxAuthorities  = 16
	maxAuthorityPEM = 64 << 10 // bytes of each
)

// authorities are those in /etc/docker/certs.d of the engine's host, if that is reached by
// ssh, for a registry: what the engine trusts, as PEM. Client certificates stay there, since
// their keys do.
func (e *lazyEngine) authorities(ctx context.Context, registry string) []byte {
	ctx, cancel := context.WithTimeout(ctx, quietTime)
	defer cancel()
	engine, err := e.connect(ctx)
	if err != nil {
		return nil
	}
	h, err := engine.machine(ctx, nil)
	if err != nil || h.Kind() != host.KindSSH {
		return nil
	}
	return authoritiesOf(ctx, h, path.Join("/etc/docker/certs.d", path.Base(path.Clean("/"+registry))))
}

func authoritiesOf(ctx context.Context, h host.Host, folder string) []byte {
	answers, err := h.Look(ctx, host.Questions{Dirs: []string{folder}})
	if err != nil {
		return nil
	}
	var paths []host.Path
	for _, name := range answers.Dirs[folder].Names {
		if strings.HasSuffix(name, ".crt") && len(paths) < maxAuthorities {
			paths = append(paths, host.Path{Name: path.Join(folder, name)})
		}
	}
	if len(paths) == 0 {
		return nil
	}
	var all bytes.Buffer
	_ = h.ReadFiles(ctx, paths, func(_ host.Path, body io.Reader, err error) error {
		if err == nil { // what cannot be read is not trusted
			_, _ = io.Copy(&all, io.LimitReader(body, maxAuthorityPEM))
			all.WriteByte('\n')
		}
		return nil
	})
	return all.Bytes()
}
