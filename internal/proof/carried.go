package proof

import (
	"context"
	"fmt"
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
	if err := joined(notCarried(plan.Carry.Job, r, f)); err != nil {
		return err
	}
	job := plan.Carry.Job
	job.To, job.Images, job.Volumes = job.Place, r.Images, r.Volumes
	c, err := p.Remote.Check(ctx, job)
	if err != nil {
		return fmt.Errorf("comparing what was copied: %w", err)
	}
	if len(c.Differ) > 0 {
		return fmt.Errorf("what was copied to %s is not what %s has: %s", job.To, job.From, strings.Join(c.Differ, "; "))
	}
	p.Events.Carried(r, c)
	return nil
}

// copied is what the change's script has on record of the last pass.
func (p *Proof) copied(ctx context.Context, plan remap.Plan) (carry.Result, error) {
	file := path.Join(plan.Dir(), remap.CarriedFile)
	found, err := p.Target().Host.Look(ctx, host.Questions{Files: []string{file}})
	if err == nil {
		err = found.Files[file].Err
	}
	if err != nil {
		return carry.Result{}, fmt.Errorf("reading what was copied: %w", err)
	}
	r, err := carry.ReadResult(found.Files[file].Data)
	if err != nil {
		return r, fmt.Errorf("reading %s: %w", file, err)
	}
	return r, nil
}

// notCarried is what was planned and not copied, though it was not removed meanwhile, and
// what was copied and is not in the engine.
func notCarried(j carry.Job, r carry.Result, f survey.Facts) []string {
	var wrong []string
	for _, planned := range slices.Concat(j.Images, j.Volumes) {
		if !slices.Contains(r.Images, planned) && !slices.Contains(r.Volumes, planned) && !slices.Contains(r.Gone, planned) {
			wrong = append(wrong, planned+" was not copied")
		}
	}
	for _, id := range r.Images {
		if !slices.ContainsFunc(f.Images.Value, func(i survey.Image) bool { return i.ID == id }) {
			wrong = append(wrong, fmt.Sprintf("image %s was copied, and the engine does not list it", id))
		}
	}
	for _, name := range r.Volumes {
		if !slices.ContainsFunc(f.Volumes.Value, func(v survey.Volume) bool { return v.Name == name }) {
			wrong = append(wrong, fmt.Sprintf("volume %s was copied, and the engine does not list it", name))
		}
	}
	if len(r.Images) > 0 && f.Images.Err != nil {
		wrong = append(wrong, f.Images.Err.Error())
	}
	if len(r.Volumes) > 0 && f.Volumes.Err != nil {
		wrong = append(wrong, f.Volumes.Err.Error())
	}
	return wrong
}
