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
func (t twin) images(ctx context.Context) error {
	for _, id := range t.Images {
		t.tell("image " + id)
		err := t.image(ctx, strings.TrimPrefix(id, "sha256:"))
		if err != nil && !t.hasImage(id) {
			continue // it was removed meanwhile
		}
		if err != nil {
			return fmt.Errorf("image %s: %w", id, err)
		}
	}
	if err := t.references(); err != nil {
		return err
	}
	return t.plain(ctx, pulled)
}

func (t twin) image(ctx context.Context, id string) error {
	chains, err := t.chains(id)
	if err != nil {
		return err
	}
	for _, chain := range chains {
		if err := t.layer(ctx, chain); err != nil {
			return fmt.Errorf("layer sha256:%s: %w", chain, err)
		}
	}
	if err := t.plain(ctx, filepath.Join(imageStore, "metadata/sha256", id)); err != nil {
		return err
	}
	return t.plain(ctx, filepath.Join(imageStore, "content/sha256", id))
}

// chains are the names of an image's layers in the layer store, lowest first. The ID of
// the image is without its algorithm.
func (j Job) chains(id string) ([]string, error) {
	data, err := os.ReadFile(filepath.Join(j.From, imageStore, "content/sha256", id))
	if err != nil {
		return nil, err
	}
	var image struct {
		RootFS struct {
			DiffIDs []digest.Digest `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if digest.SHA256.FromBytes(data).Encoded() != id {
		return nil, errors.New("its configuration is damaged")
	}
	if err := json.Unmarshal(data, &image); err != nil {
		return nil, fmt.Errorf("its configuration: %w", err)
	}
	for _, d := range image.RootFS.DiffIDs {
		if err := d.Validate(); err != nil {
			return nil, err
		}
	}
	var chains []string
	for _, chain := range identity.ChainIDs(image.RootFS.DiffIDs) {
		chains = append(chains, chain.Encoded())
	}
	return chains, nil
}

var (
	cacheID = regexp.MustCompile(`^[0-9a-f]{64}$`)
	linkID  = regexp.MustCompile(`^[0-9A-Z]{26}$`)
)

// layer copies one layer, unless the twin has it. Layers never change, and an engine
// makes the record of one when all of it is there.
func (t twin) layer(ctx context.Context, chain string) error {
	record := filepath.Join(layerStore, chain)
	if _, err := os.Lstat(filepath.Join(t.To, record)); err == nil {
		return t.layerAgain(ctx, chain)
	}
	if t.hasLayer(chain) {
		return t.keeping().layer(ctx, chain)
	}
	id, err := t.word(filepath.Join(record, "cache-id"), cacheID)
	if err != nil {
		return err
	}
	if err := t.layerFiles(ctx, id, t.options()); err != nil {
		return err
	}
	part := filepath.Join(t.To, record+".part")
	if err := t.makeAbove(record); err != nil {
		return err
	}
	if err := Tree(ctx, filepath.Join(t.From, record), part, Options{}); err != nil {
		return err
	}
	return os.Rename(part, filepath.Join(t.To, record))
}

// layerFiles copies the folder of a layer that the storage driver has: its files, and
// the short names by which layers above it are mounted.
func (t twin) layerFiles(ctx context.Context, id string, o Options) error {
	folder := filepath.Join(driver, id)
	link, err := t.word(filepath.Join(folder, "link"), linkID)
	if err != nil {
		return err
	}
	to := filepath.Join(t.To, folder)
	if err := folderAt(to, 0o710, 0, t.group()); err != nil {
		return err
	}
	o.Layer = true
	if err := Tree(ctx, filepath.Join(t.From, folder, "diff"), filepath.Join(to, "diff"), o); err != nil {
		return err
	}
	for _, name := range []string{"link", "lower", "committed"} {
		if err := t.plain(ctx, filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	if _, err := os.Lstat(filepath.Join(t.From, folder, "work")); err == nil { // the lowest has none
		uid, gid := t.root()
		if err := folderAt(filepath.Join(to, "work"), 0o700, uid, gid); err != nil {
			return err
		}
	}
	err = os.Symlink(filepath.Join("..", id, "diff"), filepath.Join(t.To, driver, "l", link))
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

// word reads a file of the old data root that holds one word of a form.
func (j Job) word(name string, form *regexp.Regexp) (string, error) {
	return wordIn(filepath.Join(j.From, name), form)
}

func wordIn(path string, form *regexp.Regexp) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if !form.Match(data) {
		return "", fmt.Errorf("%s has %.80q, which no engine wrote", path, data)
	}
	return string(data), nil
}

// references writes the names of the images that are carried.
func (t twin) references() error {
	names, err := t.repositories()
	if err != nil || names.Repositories == nil && !t.merges() {
		return err
	}
	for repository, tags := range names.Repositories {
		for name, id := range tags {
			if !slices.Contains(t.Images, id.String()) {
				delete(tags, name)
			}
		}
		if len(tags) == 0 {
			delete(names.Repositories, repository)
		}
	}
	if t.merges() {
		if err := t.keepNames(&names); err != nil {
			return err
		}
	}
	data, err := json.Marshal(names)
	if err != nil {
		return err
	}
	if err := t.makeAbove(references); err != nil {
		return err
	}
	return writeFile(filepath.Join(t.To, references), data, 0o600)
}

// repositories are the names of all images.
type repositories struct {
	Repositories map[string]map[string]digest.Digest
}

// add adds names.
func (r *repositories) add(others repositories) {
	if r.Repositories == nil {
		r.Repositories = map[string]map[string]digest.Digest{}
	}
	for repository, tags := range others.Repositories {
		for name, id := range tags {
			if r.Repositories[repository] == nil {
				r.Repositories[repository] = map[string]digest.Digest{}
			}
			r.Repositories[repository][name] = id
		}
	}
}

func (j Job) repositories() (repositories, error) {
	var names repositories
	data, err := os.ReadFile(filepath.Join(j.From, references))
	if errors.Is(err, os.ErrNotExist) {
		return names, nil
	}
	if err != nil {
		return names, err
	}
	if err := json.Unmarshal(data, &names); err != nil {
		return names, fmt.Errorf("read %s: %w", filepath.Join(j.From, references), err)
	}
	return names, nil
}
