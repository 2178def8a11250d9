package image

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"
)

// Options say which images of an archive, folder or stream are wanted, and how
// far its contents are trusted. The zero value asks for every image, for this
// machine's platform, and trusts nothing.
type Options struct {
	// Names are the wanted images: names as docker takes them ("app",
	// "app:1", "registry.example/app:1"), or image IDs, which may be cut short.
	// None means all. One that is not found is returned with Err set.
	Names []string
	// Platform is one platform ("linux/arm64/v8"), "all" for each that there
	// is, or "" for linux on this machine's architecture if there is such an
	// image, else for the only one there is.
	Platform string
	// Trusted leaves out the digests of layers that come by in a stream, for
	// when an engine of ours sends it. Those of manifests and configurations
	// are checked against their names all the same.
	Trusted bool
}

// pick gives the plans that the options name, by their tags, else by their ID: one for
// each name, and those of an image that several names lead to once for each.
func (o Options) pick(all []plan) []plan {
	if len(o.Names) == 0 {
		return all
	}
	tagged := map[string][]int{} // places in all, by tags in full
	for i, p := range all {
		for _, tag := range p.tags {
			n := normal(tag)
			if at := tagged[n]; len(at) == 0 || at[len(at)-1] != i {
				tagged[n] = append(at, i)
			}
		}
	}
	var picked []plan
	for _, name := range o.Names {
		var found []plan
		for _, i := range tagged[normal(name)] {
			found = append(found, all[i])
		}
		if len(found) == 0 {
			found = filter(all, func(p plan) bool { return p.hasID(name) })
		}
		if len(found) == 0 {
			found = []plan{{Image: Image{Err: notAmong(all)}}}
		}
		for _, p := range found {
			p.Name = name
			picked = append(picked, p)
		}
	}
	return picked
}

// notAmong lists what there is instead of what was asked for.
func notAmong(all []plan) error {
	var names []string
	for i, p := range all {
		if i == 10 {
			names = append(names, "…")
			break
		}
		names = append(names, fmt.Sprintf("%q", p.Name))
	}
	return fmt.Errorf("there is no such image, only %s", strings.Join(names, ", "))
}

func filter(all []plan, keep func(plan) bool) (kept []plan) {
	for _, p := range all {
		if keep(p) {
			kept = append(kept, p)
		}
	}
	return kept
}

// hasID takes four digits or more for the beginning of an ID: fewer are more
// likely to be a name that does not exist.
func (p plan) hasID(name string) bool {
	id := strings.TrimPrefix(name, "sha256:")
	return len(id) >= 4 && strings.HasPrefix(p.ID, "sha256:"+id)
}

// normal writes a name with its registry and tag, as docker understands it, so
// that "app" and "docker.io/library/app:latest" are one.
func normal(name string) string {
	ref, err := reference.ParseDockerRef(name)
	if err != nil {
		return name
	}
	return ref.String()
}

// familiar is the short form of a name: "app:1", not "docker.io/library/app:1".
func familiar(name string) string {
	ref, err := reference.ParseDockerRef(name)
	if err != nil {
		return name
	}
	return reference.FamiliarString(ref)
}
