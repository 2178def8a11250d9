package remap

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// ChooseBack chooses what disable can carry back of what is wanted: all that the remapped
// engine has. carried is what enable carried over. The choice is for [PlanCarry], once its job
// was measured. The error is why nothing can be carried.
func ChooseBack(f survey.Facts, past []Past, carried *carry.Result, w Wanted, now time.Time) (Chosen, error) {
	enabled, known := newest(past)
	plain := plainRoot(f)
	switch {
	case f.Engine.Err != nil:
		return Chosen{}, fmt.Errorf("--carry: %w", f.Engine.Err)
	case !f.Engine.Value.Remapped():
		return Chosen{}, errors.New("--carry: userns-remap is off, so there is nothing to carry back")
	case f.Engine.Value.Swarm.LocalNodeState != "inactive" && f.Engine.Value.Swarm.LocalNodeState != "":
		return Chosen{}, fmt.Errorf("--carry: the engine is part of a swarm (%s), which is not carried: leave it first", f.Engine.Value.Swarm.LocalNodeState)
	case !known || enabled.ID != lastKept(past) || path.Clean(f.Engine.Value.DataRoot) != enabled.After.DataRoot || carried == nil || !carried.Networks:
		return Chosen{}, errors.New("--carry: it takes back what 'enable --carry' carried over, and the images, volumes, networks and containers of this engine were not. Without --carry they stay in " + f.Engine.Value.DataRoot)
	}
	if enabled.Before.Containerd {
		return Chosen{}, errors.New("--carry: without remap this engine keeps images in containerd's store, which cannot be copied to. Volumes stay in " + f.Engine.Value.DataRoot + "/volumes")
	}
	if err := knownFormat(f); err != nil {
		return Chosen{}, err
	}
	c := &chooser{facts: f, wanted: w, Chosen: Chosen{Carried: *carried, Before: enabled.Before, RanBefore: enabled.Running, Job: carry.Job{
		From: enabled.After.DataRoot, To: path.Join(plain, twinFolder), Place: plain, Aside: path.Join(plain, asideFolder+id(free(past, now))),
		Map: enabled.After.Map, Back: true, Networks: true, Record: path.Join(Folder, enabled.ID, CarriedFile),
	}}}
	if why := c.whyNoLayers(); why != "" {
		return Chosen{}, errors.New("--carry: " + why)
	}
	c.images()
	c.volumes()
	c.containers()
	return c.Chosen, nil
}

// asideFolder begins the name of the folder in a data root with what it had before a change.
const asideFolder = ".docker-userns-before-"

// keep plans what the other data root keeps: what was never carried over from it, and what is
// left out now. What was carried over and is gone was removed with remap on, and goes unless it
// was changed since. The error names what both have under one name.
func (c *Carry) keep(chosen Chosen, there *carry.Inventory) error {
	if there == nil {
		return nil
	}
	j, before := &c.Job, chosen.Carried
	carried := func(id string, now, then []string) bool {
		return slices.Contains(now, id) || slices.Contains(then, id) && !slices.Contains(j.Known, id) && !slices.Contains(there.Changed, id)
	}
	var containers []string
	names := map[string]bool{}
	for _, one := range c.Containers {
		containers, names[one.Name] = append(containers, one.ID), true
	}
	c.before = chosen.Before
	if err := c.changed(there); err != nil {
		return err
	}
	var both []string
	for _, id := range there.Images {
		if !carried(id, j.Images, before.Images) {
			j.Kept.Images = append(j.Kept.Images, id)
		}
		if !slices.Contains(before.Images, id) || slices.Contains(j.Known, id) {
			j.Kept.Names = append(j.Kept.Names, id)
		}
	}
	for _, name := range there.Volumes {
		switch {
		case !carried(name, j.Volumes, before.Volumes):
			j.Kept.Volumes = append(j.Kept.Volumes, name)
		case slices.Contains(j.Volumes, name) && !slices.Contains(before.Volumes, name):
			both = append(both, "volume:"+name)
		}
	}
	for _, one := range there.Containers {
		if carried(one.ID, containers, before.Containers) {
			continue
		}
		object := Object{ID: one.ID, Name: one.Name}
		j.Kept.Containers, c.Kept = append(j.Kept.Containers, one.ID), append(c.Kept, object)
		if slices.Contains(chosen.RanBefore, one.ID) {
			c.Again = append(c.Again, object)
		}
		if names[one.Name] {
			both = append(both, "container:"+one.Name)
		}
	}
	for _, id := range slices.Concat(j.Kept.Volumes, j.Kept.Containers) {
		c.All.Bytes, c.All.Files = c.All.Bytes+there.Sizes[id].Bytes, c.All.Files+there.Sizes[id].Files
	}
	if len(both) > 0 {
		return fmt.Errorf("--carry: %s has these too, and they were not carried over by enable: %s. Remove or rename those of the remapped engine, or leave them out: --exclude '%s'",
			j.Place, strings.Join(both, ", "), strings.Join(both, "' --exclude '"))
	}
	return nil
}

// changed refuses to replace what was changed in the other data root since it was carried over
// from there.
func (c *Carry) changed(there *carry.Inventory) error {
	var all []string
	for _, v := range c.Volumes {
		if slices.Contains(there.Changed, v.Name) {
			all = append(all, "volume:"+v.Name)
		}
	}
	for _, one := range c.Containers {
		if slices.Contains(there.Changed, one.ID) {
			all = append(all, "container:"+one.Name)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("--carry: these were changed in %s since enable carried them over, and would be replaced: %s. To keep them as they are there, leave them out: --exclude '%s'. To take those of the remapped engine, copy what you need from %s first, and delete them there",
		c.Job.Place, strings.Join(all, ", "), strings.Join(all, "' --exclude '"), c.Job.Place)
}

// state is what the engine has after a plan has carried everything back.
func (c *Carry) state(p Plan) State {
	after := State{DataRoot: c.Job.Place, Networks: p.Before.Networks}
	for _, one := range c.before.Containers {
		if slices.Contains(c.Job.Kept.Containers, one.ID) {
			after.Containers = append(after.Containers, one)
		}
	}
	for _, one := range c.before.Images { // parents of others are not listed
		if slices.Contains(c.Job.Kept.Images, one.ID) {
			after.Images = append(after.Images, one)
		}
	}
	for _, one := range c.Containers {
		after.Containers = append(after.Containers, one.Object)
	}
	for _, one := range c.Images {
		after.Images = append(after.Images, one.Object)
	}
	for _, one := range c.Volumes {
		after.Volumes = append(after.Volumes, one.Object)
	}
	for _, name := range c.Job.Kept.Volumes {
		after.Volumes = append(after.Volumes, Object{ID: name, Name: name})
	}
	return after
}
