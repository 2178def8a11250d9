package audit

import (
	"archive/tar"
	"context"
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"gotest.tools/v3/assert"
)

// feed hands n entries in directories of 20 to a walk, without an archive.
func feed(t testing.TB, a *Auditor, blob string, n int, uid func(int) int64) {
	w := newWalk(a)
	h := tarwalk.Header{Type: tar.TypeReg}
	for i := range n {
		h.Name = fmt.Appendf(h.Name[:0], "usr/lib/node_modules/package-%d/dist/file-%d.js", i/20, i)
		h.UID = uid(i)
		assert.NilError(t, w.entry(&h, nil))
	}
	a.layers[blob] = w.facts
}

// A million offenders, of one owner or each of its own, and a million files on
// top of them, stay within a bound.
func TestMemory(t *testing.T) {
	const million, bound = 1_000_000, 32 << 20
	owners := map[string]func(int) int64{
		"one owner":  func(int) int64 { return 70000 },
		"own owners": func(i int) int64 { return 100001 + int64(i) },
	}
	for name, uid := range owners {
		t.Run(name, func(t *testing.T) {
			before := heap()
			a := New(Options{Map: usual, Paths: 10})
			feed(t, a, "0", million, uid)
			feed(t, a, "1", million, func(int) int64 { return 0 })
			held := heap() - before
			r := a.Report(image.Image{Layers: []image.Layer{{Blob: "0"}, {Blob: "1"}}})
			t.Logf("%d KiB of facts, %d findings", held>>10, len(r.Findings))
			assert.Assert(t, held < bound, "%d bytes", held)
			assert.Equal(t, r.Layers[0].Unmapped, int64(million))
			var count int64
			for _, f := range r.Findings {
				count += f.Count
				assert.Equal(t, f.LaterLayer, Chowned)
			}
			assert.Equal(t, count, int64(million))
			runtime.KeepAlive(a)
		})
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkEntry(b *testing.B) {
	for name, uid := range map[string]int64{"good": 1000, "offender": 70000} {
		b.Run(name, func(b *testing.B) {
			names := make([][]byte, 4096)
			for i := range names {
				names[i] = []byte("usr/lib/node_modules/package-" + strconv.Itoa(i/20) + "/dist/file-" + strconv.Itoa(i) + ".js")
			}
			a := New(Options{Map: usual, Paths: 10})
			w := newWalk(a)
			h := tarwalk.Header{Type: tar.TypeReg, UID: uid}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%1_000_000 == 0 {
					w = newWalk(a)
				}
				h.Name = names[i%len(names)]
				if err := w.entry(&h, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(fmt.Errorf("enough"))
	a := New(Options{Map: usual})
	assert.Error(t, a.Layer(ctx, "0", nil), "enough")
	assert.Assert(t, !a.Seen("0"))
}
