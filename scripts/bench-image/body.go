package main

import (
	"io"
	"math"
	"math/rand/v2"
)

const poolSize = 32 << 20

// software are bytes that compress about as programs and their texts do: runs of
// letters, some far more common than others, and copies of what came shortly
// before, which is what deflate and zstd live on.
var software = func() []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	pool := make([]byte, 0, poolSize+1<<10)
	for len(pool) < poolSize {
		for range 1 + int(rng.ExpFloat64()*5) {
			pool = append(pool, byte(32+int(rng.ExpFloat64()*14)%96))
		}
		distance := int(math.Exp(rng.Float64() * math.Log(30_000)))
		if from := len(pool) - 4 - distance; from >= 0 {
			for i := range 4 + int(rng.ExpFloat64()*11) {
				pool = append(pool, pool[from+i])
			}
		}
	}
	return pool[:poolSize]
}()

// body writes the contents of a file.
func body(w io.Writer, e *entry, rng *rand.Rand) error {
	if e.noise {
		var seed [32]byte
		copy(seed[:], e.Name)
		_, err := io.CopyN(w, rand.NewChaCha8(seed), e.Size)
		return err
	}
	for left := e.Size; left > 0; {
		n := min(left, 1+rng.Int64N(poolSize))
		from := rng.Int64N(poolSize - n + 1)
		if _, err := w.Write(software[from : from+n]); err != nil {
			return err
		}
		left -= n
	}
	return nil
}
