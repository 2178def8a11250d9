package survey

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/docker/docker/api/types/image"
)

// Image is an image of the store, not its layers: those are package image's.
type Image struct {
	ID      string   // digest of its configuration
	Tags    []string // "app:1"; empty if it has no name
	Size    int64    // bytes, layers shared with others included
	Created time.Time
}

func (c *caller) images(ctx context.Context) ([]Image, error) {
	list, err := call(c, func() ([]image.Summary, error) { return c.api.ImageList(ctx, image.ListOptions{}) })
	if err != nil {
		return nil, fmt.Errorf("listing images: %w", err)
	}
	return imagesOf(list), nil
}

func imagesOf(list []image.Summary) []Image {
	images := make([]Image, 0, len(list))
	for _, s := range list {
		images = append(images, Image{
			ID: s.ID, Size: s.Size, Created: time.Unix(s.Created, 0).UTC(),
			// Before API 1.43 an image without a name has this one.
			Tags: slices.DeleteFunc(slices.Clone(s.RepoTags), func(tag string) bool { return tag == "<none>:<none>" }),
		})
	}
	return images
}
