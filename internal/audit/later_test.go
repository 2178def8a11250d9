package audit

import (
	"archive/tar"
	"math/rand/v2"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"gotest.tools/v3/assert"
)

func TestLaterLayer(t *testing.T) {
	bad := []entry{{name: "app/x/a", uid: 70000}, {name: "app/x/b", uid: 70000}}
	tests := []struct {
		name  string
		above [][]entry
		want  Later
	}{
		{"nothing above", nil, Remains},
		{"elsewhere", [][]entry{{{name: "app/x/c"}, {name: "b"}}}, Remains},
		{"one of two", [][]entry{{{name: "app/x/a"}}}, Remains},
		{"both chowned", [][]entry{{{name: "./app/x/a"}, {name: "/app/x/b"}}}, Chowned},
		{"in two layers", [][]entry{{{name: "app/x/a"}}, {{name: "app/x/b"}}}, Chowned},
		{"to another unmapped owner", [][]entry{{{name: "app/x/a", uid: 80000}, {name: "app/x/b"}}}, Remains},
		{"whiteouts", [][]entry{{{name: "app/x/.wh.a"}, {name: "app/x/.wh.b"}}}, Removed},
		{"whiteout of a directory above", [][]entry{{{name: ".wh.app"}}}, Removed},
		{"opaque directory", [][]entry{{{name: "app/x/.wh..wh..opq"}}}, Removed},
		{"opaque root", [][]entry{{{name: ".wh..wh..opq"}}}, Removed},
		{"a link in place of a directory", [][]entry{{{name: "app", kind: tar.TypeSymlink}}}, Removed},
		{"the directory again", [][]entry{{{name: "app/x/", kind: tar.TypeDir}}}, Remains},
		{"an unmapped file in place of a directory", [][]entry{{{name: "app/x", uid: 80000}}}, Removed},
		{"one removed, one chowned", [][]entry{{{name: "app/x/.wh.a"}}, {{name: "app/x/b"}}}, Chowned},
		{"an AUFS note is no whiteout", [][]entry{{{name: ".wh..wh.app"}}}, Remains},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			a := New(Options{Map: usual})
			r := a.Report(made(a, t, append([][]entry{bad}, tc.above...)))
			assert.Equal(t, r.Findings[0].LaterLayer, tc.want)
		})
	}
}

// Layers at random: what the hashes say is what a plain look at the paths says,
// and no order of visiting changes a report.
func TestLaterLayerAgainstModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	said := map[Later]int{}
	for range 2000 {
		stack := randomStack(rnd)
		a, b := New(Options{Map: usual, Paths: -1}), New(Options{Map: usual, Paths: -1})
		img := made(a, t, stack)
		visited := image.Image{Name: img.Name, Source: img.Source, ID: img.ID, Platform: img.Platform, Layers: img.Layers}
		for _, i := range rnd.Perm(len(stack)) {
			visit(t, b, img.Layers[i].Blob, archive(t, stack[i]...))
		}
		r := a.Report(img)
		assert.Assert(t, cmp.Equal(r, b.Report(visited), cmpopts.EquateEmpty()), "order of visiting matters")
		for _, f := range r.Findings {
			assert.Equal(t, f.LaterLayer, model(stack, f), "%+v\n%+v", f, stack)
			said[f.LaterLayer]++
		}
	}
	assert.Assert(t, said[Remains] > 100 && said[Chowned] > 100 && said[Removed] > 100, "%v", said)
}

func randomStack(rnd *rand.Rand) [][]entry {
	pick := func(s string) string { return strings.Fields(s)[rnd.IntN(len(strings.Fields(s)))] }
	stack := make([][]entry, 1+rnd.IntN(4))
	for i := range stack {
		for range rnd.IntN(6) {
			e := entry{name: pick("a b"), uid: []int{0, 0, 1000, 70000, 80000, 100000}[rnd.IntN(6)]}
			for range rnd.IntN(3) {
				e.name += "/" + pick("a b")
			}
			switch rnd.IntN(8) {
			case 0:
				e.name = path.Join(path.Dir(e.name), ".wh."+path.Base(e.name))
			case 1:
				e.name = path.Join(path.Dir(e.name), ".wh..wh..opq")
			case 2, 3, 4:
				e.kind = tar.TypeDir
			}
			e.name = pick("./ / x/../") + e.name
			stack[i] = append(stack[i], e)
		}
	}
	return stack
}

// model says by names what becomes of a finding's paths.
func model(stack [][]entry, f Finding) Later {
	outcome := Removed
	for _, p := range f.Paths {
		removed, replaced := false, false
		for _, layer := range stack[f.Layer+1:] {
			for _, e := range layer {
				removed = removed || removes(e, p)
				replaced = replaced || tidyName(e.name) == p && e.uid < 65536 && !strings.HasPrefix(path.Base(p), ".wh.")
			}
		}
		switch {
		case removed:
		case replaced:
			outcome = Chowned
		default:
			return Remains
		}
	}
	return outcome
}

func removes(e entry, p string) bool {
	name := tidyName(e.name)
	dir, base := path.Split(name)
	switch {
	case base == ".wh..wh..opq":
		return strings.HasPrefix(p, dir)
	case strings.HasPrefix(base, ".wh."):
		gone := dir + strings.TrimPrefix(base, ".wh.")
		return p == gone || strings.HasPrefix(p, gone+"/")
	}
	return e.kind != tar.TypeDir && strings.HasPrefix(p, name+"/")
}

func tidyName(name string) string { return strings.TrimPrefix(path.Clean(name), "/") }
