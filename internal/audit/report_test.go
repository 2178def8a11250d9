package audit

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

// npmReport is the article's case: npm as root, and a chown that comes too late.
func npmReport(t testing.TB) Report {
	a := New(Options{Map: usual, Paths: 2})
	modules := []entry{{name: "app/", kind: tar.TypeDir}, {name: "app/node_modules/", kind: tar.TypeDir}, {name: "app/package.json"}}
	var chowned []entry
	for _, file := range []string{"HISTORY.md", "LICENSE", "README.md", "index.js", "package.json"} {
		e := entry{name: "app/node_modules/content-type/" + file, uid: 1516583083, body: "x"}
		modules = append(modules, e)
		e.uid = 0
		chowned = append(chowned, e)
	}
	modules = append(modules,
		entry{name: "app/node_modules/cookie-signature/index.js", uid: 501, gid: 20},
		entry{name: "app/node_modules/alias/caf\xe9\x1b[31m", uid: 100000},
		entry{name: "usr/local/lib/node_modules/npm/x", uid: 1516583083})
	chowned = append(chowned, entry{name: "usr/local/lib/node_modules/.wh.npm"})
	img := made(a, t, [][]entry{
		{{name: "etc/passwd", body: somePasswd}, {name: "etc/group", body: someGroup}},
		modules, chowned,
		{{name: "app/server", uid: 1000000}},
	},
		"/bin/sh -c #(nop) ADD file:0a1b in / ", "RUN |1 NPM=9.1.1 /bin/sh -c npm i -g npm@${NPM}  && npm ci # buildkit",
		"RUN /bin/sh -c find node_modules ! -user root | xargs chown root:root # buildkit", "COPY --chown=1000000 /out/server /app/server # buildkit")
	img.Config.User = "big"
	img.Layers[0].Digest = "sha256:f0"
	return a.Report(img, image.Image{Name: "debian:12", Layers: img.Layers[:1]})
}

func TestReportJSON(t *testing.T) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	assert.NilError(t, e.Encode(npmReport(t)))
	golden.Assert(t, b.String(), "report.json.golden")
}

// An image with nothing in it has lists, not nulls.
func TestEmptyReport(t *testing.T) {
	b, err := json.Marshal(New(Options{Map: usual}).Report(image.Image{}))
	assert.NilError(t, err)
	assert.Assert(t, !strings.Contains(string(b), "null"), string(b))
}

func TestSARIF(t *testing.T) {
	for file, d := range map[string]*Dockerfile{"report.sarif.golden": nil, "report-lines.sarif.golden": someDockerfile(t)} {
		var b bytes.Buffer
		r := npmReport(t)
		r.Dockerfile = d
		assert.NilError(t, SARIF(&b, []Report{r}, SARIFOptions{Version: "1.0.0"}))
		log, err := sarif.FromBytes(b.Bytes())
		assert.NilError(t, err)
		assert.NilError(t, log.Validate())
		golden.Assert(t, b.String(), file)
	}
}

// Fingerprints stay when the image is built again, and tell results apart.
func TestSARIFFingerprints(t *testing.T) {
	prints := func(r Report) map[string]bool {
		all := map[string]bool{}
		for _, res := range results(r, SARIFOptions{}) {
			print := res.PartialFingerprints["primaryLocationLineHash"]
			assert.Assert(t, !all[print], "twice: %s", *res.Message.Text)
			all[print] = true
		}
		return all
	}
	first := npmReport(t)
	again := npmReport(t)
	again.Image, again.ID, again.Layers[1].DiffID = "app:2", "sha256:bb", "sha256:cc"
	assert.DeepEqual(t, prints(first), prints(again))
}

// Code scanning keeps 5,000 results: errors go first, and the rest is counted.
func TestSARIFOfMany(t *testing.T) {
	a := New(Options{Map: usual})
	var layers [][]entry
	for l := range 30 {
		var entries []entry
		for i := range maxFolders + 10 {
			entries = append(entries, entry{name: "d" + strconv.Itoa(i) + "/f", uid: 100000 + l%2})
		}
		layers = append(layers, entries)
	}
	var b bytes.Buffer
	r := a.Report(made(a, t, layers))
	assert.NilError(t, SARIF(&b, []Report{r}, SARIFOptions{}))
	log, err := sarif.FromBytes(b.Bytes())
	assert.NilError(t, err)
	run := log.Runs[0]
	assert.Equal(t, len(run.Results), maxResults)
	assert.Equal(t, run.Results[0].Level, "error")
	assert.Equal(t, *run.Invocations[0].ToolExecutionNotifications[0].Message.Text, "5000 of 7710 results are given: code scanning keeps no more")
}
