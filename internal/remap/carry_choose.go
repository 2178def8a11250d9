package remap

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// newestKnown is the newest major version of the engine whose data root was tried.
const newestKnown = 29

// ChooseCarried chooses what a plan can carry of what is wanted. The choice is for
// [PlanCarry], once its job was measured. The error is why nothing can be carried.
func ChooseCarried(f survey.Facts, p Plan, w Wanted) (Chosen, error) {
	if err := knownFormat(f); err != nil {
		return Chosen{}, err
	}
	if !p.Restarts {
		return Chosen{}, errors.New("--carry: the copy is completed while the daemon is down, so it needs a daemon that systemd runs, and no --no-restart")
	}
	c := &chooser{facts: f, wanted: w, Chosen: Chosen{Job: carry.Job{
		From: p.Before.DataRoot, To: path.Join(p.Before.DataRoot, twinFolder), Place: p.After.DataRoot, Map: p.After.Map, Networks: w.Networks,
	}}}
	c.images()
	c.volumes()
	c.containers()
	if !w.Networks {
		for _, n := range f.Networks.Value {
			c.leave(survey.KindNetwork, n.ID, n.Name, notAskedFor)
		}
	}
	return c.Chosen, nil
}

// knownFormat refuses an engine whose data root was never tried.
func knownFormat(f survey.Facts) error {
	version, ok := dockerd.ParseVersion(f.Engine.Value.Version)
	if !ok || !version.AtLeast(20, 10) || version.AtLeast(newestKnown+1) {
		return fmt.Errorf("--carry: the data root of engine %s is not known here: 20.10 to %d are", f.Engine.Value.Version, newestKnown)
	}
	return nil
}

// Chosen is what can be carried, as far as it was not measured.
type Chosen struct {
	Job  carry.Job
	Left []LeftOut
	// Refused says by their IDs why the new engine does not start containers. They are
	// carried, and stay stopped.
	Refused map[string]string
	// Carried is what enable carried over, if all goes back. Before is what the engine had
	// before that, and RanBefore are the IDs of its containers that ran.
	Carried   carry.Result
	Before    State
	RanBefore []string
}

const notAskedFor = "not asked for"

type chooser struct {
	Chosen
	facts  survey.Facts
	wanted Wanted
}

func (c *Chosen) leave(kind survey.ObjectKind, id, name, why string) {
	c.Left, c.Job.Known = append(c.Left, LeftOut{kind, name, why}), append(c.Job.Known, id)
}

func nameOf(i survey.Image) string { return cmp.Or(strings.Join(i.Tags, ", "), i.ID) }

func (c *chooser) images() {
	for _, i := range c.facts.Images.Value {
		if why := c.whyNotImage(i); why != "" {
			c.leave(survey.KindImage, i.ID, nameOf(i), why)
		} else {
			c.Job.Images = append(c.Job.Images, i.ID)
		}
	}
}

// whyNotImage is why an image is not carried, "" if it is.
func (c *chooser) whyNotImage(i survey.Image) string {
	switch why := c.whyNoLayers(); {
	case !c.wanted.Images:
		return notAskedFor
	case why != "":
		return why + ": pull or load it again"
	case c.wanted.excluded(survey.KindImage, i.Tags...):
		return "excluded"
	}
	return c.wanted.Refused[i.ID]
}

// whyNoLayers is why no layer can be copied, "" if they can be.
func (c *chooser) whyNoLayers() string {
	switch e := c.facts.Engine.Value; {
	case e.ContainerdStore():
		return "it is in the containerd image store"
	case e.Driver != "overlay2":
		return fmt.Sprintf("the storage driver is %s, and only layers of overlay2 can be copied", e.Driver)
	}
	return ""
}

func (c *chooser) volumes() {
	for _, v := range c.facts.Volumes.Value {
		if _, lasts := usersOf(v.Name, c.facts.Containers.Value); !lasts {
			continue
		}
		if why := c.whyNotVolume(v); why != "" {
			c.leave(survey.KindVolume, v.Name, v.Name, why)
			continue
		}
		c.Job.Volumes = append(c.Job.Volumes, v.Name)
		if host, others := c.usersIn(v.Name); host && !others {
			c.Job.SameOwners = append(c.Job.SameOwners, v.Name)
		}
	}
}

// usersIn reports whether containers in the user namespace of the host use a volume, and
// whether others do.
func (c *chooser) usersIn(volume string) (host, others bool) {
	for _, one := range c.facts.Containers.Value {
		if slices.ContainsFunc(one.Mounts, func(m survey.Mount) bool { return m.Type == "volume" && m.Name == volume }) {
			host, others = host || one.HostUserns(), others || !one.HostUserns()
		}
	}
	return host, others
}

func (c *chooser) whyNotVolume(v survey.Volume) string {
	switch {
	case !c.wanted.Volumes:
		return notAskedFor
	case v.Driver != "local":
		return fmt.Sprintf("its driver is %s, which keeps its data elsewhere", v.Driver)
	case c.wanted.excluded(survey.KindVolume, v.Name):
		return "excluded"
	case !carry.IsVolume(v.Name) || v.Mountpoint != path.Join(c.Job.From, "volumes", v.Name, "_data"):
		return fmt.Sprintf("its files are not in the data root, but in %s", v.Mountpoint)
	}
	return ""
}

func (c *chooser) containers() {
	for _, one := range c.facts.Containers.Value {
		if one.AutoRemove && one.Running() {
			continue // gone once it stops
		}
		if why := c.whyNotContainer(one); why != "" {
			c.leave(survey.KindContainer, one.ID, one.Name, why)
		} else {
			c.Job.Containers = append(c.Job.Containers, carry.Container{ID: one.ID, HostUserns: one.HostUserns()})
		}
	}
	c.refuse()
}

func (c *chooser) whyNotContainer(one survey.Container) string {
	switch why := c.whyNoLayers(); {
	case !c.wanted.Containers:
		return notAskedFor
	case why != "":
		return why + ": " + recreate(one)
	case c.wanted.excluded(survey.KindContainer, one.Name):
		return "excluded"
	case one.State == "dead" || one.State == "removing":
		return "it is being removed"
	}
	return lacks(c.Job, one)
}

// recreate says how a container that is left out comes back. The files of its Compose
// project are not named: an image can set the labels that say where they are.
func recreate(one survey.Container) string {
	if project := one.Project(); project != "" {
		return "recreate it with docker compose, project " + project
	}
	return "recreate it"
}

// refuse finds the containers that the new engine does not start, and those that join
// them.
func (c *chooser) refuse() {
	c.Refused = map[string]string{}
	for more := true; more; {
		more = false
		for i, carried := range c.Job.Containers {
			one, _ := c.facts.Container(carried.ID)
			if why := c.whyRefused(one); why != "" && !carried.Stopped {
				c.Job.Containers[i].Stopped, c.Refused[carried.ID], more = true, why, true
			}
		}
	}
}

// whyRefused is why the new engine does not start a container, "" if it does.
func (c *chooser) whyRefused(one survey.Container) string {
	if uses := one.HostUses(); len(uses) > 0 {
		return "remap refuses " + strings.Join(uses, ", ") + " without --userns=host"
	}
	if ids := one.OutsideMap(c.Job.Map); len(ids) > 0 {
		return "it asks for IDs outside the map: " + strings.Join(ids, ", ")
	}
	if across := c.facts.JoinsAcross(one); len(across) > 0 {
		return "it joins the " + strings.Join(across, ", ") + ", and only one of the two has --userns=host"
	}
	joined := c.facts.Joined(one)
	for _, space := range slices.Sorted(maps.Keys(joined)) {
		o := joined[space]
		if !slices.ContainsFunc(c.Job.Containers, func(other carry.Container) bool { return other.ID == o.ID && !other.Stopped }) {
			return fmt.Sprintf("it joins the %s of %s, which is not started", space, o.Name)
		}
	}
	return ""
}

// lacks is what a container needs and a job does not have, "" if it has all.
func lacks(j carry.Job, one survey.Container) string {
	switch {
	case slices.Contains(j.Images, one.ImageID):
	case slices.Contains(j.Known, one.ImageID):
		return fmt.Sprintf("its image %s is left out", one.Image)
	default:
		return fmt.Sprintf("its image %s was deleted", one.Image)
	}
	for _, m := range one.Mounts {
		if m.Type == "volume" && !slices.Contains(j.Volumes, m.Name) {
			return fmt.Sprintf("its volume %s is left out", m.Name)
		}
	}
	return ""
}

// excluded reports whether all names of an object match a pattern. An image matches with
// or without its tag.
func (w Wanted) excluded(kind survey.ObjectKind, names ...string) bool {
	matches := func(name string) bool {
		return slices.ContainsFunc(w.Exclude, func(x Exclusion) bool {
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
