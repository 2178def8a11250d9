package carry_test

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/client"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testengine"
)

var (
	seed  = flag.Uint64("seed", 0, "replay the images of this seed")
	count = flag.Uint64("images", 60, "how many images are generated")
)

// The copy of a layer is what a remapped engine makes of the same layer.
func TestLayersAsAnEngineMakesThem(t *testing.T) {
	plain, remapped := testengine.Start(t, testengine.Options{}), testengine.Start(t, testengine.Options{Remap: true})
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	api, mappedAPI := plain.Client(t), remapped.Client(t)
	info, err := api.Info(t.Context())
	assert.NilError(t, err)
	if info.Driver != "overlay2" {
		t.Skipf("needs an engine with overlay2, and this file system gives it %s", info.Driver)
	}
	compared := 0
	for n := range *count {
		img := imagetest.Generate(*seed, n)
		if !load(t, mappedAPI, img.Archive) {
			continue // which a carried image has to be, too
		}
		assert.Assert(t, load(t, api, img.Archive))
		inspect, err := api.ImageInspect(t.Context(), img.Name)
		assert.NilError(t, err)
		for _, chain := range chains(inspect.RootFS.Layers) {
			from, to := layer(t, plain.DataRoot(), chain), target(t)
			assert.NilError(t, carry.Tree(t.Context(), from, to, carry.Options{Shift: shift, Layer: true, Workers: 2}))
			loaded := layer(t, filepath.Join(remapped.DataRoot(), "100000.100000"), chain)
			equal(t, withoutUnpackTimes(tree(t, to, same)), withoutUnpackTimes(tree(t, loaded, same)))
			compared++
		}
		assert.Assert(t, !t.Failed(), "%s:\n%s", img.Name, img.What)
	}
	t.Logf("%d layers", compared)
	assert.Assert(t, compared > int(*count)/4)
}

// load reports whether the engine takes the image.
func load(t *testing.T, api *client.Client, archive []byte) bool {
	t.Helper()
	resp, err := api.ImageLoad(context.Background(), bytes.NewReader(archive))
	assert.NilError(t, err)
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	assert.NilError(t, err)
	return strings.Contains(string(said), "Loaded image")
}

func chains(diffIDs []string) []digest.Digest {
	var all []digest.Digest
	for _, id := range diffIDs {
		all = append(all, digest.Digest(id))
	}
	return identity.ChainIDs(all)
}

// layer is the folder of a layer's files.
func layer(t *testing.T, root string, chain digest.Digest) string {
	t.Helper()
	id, err := os.ReadFile(filepath.Join(root, "image/overlay2/layerdb/sha256", chain.Encoded(), "cache-id"))
	assert.NilError(t, err)
	return filepath.Join(root, "overlay2", string(id), "diff")
}

// withoutFolderTimes leaves out the times of folders: those that no layer names are
// made when the layer is unpacked.
func withoutUnpackTimes(lines map[string]string) map[string]string {
	for path, line := range lines {
		folder, whiteout := strings.HasPrefix(line, "4"), strings.HasPrefix(line, "2") && strings.Contains(line, " device 0")
		if words := strings.Split(line, " "); folder || whiteout { // by their S_IFMT, in octal
			lines[path] = strings.Join(append(words[:2:2], words[3:]...), " ")
		}
	}
	return lines
}
