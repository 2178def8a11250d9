//go:build linux

package carry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
)

// The stores of an engine, below its data root: layer/filestore.go, image/fs.go and
// reference/store.go of moby, the same from 20.10 to 29.
const (
	layerStore = "image/" + driver + "/layerdb/sha256"
	imageStore = "image/" + driver + "/imagedb"
	references = "image/" + driver + "/repositories.json"
	pulled     = "image/" + driver + "/distribution"
)

// images copies the images, each after all of its layers, so that whatever is in the
// twin's stores is whole.
func (j Job) images(ctx context.Context) error {
	for _, id := range j.Images {
		if err := j.image(ctx, strings.TrimPrefix(id, "sha256:")); err != nil {
			return fmt.Errorf("image %s: %w", id, err)
		}
	}
	if err := j.references(); err != nil {
		return err
	}
	return j.plain(ctx, pulled)
}

func (j Job) image(ctx context.Context, id string) error {
	config := filepath.Join(imageStore, "content/sha256", id)
	data, err := os.ReadFile(filepath.Join(j.From, config))
	if err != nil {
		return err
	}
	var image struct {
		RootFS struct {
			DiffIDs []digest.Digest `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if digest.SHA256.FromBytes(data).Encoded() != id {
		return errors.New("its configuration is damaged")
	}
	if err := json.Unmarshal(data, &image); err != nil {
		return fmt.Errorf("its configuration: %w", err)
	}
	for _, d := range image.RootFS.DiffIDs {
		if err := d.Validate(); err != nil {
			return err
		}
	}
	for _, chain := range identity.ChainIDs(image.RootFS.DiffIDs) {
		if err := j.layer(ctx, chain.Encoded()); err != nil {
			return fmt.Errorf("layer %s: %w", chain, err)
		}
	}
	if err := j.plain(ctx, filepath.Join(imageStore, "metadata/sha256", id)); err != nil {
		return err
	}
	return j.plain(ctx, config)
}

var (
	cacheID = regexp.MustCompile(`^[0-9a-f]{64}$`)
	linkID  = regexp.MustCompile(`^[0-9A-Z]{26}$`)
)

// layer copies one layer, unless the twin has it. Layers never change, and an engine
// makes the record of one when all of it is there.
func (j Job) layer(ctx context.Context, chain string) error {
	record := filepath.Join(layerStore, chain)
	if _, err := os.Lstat(filepath.Join(j.To, record)); err == nil {
		return nil
	}
	id, err := j.word(filepath.Join(record, "cache-id"), cacheID)
	if err != nil {
		return err
	}
	if err := j.layerFiles(ctx, id); err != nil {
		return err
	}
	part := filepath.Join(j.To, record+".part")
	if err := j.makeAbove(record); err != nil {
		return err
	}
	if err := Tree(ctx, filepath.Join(j.From, record), part, Options{}); err != nil {
		return err
	}
	return os.Rename(part, filepath.Join(j.To, record))
}

// layerFiles copies the folder of a layer that the storage driver has: its files, and
// the short names by which layers above it are mounted.
func (j Job) layerFiles(ctx context.Context, id string) error {
	folder := filepath.Join(driver, id)
	link, err := j.word(filepath.Join(folder, "link"), linkID)
	if err != nil {
		return err
	}
	to := filepath.Join(j.To, folder)
	if err := folderAt(to, 0o710, 0, j.group()); err != nil {
		return err
	}
	o := j.options()
	o.Layer = true
	if err := Tree(ctx, filepath.Join(j.From, folder, "diff"), filepath.Join(to, "diff"), o); err != nil {
		return err
	}
	for _, name := range []string{"link", "lower", "committed"} {
		if err := j.plain(ctx, filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	if _, err := os.Lstat(filepath.Join(j.From, folder, "work")); err == nil { // the lowest has none
		uid, gid := j.root()
		if err := folderAt(filepath.Join(to, "work"), 0o700, uid, gid); err != nil {
			return err
		}
	}
	err = os.Symlink(filepath.Join("..", id, "diff"), filepath.Join(j.To, driver, "l", link))
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

// word reads a file that holds one word of a form.
func (j Job) word(name string, form *regexp.Regexp) (string, error) {
	data, err := os.ReadFile(filepath.Join(j.From, name))
	if err != nil {
		return "", err
	}
	if !form.Match(data) {
		return "", fmt.Errorf("%s has %.80q, which no engine wrote", filepath.Join(j.From, name), data)
	}
	return string(data), nil
}

// references writes the names of the images that are carried.
func (j Job) references() error {
	data, err := os.ReadFile(filepath.Join(j.From, references))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var names struct {
		Repositories map[string]map[string]digest.Digest
	}
	if err := json.Unmarshal(data, &names); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Join(j.From, references), err)
	}
	for repository, tags := range names.Repositories {
		for name, id := range tags {
			if !slices.Contains(j.Images, id.String()) {
				delete(tags, name)
			}
		}
		if len(tags) == 0 {
			delete(names.Repositories, repository)
		}
	}
	if data, err = json.Marshal(names); err != nil {
		return err
	}
	if err := j.makeAbove(references); err != nil {
		return err
	}
	return writeFile(filepath.Join(j.To, references), data, 0o600)
}
