package remap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// State is what an engine shows of remap.
type State struct {
	Remapped   bool      `json:"remapped"`
	DataRoot   string    `json:"dataRoot"`
	Containerd bool      `json:"containerdStore,omitempty"` // images are in containerd's store, not in the data root
	Map        idmap.Map `json:"idMap,omitzero"`            // if it is remapped
	Containers []Object  `json:"containers"`
	Images     []Object  `json:"images"`
	Volumes    []Object  `json:"volumes"`
	Networks   []Object  `json:"networks"`
}

// Object is a container, an image, a volume or a network.
type Object struct {
	ID   string `json:"id"`
	Name string `json:"name"` // "" if it has none
	// UsedBy are the names of the containers that mount it, if it is a volume.
	UsedBy []string `json:"usedBy,omitempty"`
}

// String is the name of the object, or its ID if it has none.
func (o Object) String() string {
	if o.Name != "" {
		return o.Name
	}
	return o.ID
}

// stateOf is what a survey shows of remap; nothing if the daemon is down.
func stateOf(f survey.Facts) State {
	s := State{Remapped: f.Engine.Value.Remapped(), DataRoot: f.Engine.Value.DataRoot, Containerd: f.Engine.Value.ContainerdStore()}
	for _, c := range f.Containers.Value {
		if c.AutoRemove {
			continue // gone once the daemon stops it
		}
		s.Containers = append(s.Containers, Object{ID: c.ID, Name: c.Name})
	}
	for _, i := range f.Images.Value {
		s.Images = append(s.Images, Object{ID: i.ID, Name: strings.Join(i.Tags, ", ")})
	}
	for _, v := range f.Volumes.Value {
		users, lasts := usersOf(v.Name, f.Containers.Value)
		if lasts {
			s.Volumes = append(s.Volumes, Object{ID: v.Name, Name: v.Name, UsedBy: users})
		}
	}
	for _, n := range f.Networks.Value {
		s.Networks = append(s.Networks, Object{ID: n.ID, Name: n.Name})
	}
	return s
}

// usersOf names the containers that mount a volume, and reports whether it lasts:
// one without a name of its own is gone with a container of --rm.
func usersOf(volume string, containers []survey.Container) (names []string, lasts bool) {
	lasts = true
	for _, c := range containers {
		for _, m := range c.Mounts {
			if m.Type != "volume" || m.Name != volume {
				continue
			}
			names = append(names, c.Name)
			lasts = lasts && (!c.AutoRemove || !survey.Unnamed(volume))
		}
	}
	return names, lasts
}

// Unmet is what a survey does not show of the state that a plan has to end in. It is
// for the verify package to prove that containers run as they should.
func (p Plan) Unmet(f survey.Facts) []string {
	if f.Engine.Err != nil {
		return []string{f.Engine.Err.Error()}
	}
	wrong := append(missing(p.After, stateOf(f)), newUnmanaged(p, f)...)
	if f.Engine.Value.SwitchedStore() {
		wrong = append(wrong, "the engine has switched back to containerd's image store, where builds fail under remap; remove \"containerd-migration\" from \"features\" in daemon.json")
	}
	return wrong
}

// newUnmanaged are the containers that run outside of the engine and did not do so
// before.
func newUnmanaged(p Plan, f survey.Facts) []string {
	if f.Left.Err != nil {
		return []string{f.Left.Err.Error()}
	}
	var wrong []string
	for _, l := range f.Left.Value {
		if !slices.Contains(p.Unmanaged, l.ID) {
			wrong = append(wrong, l.String())
		}
	}
	return wrong
}

// missing is what one state has and another does not. Images and containers may
// have been added, and containers of --rm are gone.
func missing(want, got State) []string {
	var wrong []string
	if want.Remapped != got.Remapped {
		wrong = append(wrong, fmt.Sprintf("remap is %s, not %s", onOff(got.Remapped), onOff(want.Remapped)))
	}
	if want.DataRoot != "" && want.DataRoot != got.DataRoot {
		wrong = append(wrong, fmt.Sprintf("the data root is %s, not %s", got.DataRoot, want.DataRoot))
	}
	return append(append(wrong, lost("container", want.Containers, got.Containers)...), lost("image", want.Images, got.Images)...)
}

func lost(kind string, want, got []Object) []string {
	var wrong []string
	for _, w := range want {
		if !slices.ContainsFunc(got, func(g Object) bool { return g.ID == w.ID }) {
			wrong = append(wrong, fmt.Sprintf("%s %s is missing", kind, w))
		}
	}
	return wrong
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
