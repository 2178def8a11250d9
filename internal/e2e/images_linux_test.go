package e2e

import (
	"bytes"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/testbed"
)

const npmOwner = 1516583083

// npmFile is the path of the file that no engine with a map of 65536 IDs takes.
const npmFile = "app/node_modules/content-type/index.js"

// pictures are the images of the stories: one that is fine, one with npm's
// owners, one whose USER cannot start.
var pictures = map[string][]byte{
	"fine:1": imagetest.Archive("fine:1", "", step("RUN useradd app", imagetest.File{Name: "app/"}, imagetest.File{Name: "app/run", UID: 1000, GID: 1000})),
	"npm:1": imagetest.Archive("npm:1", "", step("WORKDIR /app", imagetest.File{Name: "app/"}),
		step("RUN npm i", imagetest.File{Name: "app/node_modules/"}, imagetest.File{Name: npmFile, UID: npmOwner})),
	"user:1": imagetest.Archive("user:1", "70000", step("COPY who /app/who", imagetest.File{Name: "app/who"})),
}

func step(by string, files ...imagetest.File) imagetest.Step {
	return imagetest.Step{By: by, Layer: imagetest.Layer(files...)}
}

func loadPictures(t *testing.T, host *testbed.Host) {
	t.Helper()
	for name, archive := range pictures {
		assert.NilError(t, host.Load(t.Context(), bytes.NewReader(archive)), name)
	}
}
