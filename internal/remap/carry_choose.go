package remap

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// ChooseCarried chooses what a plan can carry of what is wanted. The job is for
// [PlanCarry], once it was measured. The error is why nothing can be carried.
func ChooseCarried(f survey.Facts, p Plan, w Wanted) (carry.Job, []LeftOut, error) {
	version, ok := dockerd.ParseVersion(f.Engine.Value.Version)
	switch {
	case !ok || !version.AtLeast(20, 10) || version.AtLeast(newestKnown+1):
		return carry.Job{}, nil, fmt.Errorf("--carry: the data root of engine %s is not known here: 20.10 to %d are", f.Engine.Value.Version, newestKnown)
	case !p.Restarts:
		return carry.Job{}, nil, errors.New("--carry: the copy is completed while the daemon is down, so it needs a daemon that systemd runs, and no --no-restart")
	}
	j := carry.Job{
		From: p.Before.DataRoot, To: path.Join(p.Before.DataRoot, twinFolder), Place: p.After.DataRoot, Map: p.After.Map,
	}
	c := &chooser{wanted: w}
	for _, i := range f.Images.Value {
		if why := c.whyNotImage(f.Engine.Value, i); why != "" {
			c.leave(survey.KindImage, i.ID, nameOf(i), why)
		} else {
			j.Images = append(j.Images, i.ID)
		}
	}
	for _, v := range f.Volumes.Value {
		if _, lasts := usersOf(v.Name, f.Containers.Value); !lasts {
			continue
		}
		if why := c.whyNotVolume(p.Before.DataRoot, v); why != "" {
			c.leave(survey.KindVolume, v.Name, v.Name, why)
		} else {
			j.Volumes = append(j.Volumes, v.Name)
		}
	}
	j.Known = c.known
	return j, c.left, nil
}

// newestKnown is the newest major version of the engine whose data root was tried.
const newestKnown = 29

type chooser struct {
	wanted Wanted
	left   []LeftOut
	known  []string // their IDs
}

func (c *chooser) leave(kind survey.ObjectKind, id, name, why string) {
	c.left, c.known = append(c.left, LeftOut{kind, name, why}), append(c.known, id)
}

func nameOf(i survey.Image) string { return cmp.Or(strings.Join(i.Tags, ", "), i.ID) }

// whyNotImage is why an image is not carried, "" if it is.
func (c *chooser) whyNotImage(e survey.Engine, i survey.Image) string {
	switch {
	case !c.wanted.Images:
		return "not asked for"
	case e.ContainerdStore():
		return "it is in the containerd image store: pull or load it again"
	case e.Driver != "overlay2":
		return fmt.Sprintf("the storage driver is %s, and only layers of overlay2 can be copied: pull or load it again", e.Driver)
	case c.excluded(survey.KindImage, i.Tags...):
		return "excluded"
	}
	return c.wanted.Refused[i.ID]
}

func (c *chooser) whyNotVolume(root string, v survey.Volume) string {
	switch {
	case !c.wanted.Volumes:
		return "not asked for"
	case v.Driver != "local":
		return fmt.Sprintf("its driver is %s, which keeps its data elsewhere", v.Driver)
	case c.excluded(survey.KindVolume, v.Name):
		return "excluded"
	case !carry.IsVolume(v.Name) || v.Mountpoint != path.Join(root, "volumes", v.Name, "_data"):
		return fmt.Sprintf("its files are not in the data root, but in %s", v.Mountpoint)
	}
	return ""
}

// excluded reports whether all names of an object match a pattern. An image matches with
// or without its tag.
func (c *chooser) excluded(kind survey.ObjectKind, names ...string) bool {
	matches := func(name string) bool {
		return slices.ContainsFunc(c.wanted.Exclude, func(x Exclusion) bool {
			if x.Kind != kind {
				return false
			}
			bare := name
			if i := strings.LastIndex(name, ":"); kind == survey.KindImage && i > strings.LastIndex(name, "/") {
				bare = name[:i]
			}
			whole, _ := path.Match(x.Pattern, name)
			repository, _ := path.Match(x.Pattern, bare)
			return whole || repository
		})
	}
	return len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return !matches(name) })
}
