package commands

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/onhost"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/spf13/pflag"
)

// carryOptions say what enable carries over.
type carryOptions struct {
	kinds   []string
	exclude []string
	wanted  remap.Wanted
}

// The kinds that can be carried.
const carryImages, carryVolumes = "images", "volumes"

func (o *carryOptions) install(flags *pflag.FlagSet) {
	flags.StringSliceVar(&o.kinds, "carry", nil, `Copy these to the remapped engine: "images", "volumes" (default: both)`)
	flags.Lookup("carry").NoOptDefVal = carryImages + "," + carryVolumes
	flags.StringArrayVar(&o.exclude, "exclude", nil, `Leave out of --carry what matches, such as "volume:cache" or "image:old/*"`)
}

// carries reports whether anything is to be carried.
func (o *carryOptions) carries() bool { return o.wanted.Images || o.wanted.Volumes }

// shownByPlan are the checks of which the plan of a copy says more.
func (o *carryOptions) shownByPlan() (ids []string) {
	if o.wanted.Images {
		ids = append(ids, check.ImpactImages)
	}
	if o.wanted.Volumes {
		ids = append(ids, check.ImpactVolumes)
	}
	return ids
}

func (o *carryOptions) validate(noRestart bool) error {
	for _, kind := range o.kinds {
		switch kind {
		case carryImages:
			o.wanted.Images = true
		case carryVolumes:
			o.wanted.Volumes = true
		default:
			return fmt.Errorf("--carry=%s: %q cannot be carried; give %s, %s or both", strings.Join(o.kinds, ","), kind, carryImages, carryVolumes)
		}
	}
	switch {
	case len(o.exclude) > 0 && !o.carries():
		return errors.New("--exclude says what --carry leaves out: give --carry, too")
	case noRestart && o.carries():
		return errors.New("--carry completes the copy while the daemon is down: omit --no-restart")
	}
	for _, x := range o.exclude {
		kind, pattern, _ := strings.Cut(x, ":")
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" || kind != string(survey.KindImage) && kind != string(survey.KindVolume) {
			return fmt.Errorf("--exclude %s: write image:PATTERN or volume:PATTERN, such as 'image:old/*'", x)
		}
		o.wanted.Exclude = append(o.wanted.Exclude, remap.Exclusion{Kind: survey.ObjectKind(kind), Pattern: pattern})
	}
	return nil
}

// planCarry chooses what a plan carries, and measures it on the host.
func (o carryOptions) planCarry(ctx context.Context, t *target, f survey.Facts, p remap.Plan) (*remap.Carry, error) {
	remote, err := t.remote()
	if err != nil {
		return nil, err
	}
	if o.wanted.Images && !f.Engine.Value.ContainerdStore() {
		if o.wanted.Refused, err = t.refusedImages(ctx, f, p.After.Map); err != nil {
			return nil, fmt.Errorf("--carry: auditing the images: %w", err)
		}
	}
	job, left, err := remap.ChooseCarried(f, p, o.wanted)
	if err != nil {
		return nil, err
	}
	m, err := remote.Measure(ctx, job)
	if err != nil {
		return nil, fmt.Errorf("--carry: measuring %s: %w", job.From, err)
	}
	return remap.PlanCarry(f, job, left, m)
}

// remote is the host with the program that copies there.
func (t *target) remote() (carry.Remote, error) {
	lender, ok := t.host.(host.Lender)
	program := onhost.Program()
	switch {
	case !ok:
		return carry.Remote{}, errors.New("--carry: the engine's host is out of reach, and the copy is made there")
	case len(program.Builds) == 0:
		return carry.Remote{}, errors.New("--carry: this plugin was built without the program that copies on the host: build it with 'make install'")
	}
	return carry.Remote{Host: lender, Program: program}, nil
}

// refusedImages audits all images, and gives those by ID that an engine with a map
// refuses, or that could not be audited, with the reason.
func (t *target) refusedImages(ctx context.Context, f survey.Facts, m idmap.Map) (map[string]string, error) {
	files, done := t.files(ctx)
	defer done()
	a := audit.New(audit.Options{Map: m, Paths: 1})
	images, err := image.Daemon{Engine: t.engine, All: true, Hosts: files, Program: onhost.Program()}.Images(ctx, a)
	if err != nil {
		return nil, err
	}
	refused, audited := map[string]string{}, map[string]bool{}
	for _, i := range images {
		audited[i.ID] = true
		if i.Err != nil {
			refused[i.ID] = "it could not be audited: " + i.Err.Error()
			continue
		}
		if r := a.Report(i); r.Verdict == audit.Unmappable {
			refused[i.ID] = "a remapped engine refuses it: " + r.Refusal()
		}
	}
	for _, i := range f.Images.Value {
		if !audited[i.ID] {
			refused[i.ID] = "it was removed before it could be audited"
		}
	}
	return refused, ctx.Err()
}
