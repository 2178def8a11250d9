package remap

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// withoutProblems gives the items of a choice that were measured without a problem, and
// leaves out the others, with the containers that need them.
func withoutProblems(f survey.Facts, chosen Chosen, m carry.Measured) *Carry {
	c := &carried{Chosen: chosen, facts: f, measured: m, plan: &Carry{All: m.All, Free: m.Free}}
	c.Job.Known, c.Left = slices.Clone(c.Job.Known), slices.Clone(c.Left)
	c.images()
	c.volumes()
	c.containers()
	c.plan.Job, c.plan.LeftOut = c.Job, c.Left
	return c.plan
}

// carried is a choice that becomes a plan.
type carried struct {
	Chosen
	plan     *Carry
	facts    survey.Facts
	measured carry.Measured
}

// problem reports whether an item was measured with a problem, and leaves it out then.
func (c *carried) problem(kind survey.ObjectKind, id, name string) bool {
	why, bad := c.measured.Problems[id]
	if bad {
		c.leave(kind, id, name, why)
	}
	return bad
}

func (c *carried) images() {
	byID := map[string]string{}
	for _, i := range c.facts.Images.Value {
		byID[i.ID] = strings.Join(i.Tags, ", ")
	}
	c.Job.Images = slices.DeleteFunc(slices.Clone(c.Job.Images), func(id string) bool {
		return c.problem(survey.KindImage, id, cmp.Or(byID[id], id))
	})
	for _, id := range c.Job.Images {
		item := Item{Object: Object{ID: id, Name: byID[id]}, Size: c.measured.Images[id]}
		if c.Job.Back && item.Size == (carry.Size{}) {
			item.Notes = []string{"its layers are there already"}
		}
		c.plan.Images = append(c.plan.Images, item)
	}
}

func (c *carried) volumes() {
	c.Job.Volumes = slices.DeleteFunc(slices.Clone(c.Job.Volumes), func(name string) bool {
		return c.problem(survey.KindVolume, name, name)
	})
	for _, name := range c.Job.Volumes {
		item := Item{Object: Object{ID: name, Name: name}, Size: c.measured.Volumes[name], Notes: c.keptOwners(name)}
		if slices.Contains(c.Job.SameOwners, name) {
			item.Notes = append(item.Notes, "owners stay as they are: only containers with --userns=host use it")
		}
		c.plan.Volumes = append(c.plan.Volumes, item)
	}
}

// keptOwners notes how many files of an item have an owner that the map does not have.
func (c *carried) keptOwners(id string) []string {
	n := c.measured.Unmapped[id]
	if n == 0 {
		return nil
	}
	if c.Job.Back {
		return []string{report.Counted(int(n), "file is no mapped user's, and keeps its owner", "files are no mapped users', and keep their owners")}
	}
	return []string{report.Counted(int(n), "file keeps its owner, which the map does not have", "files keep their owners, which the map does not have")}
}

func (c *carried) containers() {
	var kept []carry.Container
	for _, one := range c.Job.Containers {
		now, _ := c.facts.Container(one.ID)
		if c.problem(survey.KindContainer, one.ID, now.Name) {
			continue
		}
		if why := lacks(c.Job, now); why != "" {
			c.leave(survey.KindContainer, one.ID, now.Name, why)
			continue
		}
		kept = append(kept, one)
		object := Object{ID: one.ID, Name: now.Name}
		c.plan.Containers = append(c.plan.Containers, Item{Object: object, Size: c.measured.Containers[one.ID], Notes: c.notesOf(one, now)})
		if c.Job.Back && one.Stopped && slices.Contains(c.RanBefore, one.ID) {
			c.plan.Again = append(c.plan.Again, object)
		}
		if (now.State == "running" || now.State == "paused") && !one.Stopped { // one that restarts does so by itself
			c.plan.Ran = append(c.plan.Ran, object)
		}
	}
	c.Job.Containers = kept
}

func (c *carried) notesOf(one carry.Container, now survey.Container) []string {
	notes := c.keptOwners(one.ID)
	if one.HostUserns {
		notes = append(notes, "in the user namespace of the host")
	}
	if one.Stopped && !c.Job.Back {
		notes = append(notes, "not started: "+c.Refused[one.ID])
	}
	for _, m := range now.Mounts {
		if m.Type == "bind" && (m.Source == c.Job.From || strings.HasPrefix(m.Source, c.Job.From+"/")) {
			notes = append(notes, fmt.Sprintf("mounts %s of the old data root", m.Source))
		}
	}
	return notes
}
