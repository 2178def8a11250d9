package image

import (
	"encoding/json"
	"fmt"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// imageConfig is what an image's configuration says of it.
type imageConfig struct {
	Platform string // e.g. "linux/arm64/v8", "" if it is not said
	Config   Config
	DiffIDs  []string // of the layers, lowest first; each is a digest
}

// parseConfig reads a configuration: image-spec's config.md, of which docker's
// own is the origin (image/image.go of moby).
func parseConfig(raw []byte) (imageConfig, error) {
	var from ocispec.Image
	if err := json.Unmarshal(raw, &from); err != nil {
		return imageConfig{}, err
	}
	if n := len(from.RootFS.DiffIDs); n > maxLayers {
		return imageConfig{}, tooDeep(n)
	}
	c := imageConfig{Config: Config{User: from.Config.User, Env: from.Config.Env, Labels: from.Config.Labels}}
	if from.OS != "" {
		c.Platform = platforms.Format(from.Platform)
	}
	for i, d := range from.RootFS.DiffIDs {
		if err := d.Validate(); err != nil {
			return imageConfig{}, fmt.Errorf("diff_ids[%d] %q: %w", i, string(d), err)
		}
		c.DiffIDs = append(c.DiffIDs, d.String())
	}
	for _, h := range from.History {
		c.Config.History = append(c.Config.History, historyOf(h))
	}
	return c, nil
}

func historyOf(from ocispec.History) History {
	h := History{CreatedBy: from.CreatedBy, Comment: from.Comment, Empty: from.EmptyLayer}
	if from.Created != nil {
		h.Created = *from.Created
	}
	return h
}
