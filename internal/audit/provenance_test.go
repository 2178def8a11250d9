package audit

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/image"
	"gotest.tools/v3/assert"
)

// proof is a provenance that BuildKit of Docker 29 made.
func proof(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/provenance-" + name + ".json")
	assert.NilError(t, err)
	return b
}

// provenImage is the image that the provenances of v0.2 and v1 are of.
func provenImage(t testing.TB, a *Auditor) image.Image {
	t.Helper()
	img := made(a, t, [][]entry{{{name: "bin/busybox"}}, {{name: "bin/sh"}}, {{name: "etc/passwd"}}, {{name: "srv/deep"}},
		{{name: "srv/out/f", uid: 70000, gid: 70001}}, {{name: "srv/x", uid: 70005}}, {{name: "srv/y", uid: 70002}}},
		"COPY busybox /bin/busybox # buildkit", "RUN /bin/busybox --install -s /bin # buildkit", "RUN /bin/sh -c echo … # buildkit",
		"ARG APPUID=70005", "WORKDIR /srv/deep", "COPY /out /srv/out # buildkit",
		"RUN |1 APPUID=70005 /bin/sh -c echo … # buildkit", "RUN |1 APPUID=70005 /bin/sh -c touch … # buildkit", "USER 70005")
	img.Config.User = "70005"
	for _, i := range []int{3, 8} {
		img.Config.History[i].Empty = true
	}
	for i, digest := range []string{
		"85503a2ad0a8d6e9888cb04356be3cf53f3b9c924d7f757b5d2ce455810fc942", "113d7054a7909c6156e6de7f442194c00fb3e791cebf39e35bce147b1f925b5a",
		"368591de9198fcea31787d572049fa7856c5c4cd50daf37a565edcfcd6bb5817", "30c18dc468baf5dfcf3e3b1939c415682191f7e8dc0005f99508fe67857528e9",
		"fe640090b7b5b7532de8452221a3ffa4b7617173488f39cd2939ebed5f003944", "adec76ea817d9d78c22ab9912c04433d1325736ae41fd97c20e4ae817221cad6",
		"0d352cbd3a52c074c79940e95bc3cbd2a90946991010a4b4fe10fe4e9a0d6ae3",
	} {
		img.Layers[i].Digest = "sha256:" + digest
	}
	return img
}

// Provenance tells the lines of each layer, the flags that history leaves out, the stage that files
// come from, and which build arguments were given.
func TestProvenance(t *testing.T) {
	for _, version := range []string{"v0.2", "v1"} {
		a := New(Options{Map: usual, Paths: 10})
		img := provenImage(t, a)
		img.Provenance = proof(t, version)
		r := a.Report(img)
		assert.DeepEqual(t, r.Lines(), []Lines{{3, 3}, {4, 4}, {5, 5}, {15, 15}, {16, 16}, {17, 17}, {18, 21}})
		assert.Equal(t, r.Dockerfile.Name, "Dockerfile")
		assert.Equal(t, r.Findings[0].Fix, "line 8: ARG OUTER=9998; "+
			"line 9: RUN --mount=type=cache,target=/var/cache  mkdir -p /out && echo x >/out/f &&  chown -R ${OUTER}:9999 /out", version)
		assert.Equal(t, r.Findings[1].Fix, "build with --build-arg APPUID=10001")
		assert.Equal(t, r.Findings[2].Changes[0].Start, 18)
	}
}

// A Dockerfile that was given counts, and if it is the one that was built, its lines are known
// as exactly.
func TestProvenanceBesideADockerfile(t *testing.T) {
	a := New(Options{Map: usual})
	img := provenImage(t, a)
	img.Provenance = proof(t, "v1")
	text := a.Report(img).Dockerfile.file.Text
	for name, given := range map[string]string{"x/same": text, "x/other": "FROM scratch\n" + text} {
		d, err := ParseDockerfile(name, strings.NewReader(given))
		assert.NilError(t, err)
		b := New(Options{Map: usual, Dockerfile: d})
		img := provenImage(t, b)
		img.Provenance = proof(t, "v1")
		r := b.Report(img)
		assert.Equal(t, r.Dockerfile.Name, name)
		if name == "x/same" {
			assert.Equal(t, r.Lines()[6], Lines{18, 21})
		} else {
			assert.Equal(t, r.Lines()[6], Lines{}) // the history above is made up
		}
	}
}

// A layer of the base image has the lines of the FROM; the layer of a COPY --link is its own.
func TestProvenanceOfABase(t *testing.T) {
	a := New(Options{Map: usual})
	img := provenImage(t, a)
	more := made(a, t, [][]entry{{{name: "opt/bb", uid: 70007, gid: 70007}}, {{name: "x"}}, {{name: "opt/z", uid: 70008}}})
	for i, digest := range []string{
		"50236d4747b43e2e7dafb9b38a2b6ec8271ce003b9ba163619435c0c82b74fc5", "4f4fb700ef54", "868555fee3f5",
	} {
		more.Layers[i].Digest, more.Layers[i].Blob = "sha256:"+digest, fmt.Sprint("more", i)
		img.Config.History = append(img.Config.History, image.History{CreatedBy: "RUN …"})
	}
	img.Layers = append(img.Layers, more.Layers...)
	img.Provenance = proof(t, "link")
	r := a.Report(img)
	assert.Equal(t, r.Dockerfile.Name, "App.dockerfile")
	for i, l := range r.Layers {
		assert.Equal(t, l.Base, i < 7, i)
	}
	assert.DeepEqual(t, r.Lines()[6:8], []Lines{{1, 1}, {3, 3}})
}

// What tells nothing is as if there were none.
func TestProvenanceThatTellsNothing(t *testing.T) {
	for name, raw := range map[string][]byte{"mode=min": proof(t, "min"), "empty": []byte("{}"), "not JSON": []byte("x"), "a list": []byte("[]"), "other layers": proof(t, "link")} {
		a := New(Options{Map: usual})
		img := provenImage(t, a)
		if name == "other layers" {
			for i := range img.Layers {
				img.Layers[i].Digest = "sha256:aa"
			}
		}
		before := a.Report(img)
		img.Provenance = raw
		after := a.Report(img)
		after.Dockerfile = nil
		for i := range after.Findings {
			assert.Equal(t, after.Findings[i].Fix, before.Findings[i].Fix, name)
		}
	}
}

// hostileProof is a provenance with a Dockerfile of any text, whose steps are on each of its lines.
func hostileProof(text string, layers []image.Layer) []byte {
	locations, chains := map[string]any{}, map[string]any{}
	for i, l := range layers {
		step := fmt.Sprint("step", i)
		locations[step] = map[string]any{"locations": []any{map[string]any{"ranges": []any{map[string]any{"start": map[string]any{"line": i - 1}}}}}}
		chains[step+":0"] = []any{[]any{map[string]any{"digest": l.Digest}}}
	}
	raw, err := json.Marshal(map[string]any{"predicate": map[string]any{"runDetails": map[string]any{"metadata": map[string]any{"buildkit_metadata": map[string]any{
		"vcs": map[string]any{"localdir:dockerfile": "../../../etc"}, "layers": chains,
		"source": map[string]any{"locations": locations, "infos": []any{map[string]any{"data": []byte(text)}}},
	}}}}})
	if err != nil {
		panic(err)
	}
	return raw
}

// FuzzProvenance takes any text for the Dockerfile of a provenance.
func FuzzProvenance(f *testing.F) {
	for _, text := range []string{"FROM x\nRUN a\nCOPY --from=0 a b\nUSER 70000", "FROM a AS a\nFROM a AS a\nFROM a\n", "FROM", "\x00", "ARG a=b\nFROM $a"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a := New(Options{Map: usual})
		img := provenImage(t, a)
		img.Provenance = hostileProof(text, img.Layers)
		r := a.Report(img)
		_ = r.Lines()
		_, _ = json.Marshal(r)
	})
}
