package proof

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// carried proves that the engine has what a plan carried, and compares a sample of the
// files with those that they were copied from.
func (p *Proof) carried(ctx context.Context, plan remap.Plan, f survey.Facts) error {
	if plan.Carry == nil {
		return nil
	}
	r, err := p.copied(ctx, plan)
	if err != nil {
		return err
	}
	networks, err := p.networks(ctx, plan, r)
	if err != nil {
		return err
	}
	if err := joined(slices.Concat(notCopied(plan.Carry.Job, r), notListed(r, networks, f), notKept(plan.Carry.Job.Kept, f))); err != nil {
		return err
	}
	c, err := p.Remote.Check(ctx, check(plan.Carry.Job, r))
	if err != nil {
		return fmt.Errorf("comparing what was copied: %w", err)
	}
	if len(c.Differ) > 0 {
		return fmt.Errorf("what was copied to %s is not what %s has: %s", plan.Carry.Job.Place, plan.Carry.Job.From, strings.Join(c.Differ, "; "))
	}
	p.Events.Carried(r, c)
	return nil
}

// check is the job of comparing what was copied, now that it is in its place.
func check(j carry.Job, r carry.Result) carry.Job {
	if j.Images, j.Volumes = r.Images, r.Volumes; j.Aside == "" {
		j.To = j.Place
	}
	j.Containers = slices.DeleteFunc(slices.Clone(j.Containers), func(c carry.Container) bool { return !slices.Contains(r.Containers, c.ID) })
	return j
}

// copied is what the change's script has on record of the last pass.
func (p *Proof) copied(ctx context.Context, plan remap.Plan) (carry.Result, error) {
	text, err := p.record(ctx, plan, remap.CarriedFile)
	if err != nil {
		return carry.Result{}, fmt.Errorf("reading what was copied: %w", err)
	}
	r, err := carry.ReadResult(text)
	if err != nil {
		return r, fmt.Errorf("reading what was copied: %w", err)
	}
	return r, nil
}

// words are those of a file in the folder of the change, and whether it exists: without
// the docker command on the host, its script cannot ask the engine.
func (p *Proof) words(ctx context.Context, plan remap.Plan, name string) (words []string, exists bool, err error) {
	text, err := p.record(ctx, plan, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	return strings.Fields(string(text)), err == nil, err
}

// record reads a file in the folder of the change.
func (p *Proof) record(ctx context.Context, plan remap.Plan, name string) ([]byte, error) {
	file := path.Join(plan.Dir(), name)
	found, err := p.Target().Host.Look(ctx, host.Questions{Files: []string{file}})
	if err == nil {
		err = found.Files[file].Err
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return found.Files[file].Data, nil
}

// networks are those that were carried, by ID: what the engine had when it was stopped,
// and what was planned if that is not known.
func (p *Proof) networks(ctx context.Context, plan remap.Plan, r carry.Result) ([]remap.Object, error) {
	if !r.Networks {
		return nil, nil
	}
	last, known, err := p.words(ctx, plan, remap.NetworksFile(plan.Before.DataRoot))
	return slices.DeleteFunc(slices.Clone(plan.Before.Networks), func(n remap.Object) bool { return known && !slices.Contains(last, n.ID) }), err
}

// notCopied is what was planned and not copied, though it was not removed meanwhile.
func notCopied(j carry.Job, r carry.Result) []string {
	planned, copied := slices.Concat(j.Images, j.Volumes), slices.Concat(r.Images, r.Volumes, r.Containers, r.Gone)
	for _, c := range j.Containers {
		planned = append(planned, c.ID)
	}
	var wrong []string
	for _, one := range planned {
		if !slices.Contains(copied, one) {
			wrong = append(wrong, one+" was not copied")
		}
	}
	if j.Networks && !r.Networks {
		wrong = append(wrong, "the networks were not copied")
	}
	return wrong
}

// notKept are the volumes that the data root had, and that the engine does not list. That it
// has the images and containers is held by the plan.
func notKept(k carry.Kept, f survey.Facts) []string {
	var wrong []string
	for _, name := range k.Volumes {
		if !slices.ContainsFunc(f.Volumes.Value, func(v survey.Volume) bool { return v.Name == name }) {
			wrong = append(wrong, fmt.Sprintf("volume %s was there before, and the engine does not list it", name))
		}
	}
	return wrong
}

// notListed is what was copied, and is not in the engine.
func notListed(r carry.Result, networks []remap.Object, f survey.Facts) []string {
	listed := map[survey.ObjectKind][]string{}
	for _, i := range f.Images.Value {
		listed[survey.KindImage] = append(listed[survey.KindImage], i.ID)
	}
	for _, v := range f.Volumes.Value {
		listed[survey.KindVolume] = append(listed[survey.KindVolume], v.Name)
	}
	for _, n := range f.Networks.Value {
		listed[survey.KindNetwork] = append(listed[survey.KindNetwork], n.ID)
	}
	for _, c := range f.Containers.Value {
		listed[survey.KindContainer] = append(listed[survey.KindContainer], c.ID)
	}
	var wrong []string
	look := func(kind survey.ObjectKind, id, name string) {
		if !slices.Contains(listed[kind], id) {
			wrong = append(wrong, fmt.Sprintf("%s %s was copied, and the engine does not list it", kind, name))
		}
	}
	for _, id := range r.Images {
		look(survey.KindImage, id, id)
	}
	for _, name := range r.Volumes {
		look(survey.KindVolume, name, name)
	}
	for _, n := range networks {
		look(survey.KindNetwork, n.ID, n.String())
	}
	for _, id := range r.Containers {
		look(survey.KindContainer, id, id)
	}
	for kind, some := range map[survey.ObjectKind]bool{
		survey.KindImage: len(r.Images) > 0, survey.KindVolume: len(r.Volumes) > 0, survey.KindNetwork: r.Networks, survey.KindContainer: len(r.Containers) > 0,
	} {
		if err := f.Unlisted(kind); some && err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	return wrong
}
