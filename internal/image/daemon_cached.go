package image

import (
	"bytes"
	"context"
	"strings"

	"github.com/docker/docker/api/types/system"
	"github.com/opencontainers/go-digest"
)

// engine tells engines apart, for what is kept of what they say: by where they are, which
// none of them can choose, and by what can be another one there tomorrow.
func (d Daemon) engine(info system.Info) string {
	if d.At == "" {
		return ""
	}
	return strings.Join([]string{"engine", d.At, info.ID, info.DockerRootDir, info.Driver}, "\x00")
}

// layerOf is the name of a layer as an engine has it, "" if there is none.
func layerOf(engine, digest string) string {
	if engine == "" || digest == "" {
		return ""
	}
	return engine + "\x00" + digest
}

// recallImages finds images of an engine with a graph driver that need no reading: their ID
// is the digest of a configuration that was kept, and all its layers were kept, too.
func recallImages(ctx context.Context, v Visitor, ids []string, found map[string]Image) {
	for _, id := range ids {
		if _, ok := found[id]; ok {
			continue
		}
		raw := cacheOf(v).Document(digest.Digest(id))
		if raw == nil {
			continue
		}
		c, err := readConfig(digest.Digest(id), bytes.NewReader(raw), nil)
		if err != nil {
			continue
		}
		if img, ok := recallImage(ctx, v, id, c); ok {
			found[id] = img
		}
	}
}

func recallImage(ctx context.Context, v Visitor, id string, c imageConfig) (Image, bool) {
	img := Image{Source: sourceDaemon, ID: id, ConfigDigest: id, Platform: c.Platform, Config: c.Config}
	names := make([][]string, len(c.DiffIDs))
	for i, diff := range c.DiffIDs {
		names[i] = []string{diff}
	}
	for i, key := range recall(ctx, v, names) {
		if key == "" {
			return img, false
		}
		img.Layers = append(img.Layers, Layer{Blob: key, DiffID: c.DiffIDs[i]})
	}
	return img, true
}
