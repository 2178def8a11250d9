package tarwalk

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"gotest.tools/v3/assert"
)

// The quick ways must read what the slow ones do.
func TestQuickNumbers(t *testing.T) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, seed))
	var b8 [8]byte
	var b12 [12]byte
	for range 200_000 {
		scribble(rng, b8[:])
		scribble(rng, b12[:])
		same(t, b8[:])(numeric8(&b8))
		same(t, b12[:])(numeric12(&b12))

		sum, ok := checksum(uint64(b8[0]) | uint64(b8[1])<<8 | uint64(b8[2])<<16 | uint64(b8[3])<<24 |
			uint64(b8[4])<<32 | uint64(b8[5])<<40 | uint64(b8[6])<<48 | uint64(b8[7])<<56)
		want, wantOK := octal(b8[:])
		assert.Equal(t, ok, wantOK, "checksum %q", b8[:])
		assert.Assert(t, !ok || sum == want, "checksum %q: %d, want %d", b8[:], sum, want)
	}
}

func same(t *testing.T, field []byte) func(int64, bool) {
	return func(got int64, ok bool) {
		t.Helper()
		want, wantOK := numeric(field)
		assert.Equal(t, ok, wantOK, "%q", field)
		assert.Assert(t, !ok || got == want, "%q: %d, want %d", field, got, want)
	}
}

// scribble writes an octal number, mostly, and spoils a byte of it, sometimes.
func scribble(rng *rand.Rand, b []byte) {
	for i := range b {
		b[i] = '0' + byte(rng.IntN(8))
	}
	for i := rng.IntN(4); i > 0; i-- {
		b[len(b)-i] = " \x00"[rng.IntN(2)]
	}
	if rng.IntN(3) == 0 {
		b[rng.IntN(len(b))] = byte(rng.IntN(256))
	}
}

func TestDecimalIsParseInt(t *testing.T) {
	texts := []string{"", "+", "-", "0", "-0", "+0", "--1", "1 ", " 1", "1_000", "0x1", "9223372036854775807", "9223372036854775808",
		"-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "18446744073709551626", "000000000000000000000000000001",
		"92233720368547758070", "１"}
	for range 1000 {
		texts = append(texts, fmt.Sprint(rand.Int64()), fmt.Sprint(-rand.Int64()), fmt.Sprint(rand.Uint64()), fmt.Sprint(rand.Uint64())+"0")
	}
	for _, s := range texts {
		want, err := strconv.ParseInt(s, 10, 64)
		got, ok := decimal([]byte(s))
		assert.Equal(t, ok, err == nil, "%q", s)
		assert.Assert(t, !ok || got == want, "%q: %d", s, got)
	}
}

func TestSumIsTheSumOfBytes(t *testing.T) {
	var full block
	for i := range full {
		full[i] = 0xff
	}
	assert.Equal(t, full.sum(), uint64(512*255))
	for i := range full {
		b := block{}
		b[i] = 0x93
		assert.Equal(t, b.sum(), uint64(0x93), "byte %d", i)
	}
}
