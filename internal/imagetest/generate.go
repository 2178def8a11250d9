// Package imagetest makes small images: such as a test describes, and generated
// ones with odd owners, to hold our verdicts against those of real engines. It
// is for tests and for the demo.
package imagetest

import (
	"fmt"
	"math/rand/v2"
)

// Image is a docker-archive with one image in it.
type Image struct {
	Name    string // its tag
	Archive []byte
	What    string // the headers in it, for when a verdict differs
}

// Generate makes the image of a seed and a number: the same ones every time. Of
// many images about half have an entry that a map of 65536 IDs does not take. No two
// have one ID, since their histories differ.
func Generate(seed, n uint64) Image {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, n))}
	name := fmt.Sprintf("generated:%d-%d", seed, n)
	var steps []Step
	for i := range 1 + g.IntN(3) {
		steps = append(steps, Step{By: fmt.Sprintf("RUN step %d of %s", i+1, name), Layer: g.layer()})
	}
	return Image{Name: name, Archive: Archive(name, "", steps...), What: g.what.String()}
}
