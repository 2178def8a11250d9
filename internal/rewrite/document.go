package rewrite

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/unpack"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// documents makes the configuration and the manifest. If nothing has changed they are
// those of the original.
func (r *rewriter) documents(original image.Image, layers []written) (Image, error) {
	var err error
	made := Image{Config: original.RawConfig, Manifest: original.Manifest, Changed: r.plan.User != original.Config.User}
	for i, l := range layers {
		made.Layers, made.DiffIDs = append(made.Layers, l.Blob), append(made.DiffIDs, l.diffID)
		made.Changed = made.Changed || l.diffID.String() != original.Layers[i].DiffID
	}
	if made.Changed {
		if made.Config, err = r.config(original.RawConfig, made.DiffIDs); err != nil {
			return Image{}, fmt.Errorf("changing its configuration: %w", err)
		}
	}
	if made.Platform, err = platformOf(made.Config); err != nil {
		return Image{}, err
	}
	if made.Manifest == nil {
		made.Manifest, err = newManifest(made.Config, layers)
	} else if made.Changed {
		made.Manifest, err = changeManifest(made.Manifest, made.Config, layers)
	}
	if err != nil {
		return Image{}, fmt.Errorf("changing its manifest: %w", err)
	}
	made.MediaType, err = mediaType(made.Manifest)
	return made, err
}

// object is a JSON object, of which all that is not changed stays as it is.
type object map[string]json.RawMessage

func (o object) set(key string, v any) error {
	raw, err := json.Marshal(v)
	o[key] = raw
	return err
}

var errTwiceNamed = errors.New("it has a key twice")

// distinct is an error if two keys differ in the case of their letters alone: who reads
// the object with encoding/json, as engines do, takes one for the other.
func (o object) distinct() error {
	seen := make(map[string]bool, len(o))
	for key := range o {
		folded := strings.ToLower(strings.ToUpper(key))
		if seen[folded] {
			return errTwiceNamed
		}
		seen[folded] = true
	}
	return nil
}

// change has f change the object under a key, which can be missing.
func (o object) change(key string, f func(object) error) error {
	inner := object{}
	if raw := o[key]; len(raw) > 0 && string(raw) != "null" {
		if err := json.Unmarshal(raw, &inner); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	if err := f(inner); err != nil {
		return err
	}
	return o.set(key, inner)
}

// config gives the configuration with the new DiffIDs, the new USER and a line of history.
func (r *rewriter) config(raw []byte, diffIDs []digest.Digest) ([]byte, error) {
	var c object
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, err
	}
	if err := c.change("rootfs", func(o object) error { return o.set("diff_ids", diffIDs) }); err != nil {
		return nil, err
	}
	if r.plan.User != r.from.Config.User {
		if err := c.change("config", func(o object) error { return o.set("User", r.plan.User) }); err != nil {
			return nil, err
		}
	}
	var history []json.RawMessage
	if raw := c["history"]; len(raw) > 0 {
		if err := json.Unmarshal(raw, &history); err != nil {
			return nil, err
		}
	}
	line, err := r.history(c["created"])
	if err != nil {
		return nil, err
	}
	if err := c.set("history", append(history, line)); err != nil {
		return nil, err
	}
	made, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return made, r.hold(made, diffIDs)
}

// hold reads a configuration as engines do: one that has a key twice, in letters of
// another case, may say something else to them.
func (r *rewriter) hold(made []byte, diffIDs []digest.Digest) error {
	var c ocispec.Image
	if err := json.Unmarshal(made, &c); err != nil {
		return err
	}
	if c.Config.User != r.plan.User || !slices.Equal(c.RootFS.DiffIDs, diffIDs) {
		return errTwiceNamed
	}
	return nil
}

// maxNoted is how many IDs the line of history names.
const maxNoted = 10

// history is a line that says what was done. Its time is that of the image, so that the
// same image always becomes the same one.
func (r *rewriter) history(created json.RawMessage) (json.RawMessage, error) {
	var notes []string
	for i, m := range r.plan.Moves {
		if i == maxNoted {
			notes = append(notes, "…")
			break
		}
		notes = append(notes, note(m))
	}
	line := object{"empty_layer": json.RawMessage("true")}
	if len(created) > 0 {
		line["created"] = created
	}
	err := errors.Join(line.set("created_by", "docker-userns audit-image --rewrite"), line.set("comment", strings.Join(notes, ", ")))
	if err != nil {
		return nil, err
	}
	return json.Marshal(line)
}

func note(m audit.Move) string {
	kind := "UID"
	if m.Group {
		kind = "GID"
	}
	if m.Others {
		return "further IDs to 0"
	}
	return fmt.Sprintf("%s %d to %d", kind, m.From, m.To)
}

func platformOf(config []byte) (ocispec.Platform, error) {
	var c ocispec.Image
	err := json.Unmarshal(config, &c)
	return c.Platform, err
}

func mediaType(manifest []byte) (string, error) {
	var m struct {
		MediaType string `json:"mediaType"`
	}
	err := json.Unmarshal(manifest, &m)
	return cmp.Or(m.MediaType, ocispec.MediaTypeImageManifest), err
}

// newManifest is for an image that had none.
func newManifest(config []byte, layers []written) ([]byte, error) {
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromBytes(config), Size: int64(len(config))},
		Layers: []ocispec.Descriptor{},
	}
	for _, l := range layers {
		m.Layers = append(m.Layers, ocispec.Descriptor{MediaType: layerTypes[l.form], Digest: l.Digest, Size: l.Size})
	}
	return json.Marshal(m)
}

// OCI has no type for bzip2 and xz; what is unpacked is recognized by its bytes.
var layerTypes = map[unpack.Form]string{
	unpack.PlainTar: ocispec.MediaTypeImageLayer, unpack.Bzip2: ocispec.MediaTypeImageLayer, unpack.XZ: ocispec.MediaTypeImageLayer,
	unpack.Gzip: ocispec.MediaTypeImageLayerGzip, unpack.Zstd: ocispec.MediaTypeImageLayerZstd,
}

// changeManifest gives a manifest with the new configuration and layers.
func changeManifest(raw, config []byte, layers []written) ([]byte, error) {
	var m object
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	if err := m.distinct(); err != nil {
		return nil, err
	}
	if err := m.change("config", func(o object) error { return describe(o, Blob{digest.FromBytes(config), int64(len(config))}) }); err != nil {
		return nil, err
	}
	var all []object
	if err := json.Unmarshal(m["layers"], &all); err != nil {
		return nil, err
	}
	if len(all) != len(layers) {
		return nil, errors.New("it lists other layers")
	}
	for i, o := range all {
		if err := describe(o, layers[i].Blob); err != nil {
			return nil, err
		}
	}
	if err := m.set("layers", all); err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

// describe puts a blob into a descriptor. What else it said of the old bytes, such as where
// files are in them, is left out.
func describe(o object, b Blob) error {
	if o == nil {
		return errors.New("it has null for a layer")
	}
	if err := o.distinct(); err != nil {
		return err
	}
	var old digest.Digest
	if err := json.Unmarshal(o["digest"], &old); err == nil && old == b.Digest {
		return nil
	}
	for _, key := range []string{"data", "urls", "annotations"} {
		delete(o, key)
	}
	return errors.Join(o.set("digest", b.Digest), o.set("size", b.Size))
}
