package audit

import (
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func someDockerfile(t testing.TB) *Dockerfile {
	t.Helper()
	f, err := os.Open("testdata/Dockerfile")
	assert.NilError(t, err)
	defer f.Close()
	d, err := ParseDockerfile("Dockerfile", f)
	assert.NilError(t, err)
	return d
}

func TestDockerfileLines(t *testing.T) {
	tests := []struct {
		instruction string
		base        bool
		want        Lines
	}{
		{"ADD rootfs.tar.xz /", true, Lines{6, 6}},
		{"WORKDIR /app", false, Lines{7, 7}},
		{"COPY package*.json ./", false, Lines{8, 8}},
		{"RUN npm i -g npm@${NPM}  && npm ci", false, Lines{10, 12}},
		{"RUN was taken out since", false, Lines{}},
		{"COPY --chown=1000000 /out/server /app/server", false, Lines{16, 16}},
		{"RUN npm run build\nrm -rf /tmp/x\n", false, Lines{17, 20}},
		{"COPY a b /data/", false, Lines{21, 21}},
		{"", false, Lines{}},
	}
	var layers []Layer
	var want []Lines
	for _, tc := range tests {
		layers = append(layers, Layer{Instruction: tc.instruction, Base: tc.base})
		want = append(want, tc.want)
	}
	assert.DeepEqual(t, someDockerfile(t).Lines(layers), want)
}

// The classic builder's history has sums in place of names, and other stages than
// the last can be built.
func TestDockerfileLinesOfAnotherStage(t *testing.T) {
	got := someDockerfile(t).Lines([]Layer{{Instruction: "WORKDIR /app"}, {Instruction: "COPY file:0a1b in /app/"}, {Instruction: "RUN npm i -g npm@${NPM} && npm ci"}})
	assert.DeepEqual(t, got, []Lines{{7, 7}, {8, 8}, {10, 12}})
	got = someDockerfile(t).Lines([]Layer{{Instruction: "RUN go build -o /out/server ./..."}})
	assert.DeepEqual(t, got, []Lines{{4, 4}})
}

// The same instruction twice is two lines, in order.
func TestDockerfileLinesInOrder(t *testing.T) {
	d, err := ParseDockerfile("Dockerfile", strings.NewReader("FROM a\nRUN x\nRUN y\nRUN x\n"))
	assert.NilError(t, err)
	got := d.Lines([]Layer{{Instruction: "RUN x"}, {Instruction: "RUN y"}, {Instruction: "RUN x"}})
	assert.DeepEqual(t, got, []Lines{{2, 2}, {3, 3}, {4, 4}})
}

func TestDockerfileThatIsNone(t *testing.T) {
	_, err := ParseDockerfile("x/Dockerfile", strings.NewReader(""))
	assert.ErrorContains(t, err, "reading x/Dockerfile: ")
}

// buildah writes an exec form into the history as JSON.
func TestDockerfileLinesOfExecForms(t *testing.T) {
	d, err := ParseDockerfile("Dockerfile", strings.NewReader("FROM a\nRUN [\"sh\", \"-c\", \"tar xf \\\"a\\\"\"]\nRUN [\"x\"]\n"))
	assert.NilError(t, err)
	got := d.Lines([]Layer{{Instruction: `RUN ["sh", "-c", "tar xf \"a\""]`}, {Instruction: `RUN ["x"]`}, {Instruction: `RUN ["y"]`}})
	assert.DeepEqual(t, got, []Lines{{2, 2}, {3, 3}, {}})
}

// A here-document that names its program is run as a file.
func TestDockerfileLinesOfScripts(t *testing.T) {
	d, err := ParseDockerfile("Dockerfile", strings.NewReader("FROM a\nRUN <<EOF\n#!/bin/bash\nx\nEOF\nRUN y\n"))
	assert.NilError(t, err)
	got := d.Lines([]Layer{{Instruction: "RUN /dev/pipes/EOF"}, {Instruction: "RUN y"}})
	assert.DeepEqual(t, got, []Lines{{2, 5}, {6, 6}})
}
