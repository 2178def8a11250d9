package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
)

// recordLayer is one layer of the engine's layer store.
type recordLayer struct {
	chain, diff string            // digests: of the layer with all below it, and of its own tar
	key         string            // what the visitor knows it by
	cache       string            // name of its directory in the graph driver
	bodies      map[string][]byte // of etc/passwd and etc/group, if it has them
	err         error             // why it has to come from the engine; nil once it was visited
}

var errUnread = errors.New("the engine's record of the layer was not read")

// layersOf gives an image's layers, lowest first. The store names each by its
// chain ID (image-spec, config.md, "Layer ChainID").
func layersOf(c imageConfig) []*recordLayer {
	chains := make([]digest.Digest, len(c.DiffIDs))
	for i, d := range c.DiffIDs {
		chains[i] = digest.Digest(d)
	}
	layers := make([]*recordLayer, len(chains))
	for i, chain := range identity.ChainIDs(chains) {
		layers[i] = &recordLayer{chain: chain.String(), diff: c.DiffIDs[i], key: c.DiffIDs[i], err: errUnread}
	}
	return layers
}

// recall finds the layers that need no reading.
func (r *records) recall(ctx context.Context, v Visitor, layers []*recordLayer) {
	names := make([][]string, len(layers))
	for i, l := range layers {
		names[i] = []string{l.diff, layerOf(r.engine, l.diff)}
	}
	for i, key := range recall(ctx, v, names) {
		if l := layers[i]; key != "" {
			l.key, l.err = key, nil
		} else if v.Seen(l.key) {
			l.err = nil
		}
	}
}

// lookup finds the graph driver's directory of each layer that is to be
// visited, and compares the record with the DiffID that the image's
// configuration has. The second round trip.
func (r *records) lookup(ctx context.Context, layers []*recordLayer) {
	byPath := map[host.Path]*recordLayer{}
	var paths []host.Path
	for _, l := range layers {
		if l.err == nil {
			continue
		}
		for _, name := range []string{"diff", "cache-id"} {
			p := r.layerPath(l, name)
			byPath[p] = l
			paths = append(paths, p)
		}
	}
	err := r.readFiles(ctx, paths, func(p host.Path, body io.Reader, err error) error {
		l := byPath[p]
		if err := l.learn(path.Base(p.Name), body, err); err != nil {
			l.err = fmt.Errorf("reading %s: %w", p, err)
		}
		return nil
	})
	failAll(layers, err)
}

// readFiles asks nothing if there is nothing to ask for.
func (r *records) readFiles(ctx context.Context, paths []host.Path, each func(host.Path, io.Reader, error) error) error {
	if len(paths) == 0 {
		return nil
	}
	return r.files.ReadFiles(ctx, paths, each)
}

// failAll gives an error to all layers that wait to be read.
func failAll(layers []*recordLayer, err error) {
	for _, l := range layers {
		if err != nil && l.err == errUnread {
			l.err = err
		}
	}
}

// learn takes in the file diff or cache-id, in this order.
func (l *recordLayer) learn(name string, body io.Reader, err error) error {
	if err != nil {
		return err
	}
	b, err := readAll(body, maxShort)
	if err != nil {
		return err
	}
	text := strings.TrimSpace(string(b))
	if name == "diff" {
		if text != l.diff {
			return fmt.Errorf("it says %q where the image has %s", text, l.diff)
		}
		return nil
	}
	if !isCacheID(text) {
		return fmt.Errorf("%q is not the name of a layer directory", text)
	}
	l.cache = text
	return nil
}

// isCacheID keeps names that would lead elsewhere out of paths.
func isCacheID(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == ""
}

func (r *records) layerPath(l *recordLayer, name string) host.Path {
	algorithm, hex, _ := strings.Cut(l.chain, ":")
	return host.Path{Name: path.Join(r.imageRoot(), "layerdb", algorithm, hex, name)}
}

// bodyPaths are the files of a layer whose contents matter, by their names in
// the layer. None for a driver whose directories do not just hold the layer.
func (r *records) bodyPaths(l *recordLayer) map[string]host.Path {
	var dir string
	switch r.driver {
	case "overlay2":
		dir = path.Join(r.dataRoot, "overlay2", l.cache, "diff")
	case "vfs":
		dir = path.Join(r.dataRoot, "vfs/dir", l.cache)
	default:
		return nil
	}
	return map[string]host.Path{"etc/passwd": {Root: dir, Name: "/etc/passwd"}, "etc/group": {Root: dir, Name: "/etc/group"}}
}
