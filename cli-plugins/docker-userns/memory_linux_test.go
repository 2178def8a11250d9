package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/imagetest"
)

// raced says that the race detector is on, see race_test.go.
var raced bool

// peakMemory runs the program as its user does, and gives the most memory that it
// took. That is read of the process itself while it runs: what wait4(2) tells
// begins with what its parent took when it forked.
func peakMemory(t *testing.T, args ...string) (peak int64, said string) {
	t.Helper()
	self, err := os.Executable()
	assert.NilError(t, err)
	program := filepath.Join(t.TempDir(), "docker-userns")
	assert.NilError(t, os.Symlink(self, program))
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "DOCKER_HOST=unix:///nonexistent.sock")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.Discard, &out
	assert.NilError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		peak = max(peak, highWater(cmd.Process.Pid))
		select {
		case <-ended:
			assert.Assert(t, peak > 5<<20, "nothing was measured: %d bytes", peak)
			return peak, out.String()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func highWater(pid int) int64 {
	status, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// packer writes an archive, packed with gzip or not.
type packer struct {
	*tar.Writer
	ends []io.Closer
}

func newPacker(t *testing.T, packed bool) (*packer, string) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "image"))
	assert.NilError(t, err)
	b := bufio.NewWriter(f)
	p := &packer{Writer: tar.NewWriter(b), ends: []io.Closer{flusher{b}, f}}
	if packed {
		z, _ := gzip.NewWriterLevel(b, gzip.BestSpeed)
		p.Writer, p.ends = tar.NewWriter(z), append([]io.Closer{z}, p.ends...)
	}
	return p, f.Name()
}

type flusher struct{ *bufio.Writer }

func (f flusher) Close() error { return f.Flush() }

func (p *packer) add(name, body string) {
	_ = p.WriteHeader(&tar.Header{Name: name, Size: int64(len(body)), Mode: 0o644, Typeflag: tar.TypeReg})
	_, _ = io.WriteString(p, body)
}

func (p *packer) end(t *testing.T) {
	t.Helper()
	assert.NilError(t, p.Close())
	for _, c := range p.ends {
		assert.NilError(t, c.Close())
	}
}

// image adds an image with this configuration, and layers of these names.
func (p *packer) image(config string, layers ...string) {
	name := fmt.Sprintf("%x.json", sha256.Sum256([]byte(config)))
	manifest, _ := json.Marshal([]map[string]any{{"Config": name, "RepoTags": []string{"x:1"}, "Layers": layers}})
	p.add(name, config)
	p.add("manifest.json", string(manifest))
}

func oneLayer(i int) string {
	return string(imagetest.Layer(imagetest.File{Name: fmt.Sprint("f", i), UID: 70000}))
}

func packedLayer() string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, oneLayer(0))
	_ = z.Close()
	return b.String()
}

func diffID(layer string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(layer))) }

// deep is an image of n layers.
func (p *packer) deep(n int) {
	var names, diffs []string
	for i := range n {
		layer := oneLayer(i)
		names, diffs = append(names, fmt.Sprint(i, "/layer.tar")), append(diffs, diffID(layer))
		p.add(names[i], layer)
	}
	text, _ := json.Marshal(diffs)
	p.image(`{"os":"linux","rootfs":{"type":"layers","diff_ids":`+string(text)+`}}`, names...)
}

// wide is an image of one layer whose configuration has n of something.
func (p *packer) wide(n int, before, what, after string) {
	layer := oneLayer(0)
	p.add("l", layer)
	p.image(`{"os":"linux","rootfs":{"diff_ids":["`+diffID(layer)+`"]},`+before+strings.Repeat(what+",", n-1)+what+after+`}`, "l")
}

func many(p *packer, n int, body string) {
	for i := range n {
		p.add(fmt.Sprint("x/", i), body)
	}
	p.add("manifest.json", "[]")
}

// An archive that is made to fill the memory does not, whether it is taken or
// refused.
func TestMemoryOfHostileArchives(t *testing.T) {
	if raced {
		t.Skip("the race detector takes memory of its own")
	}
	const bound = 96 << 20 // 64 MiB, and what the collector lets stand on a busy machine
	for _, tc := range []struct {
		name   string
		packed bool
		make   func(*packer)
		want   string
	}{
		{"99,000 layers in gzip", true, func(p *packer) { many(p, 99_000, packedLayer()) }, "more than 5000 layers"},
		{"as many layers as are read", true, func(p *packer) { many(p, 5000, oneLayer(0)) }, "no image"},
		{"99,000 documents", true, func(p *packer) { many(p, 99_000, `{"a":1}`) }, "more than 50000 files"},
		{"as many documents as are read", true, func(p *packer) { many(p, 49_990, `{"a":1}`) }, "no image"},
		{"as deep as an engine takes", false, func(p *packer) { p.deep(125) }, ""},
		{"as deep as is read", false, func(p *packer) { p.deep(1000) }, ""},
		{"one layer too deep", false, func(p *packer) { p.deep(1001) }, "it has 1001 layers, and no more than 1000 are read"},
		{"40,000 layers", false, func(p *packer) { p.deep(40_000) }, "max depth exceeded"},
		{"as much history as is read", false, func(p *packer) { p.wide(74_990, `"history":[`, "{}", "]") }, ""},
		{"too much history", false, func(p *packer) { p.wide(2_000_000, `"history":[`, "{}", "]") }, "75000 objects"},
		{"as many values as are read", false, func(p *packer) { p.wide(499_990, `"config":{"Env":[`, `""`, "]}") }, ""},
		{"too many values", false, func(p *packer) { p.wide(2_000_000, `"config":{"Env":[`, `""`, "]}") }, "500000 values"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, path := newPacker(t, tc.packed)
			tc.make(p)
			p.end(t)
			began := time.Now()
			peak, said := peakMemory(t, "audit-image", path)
			t.Logf("%d MiB, %s", peak>>20, time.Since(began).Round(time.Millisecond))
			assert.Assert(t, strings.Contains(said, tc.want) && (said == "") == (tc.want == ""), said)
			assert.Assert(t, peak < bound, "%d MiB", peak>>20)
		})
	}
}
