package image

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/docker-userns/docker-userns/internal/dockerd"
)

// What an archive, a registry or an engine says is not believed to be an image at
// any price: these bounds keep what is read within 64 MiB and some seconds. Real
// images are far below them.
const (
	maxLayers = 1_000 // of one image; an engine takes 125
	maxImages = 2_000 // of one archive, folder, stream or name in a registry
	maxTars   = 5_000 // layers that are read of it

	maxDocument  = 8 << 20
	maxDocuments = 32 << 20 // taken together
	maxObjects   = 75_000   // in them: JSON of 3 bytes can take 200 in memory,
	maxValues    = 500_000  // or 16

	// What is not an image but, say, a whole file system is found out before its
	// list of files fills the memory.
	maxEntries = 50_000
	maxNames   = 16 << 20 // bytes
)

// tooDeep is the error of an image that is not read.
func tooDeep(layers int) error {
	return fmt.Errorf("it has %d layers, and no more than %d are read; engines refuse more than %d with \"max depth exceeded\"", layers, maxLayers, dockerd.MaxLayers)
}

var (
	errTars   = fmt.Errorf("it has more than %d layers, and no more are read of one place", maxTars)
	errIsJSON = errors.New("it is not a tar, but JSON")
)

func tooMany(images int) error {
	return fmt.Errorf("it lists %d images, and no more than %d are read of one place", images, maxImages)
}

// tally counts what documents take up.
type tally struct{ bytes, objects, values int }

// add counts a document, and refuses it if there would be too much.
func (t *tally) add(document []byte) error {
	t.bytes += len(document)
	t.objects += bytes.Count(document, []byte{'{'})
	t.values += bytes.Count(document, []byte{','})
	if t.bytes > maxDocuments || t.objects > maxObjects || t.values > maxValues {
		return fmt.Errorf("the manifests and configurations take more than %d MiB, %d objects or %d values", maxDocuments>>20, maxObjects, maxValues)
	}
	return nil
}
