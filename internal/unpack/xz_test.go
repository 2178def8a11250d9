package unpack

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// xzOf packs with xz(1).
func xzOf(t testing.TB, text []byte, options ...string) []byte {
	t.Helper()
	cmd := exec.Command("xz", append([]string{"-c"}, options...)...)
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("needs xz: %v", err)
	}
	return out
}

// unpacked is what a blob holds.
func unpacked(blob []byte) ([]byte, error) {
	m := NewMeter(context.Background(), bytes.NewReader(blob))
	u, err := Open(bufio.NewReader(m), m)
	if err != nil {
		return nil, err
	}
	defer u.Close()
	return io.ReadAll(u)
}

// text is compressible, but not all the same.
func text(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i >> 7)
	}
	return b
}

// What xz makes is unpacked to what it was made of.
func TestXZ(t *testing.T) {
	for name, tc := range map[string]struct {
		size    int
		options []string
	}{
		"empty":        {0, nil},
		"a byte":       {1, nil},
		"default":      {3 << 20, nil},
		"fastest":      {3 << 20, []string{"-0"}},
		"best":         {3 << 20, []string{"-9e"}},
		"blocks":       {3 << 20, []string{"--block-size=100000"}},
		"threads":      {3 << 20, []string{"-T2", "--block-size=1000000"}},
		"crc32":        {100000, []string{"-C", "crc32", "--block-size=30001"}},
		"sha256":       {100000, []string{"-C", "sha256", "--block-size=30002"}},
		"no check":     {100000, []string{"-C", "none", "--block-size=30003"}},
		"small window": {3 << 20, []string{"--lzma2=dict=4096"}},
	} {
		t.Run(name, func(t *testing.T) {
			want := text(tc.size)
			packed := xzOf(t, want, tc.options...)
			got, err := unpacked(packed)
			assert.NilError(t, err)
			assert.Assert(t, bytes.Equal(got, want))
			// Several streams, with padding between them and at the end.
			several := bytes.Join([][]byte{packed, packed, {}}, make([]byte, 8))
			got, err = unpacked(several)
			assert.NilError(t, err)
			assert.Assert(t, bytes.Equal(got, append(want, want...)))
			for _, n := range []int{len(packed) - 1, len(packed) / 2, 13} {
				_, err = unpacked(packed[:n])
				assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "after %d bytes", n)
			}
		})
	}
}

// Whatever byte is changed: what xz(1) takes is taken, and nothing is taken for another
// text. Of a chunk that says that it is longer than it is, only xz minds.
func TestDamagedXZ(t *testing.T) {
	whole := text(500)
	packed := xzOf(t, whole, "--block-size=200")
	taken := 0
	for i := range packed {
		damaged := bytes.Clone(packed)
		damaged[i] ^= 1 << (i % 8)
		cmd := exec.Command("xz", "-dc")
		cmd.Stdin = bytes.NewReader(damaged)
		_, want := cmd.Output()
		got, err := unpacked(damaged)
		assert.Assert(t, err == nil || want != nil, "byte %d: %v", i, err)
		if err == nil {
			taken++
			assert.Assert(t, bytes.Equal(got, whole), "byte %d", i)
		}
	}
	assert.Assert(t, taken < len(packed)/10, "%d of %d were taken", taken, len(packed))
	for _, more := range [][]byte{{0}, {0, 0, 0}, []byte("garbage"), make([]byte, 6)} {
		_, err := unpacked(append(bytes.Clone(packed), more...))
		assert.Assert(t, err != nil, "%q", more)
	}
}

// A file can ask for more memory, and more of it, than is there.
func TestHostileXZ(t *testing.T) {
	_, err := unpacked(xzOf(t, text(1000), "--lzma2=dict=128MiB"))
	assert.ErrorContains(t, err, "its dictionary has 128 MiB, and no more than 64 are read here")
	_, err = unpacked(xzOf(t, text(1000), "--x86", "--lzma2"))
	assert.ErrorContains(t, err, "other filters than LZMA2")
	one := xzOf(t, text(1), "-9")
	many := bytes.Repeat(one, 20000)
	before := total()
	_, err = unpacked(many)
	assert.ErrorContains(t, err, "many blocks with nothing in them")
	assert.Assert(t, total()-before < 6<<30, "%d MiB", (total()-before)>>20)
	_, err = unpacked(xzOf(t, []byte(strings.Repeat("\x00", 64<<20))))
	assert.NilError(t, err)
}

// total is how many bytes were ever allocated.
func total() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func FuzzXZ(f *testing.F) {
	for _, options := range [][]string{nil, {"-C", "none"}, {"--block-size=100"}, {"-9", "-C", "sha256"}} {
		f.Add(xzOf(f, text(1000), options...))
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		if !bytes.HasPrefix(packed, xzMagic) {
			return
		}
		_, _ = unpacked(packed)
	})
}
