package audit

import (
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/image"
)

// base is the image that an image was built on.
type base struct {
	layers int    // how many of the lowest layers are its own; 0 when unsure
	name   string // "" if it is not known
}

// rebuilt is how much later than its base an image is made at least. Within one
// Dockerfile steps follow at once, unless they come from the cache.
const rebuilt = 10 * time.Minute

// baseOf finds an image's base: another image that it is built on, otherwise what
// history tells. In history a base ends with its CMD or ENTRYPOINT, and what was built
// on it came later.
func baseOf(img image.Image, others []image.Image) base {
	b := base{}
	for _, o := range others {
		if len(o.Layers) > b.layers && BuiltOn(img, o) {
			b = base{layers: len(o.Layers), name: o.Name}
		}
	}
	if b.layers == 0 {
		b = base{layers: fromHistory(img), name: img.Config.Labels["org.opencontainers.image.base.name"]}
	}
	return b
}

// BuiltOn reports whether the layers of another image are the lowest ones of an image,
// which has more.
func BuiltOn(img, other image.Image) bool {
	n := len(other.Layers)
	return n > 0 && n < len(img.Layers) && prefix(other.Layers, img.Layers)
}

func prefix(low, all []image.Layer) bool {
	for i, l := range low {
		if l.DiffID == "" || l.DiffID != all[i].DiffID {
			return false
		}
	}
	return true
}

// fromHistory counts the layers before the last CMD or ENTRYPOINT that layers
// follow, where those were made later.
func fromHistory(img image.Image) int {
	layers, found := 0, 0
	var last time.Time // when the image ended that may be the base
	ended := false
	for _, h := range img.Config.History {
		switch {
		case !h.Empty && ended:
			if !last.IsZero() && h.Created.Sub(last) >= rebuilt {
				found = layers
			}
			ended = false
			layers++
		case !h.Empty:
			layers++
		case ends(h.CreatedBy):
			ended, last = true, h.Created
		}
	}
	if layers != len(img.Layers) {
		return 0
	}
	return found
}

func ends(createdBy string) bool {
	verb := parseStep(createdBy).verb
	return strings.EqualFold(verb, "CMD") || strings.EqualFold(verb, "ENTRYPOINT")
}
