package audit

import (
	"archive/tar"
	"bytes"
	"context"
	"strconv"
	"testing"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"gotest.tools/v3/assert"
)

// usual is the map of most remapped engines.
var usual = idmap.Single(100000, 65536)

// An entry is a tar header, and the body of a file.
type entry struct {
	name     string
	uid, gid int
	kind     byte // tar.TypeReg where 0
	body     string
}

// archive makes a layer's tar.
func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Uid: e.uid, Gid: e.gid, Typeflag: e.kind, Size: int64(len(e.body))}
		switch e.kind {
		case 0:
			h.Typeflag = tar.TypeReg
		case tar.TypeLink, tar.TypeSymlink:
			h.Linkname = "target"
		case tar.TypeXGlobalHeader:
			h = &tar.Header{Typeflag: e.kind, PAXRecords: map[string]string{"uid": strconv.Itoa(e.uid)}}
		}
		assert.NilError(t, w.WriteHeader(h))
		_, err := w.Write([]byte(e.body))
		assert.NilError(t, err)
	}
	assert.NilError(t, w.Close())
	return b.Bytes()
}

func visit(t testing.TB, a *Auditor, blob string, layer []byte) {
	t.Helper()
	assert.NilError(t, a.Layer(context.Background(), blob, tarwalk.NewReader(bytes.NewReader(layer))))
}

// made is an image of layers, each with its line of history if there are any.
func made(a *Auditor, t testing.TB, layers [][]entry, history ...string) image.Image {
	t.Helper()
	img := image.Image{Name: "app:1", Source: "docker-archive", ID: "sha256:aa", Platform: "linux/amd64"}
	for i, l := range layers {
		blob := strconv.Itoa(i)
		visit(t, a, blob, archive(t, l...))
		img.Layers = append(img.Layers, image.Layer{Blob: blob, DiffID: "sha256:" + blob})
	}
	for _, h := range history {
		img.Config.History = append(img.Config.History, image.History{CreatedBy: h})
	}
	return img
}

// The verdicts that engines 20.10, 26.1, 28.5 and 29.7 were seen to give.
func TestVerdict(t *testing.T) {
	tests := []struct {
		name  string
		entry entry
		rule  Rule // "" if the engine takes it
	}{
		{"in the map", entry{name: "a", uid: 65535, gid: 65535}, ""},
		{"first past the map", entry{name: "a", uid: 65536}, UnmappedOwner},
		{"group past the map", entry{name: "a", gid: 65536}, UnmappedOwner},
		{"negative", entry{name: "a", uid: -1}, UnmappedOwner},
		{"beyond 32 bits", entry{name: "a", gid: 1 << 33}, UnmappedOwner},
		{"4294967295", entry{name: "a", uid: 4294967295}, UnmappedOwner},
		{"directory", entry{name: "a/", uid: 70000, kind: tar.TypeDir}, UnmappedOwner},
		{"symbolic link", entry{name: "a", uid: 70000, kind: tar.TypeSymlink}, UnmappedOwner},
		{"hard link", entry{name: "a", uid: 70000, kind: tar.TypeLink}, UnmappedOwner},
		{"fifo", entry{name: "a", uid: 70000, kind: tar.TypeFifo}, UnmappedOwner},
		{"device", entry{name: "a", uid: 70000, kind: tar.TypeChar}, UnmappedOwner},
		{"whiteout", entry{name: "d/.wh.a", uid: 70000}, UnmappedOwner},
		{"opaque marker", entry{name: "d/.wh..wh..opq", uid: 70000}, UnmappedOwner},
		{"AUFS note", entry{name: ".wh..wh.plnk", uid: 70000}, UnmappedOwner},
		{"root ./", entry{name: "./", uid: 70000, kind: tar.TypeDir}, ""},
		{"root .", entry{name: ".", uid: 70000, kind: tar.TypeDir}, ""},
		{"root by a detour", entry{name: "a/..", uid: 70000, kind: tar.TypeDir}, ""},
		{"root /", entry{name: "/", uid: 70000, kind: tar.TypeDir}, UnmappedOwner},
		{"PAX global", entry{name: "a", uid: 70000, kind: tar.TypeXGlobalHeader}, ""},
		{"alias of root", entry{name: "a", uid: 100000}, RootAlias},
		{"alias of root's group", entry{name: "a", gid: 100000}, RootAlias},
		{"past the alias", entry{name: "a", uid: 100001}, UnmappedOwner},
		{"alias and unmapped", entry{name: "a", uid: 100000, gid: 70000}, UnmappedOwner},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			a := New(Options{Map: usual, Paths: 10})
			r := a.Report(made(a, t, [][]entry{{tc.entry}}))
			want := Mappable
			if tc.rule == UnmappedOwner {
				want = Unmappable
			}
			assert.Equal(t, r.Verdict, want)
			if tc.rule == "" {
				assert.Equal(t, len(r.Findings), 0)
				return
			}
			assert.Equal(t, len(r.Findings), 1)
			f := r.Findings[0]
			assert.Equal(t, f.Rule, tc.rule)
			assert.Equal(t, f.UID, int64(tc.entry.uid))
			assert.Equal(t, f.GID, int64(tc.entry.gid))
			assert.Equal(t, f.Count, int64(1))
		})
	}
}

func single(size int64) idmap.Map { return idmap.Single(100000, size) }

func headerOf(name string, uid int64) *tarwalk.Header {
	return &tarwalk.Header{Name: []byte(name), UID: uid, Type: tar.TypeReg}
}
