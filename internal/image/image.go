// Package image finds the layers of images wherever images can be: in a
// daemon, in the daemon's own layer records, in an archive or folder, in a
// registry. It hands each layer's headers to a visitor, as they come, and
// returns what it learnt of the images. Nothing is unpacked or written.
package image

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/docker-userns/docker-userns/internal/unpack"
)

// A Visitor is given the layers of images. A source calls it from at most two
// goroutines at once, once for each blob that it has not Seen, before it
// returns the images that the blobs belong to.
type Visitor interface {
	// Seen says that a blob was visited before: it needs no reading.
	Seen(blob string) bool
	// Layer reads the headers of a blob. Its error ends the reading of that
	// blob. What it leaves unread, the source reads if it has to check a
	// digest.
	Layer(ctx context.Context, blob string, headers tarwalk.Headers) error
}

// A BlobVisitor is given blobs as they are stored, instead of their headers, and one at a
// time: Layer is not called.
type BlobVisitor interface {
	Visitor
	// Blob reads the blob of a layer, by the name that [Layer] has for it. The size in bytes
	// is as the place says. What it leaves unread is read afterwards, and checked against the
	// digest in the name. Its error ends the reading of that blob.
	Blob(ctx context.Context, name string, size int64, r io.Reader) error
}

// A Source is a place that holds one or more images.
type Source interface {
	// Images visits every layer of every image that was asked for. An image
	// that could not be read whole has Err set, and the others are read all the
	// same; the error is for when the source itself could not be read.
	Images(ctx context.Context, v Visitor) ([]Image, error)
}

// Image is what is known of one image for one platform.
type Image struct {
	Name         string // as asked for, or as the archive tags it, e.g. "app:1"
	Source       string // "daemon", "layer-records", "docker-archive", "oci-archive", "oci", "registry"
	ID           string // what its engine shows as ID, otherwise ConfigDigest
	ConfigDigest string // of its configuration, "sha256:…"
	Platform     string // e.g. "linux/amd64", "linux/arm64/v8"
	Config       Config
	Layers       []Layer // those of an image for Windows are not read, and have no Blob
	Err          error

	// Tags are all names that the place gives the image. An engine is not asked for those
	// of an image that it was asked for by one.
	Tags []string
	// Provenance is the in-toto statement of how it was built, as it is, nil if there is none.
	// Nothing in it is trusted.
	Provenance []byte
	// Manifest and RawConfig are its documents as they are, if a [BlobVisitor] asked.
	// There is no Manifest where the place has none of OCI's or of docker's schema 2.
	Manifest, RawConfig []byte
}

// Layer is one layer of an image, lowest first.
type Layer struct {
	Blob   string      // what the Visitor was given, unique in a run
	DiffID string      // digest of the uncompressed tar, "sha256:…"
	Digest string      // digest of the blob as stored, "" if the source has none
	Name   string      // of the blob in its place, the same each time that the place is read
	Form   unpack.Form // how the blob is packed; an engine sends its layer records as plain tar
}

// Config is the part of an image's configuration that an audit needs (OCI
// image-spec, config.md).
type Config struct {
	User    string
	Env     []string
	Labels  map[string]string
	History []History
}

// History is one instruction that made the image. Empty ones made no layer.
type History struct {
	Created   time.Time
	CreatedBy string
	Comment   string
	Empty     bool
}

// Windows reports whether it is an image for Windows. No engine on Linux takes one, and
// its layers need not be where the image is.
func (i Image) Windows() bool {
	os, _, _ := strings.Cut(i.Platform, "/")
	return os == "windows"
}
