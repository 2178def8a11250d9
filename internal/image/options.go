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
	// are held against their names all the same.
	Trusted bool
}

// pick gives the plans that the options name, one for each name, and those of
// an image that several names lead to once for each.
func (o Options) pick(all []plan) []plan {
	if len(o.Names) == 0 {
		return all
	}
	var picked []plan
	for _, name := range o.Names {
		picked = append(picked, named(all, name)...)
	}
	return picked
}

// named gives the plans that a name leads to: by their tags, else by their ID.
func named(all []plan, name string) []plan {
	found := filter(all, func(p plan) bool { return p.tagged(name) })
	if len(found) == 0 {
		found = filter(all, func(p plan) bool { return p.hasID(name) })
	}
	if len(found) == 0 {
		return []plan{{Image: Image{Name: name, Err: notAmong(all)}}}
	}
	for i := range found {
		found[i].Name = name
	}
	return found
}

// notAmong lists what there is instead of what was asked for.
func notAmong(all []plan) error {
	var names []string
	for _, p := range all {
		names = append(names, fmt.Sprintf("%q", p.Name))
	}
	if len(names) > 10 {
		names = append(names[:10], "…")
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

func (p plan) tagged(name string) bool {
	for _, tag := range p.tags {
		if normal(tag) == normal(name) {
			return true
		}
	}
	return false
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
