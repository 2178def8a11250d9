package commands

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/check"
	"github.com/docker-userns/docker-userns/internal/grant"
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
	kinds      []string
	exclude    []string
	usernsHost []string
	grant      bool
	wanted     remap.Wanted
}

// carryKinds are the kinds that can be carried.
var carryKinds = []string{"images", "volumes", "networks", "containers"}

func (o *carryOptions) install(flags *pflag.FlagSet) {
	flags.StringSliceVar(&o.kinds, "carry", nil, `Copy these to the remapped engine: "images", "volumes", "networks", "containers" (default: all)`)
	flags.Lookup("carry").NoOptDefVal = strings.Join(carryKinds, ",")
	flags.StringArrayVar(&o.exclude, "exclude", nil, `Leave out of --carry what matches, such as "volume:cache" or "image:old/*"`)
	flags.BoolVar(&o.grant, "grant", false, "Give carried containers their rights to what they mount from the host, until disable")
	_ = flags.MarkHidden("grant") // until a path that was replaced since keeps nobody from taking rights back
	flags.StringSliceVar(&o.usernsHost, "userns-host", nil, "Carry these containers with --userns=host: their root stays root on the host")
}

// carries reports whether anything is to be carried.
func (o *carryOptions) carries() bool { return len(o.kinds) > 0 }

// shownByPlan are the checks of which the plan of a copy says more.
func (o *carryOptions) shownByPlan() (ids []string) {
	for id, shown := range map[string]bool{
		check.ImpactImages: o.wanted.Images, check.ImpactVolumes: o.wanted.Volumes,
		check.ImpactNetworks: o.wanted.Networks, check.ImpactContainers: o.wanted.Containers,
		check.ImpactBindMounts: o.grant, check.ImpactSockets: o.grant,
	} {
		if shown {
			ids = append(ids, id)
		}
	}
	return ids
}

func (o *carryOptions) validate(noRestart bool) error {
	for _, kind := range o.kinds {
		if !slices.Contains(carryKinds, kind) {
			return fmt.Errorf("--carry=%s: %q cannot be carried; give some of %s", strings.Join(o.kinds, ","), kind, strings.Join(carryKinds, ", "))
		}
	}
	w := func(kind string) bool { return slices.Contains(o.kinds, kind) }
	o.wanted.Images, o.wanted.Volumes, o.wanted.Networks, o.wanted.Containers = w("images"), w("volumes"), w("networks"), w("containers")
	switch {
	case len(o.exclude) > 0 && !o.carries():
		return errors.New("--exclude says what --carry leaves out: give --carry, too")
	case len(o.usernsHost) > 0 && !o.wanted.Containers:
		return errors.New("--userns-host names containers that --carry carries: give --carry, too")
	case o.grant && !o.wanted.Containers:
		return errors.New("--grant is for containers that --carry carries: give --carry, too")
	case o.wanted.Containers && (!o.wanted.Images || !o.wanted.Volumes || !o.wanted.Networks):
		return fmt.Errorf("--carry=%s: containers need their images, volumes and networks: give --carry alone, and --exclude for what you do not want", strings.Join(o.kinds, ","))
	case noRestart && o.carries():
		return errors.New("--carry completes the copy while the daemon is down: omit --no-restart")
	}
	var err error
	o.wanted.Exclude, err = exclusions(o.exclude)
	return err
}

// exclusions reads what --exclude names.
func exclusions(values []string) (all []remap.Exclusion, _ error) {
	kinds := []survey.ObjectKind{survey.KindImage, survey.KindVolume, survey.KindContainer} // networks are in one file
	for _, x := range values {
		kind, pattern, _ := strings.Cut(x, ":")
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" || !slices.Contains(kinds, survey.ObjectKind(kind)) {
			return nil, fmt.Errorf("--exclude %s: write image:PATTERN, volume:PATTERN or container:PATTERN, such as 'image:old/*'", x)
		}
		all = append(all, remap.Exclusion{Kind: survey.ObjectKind(kind), Pattern: pattern})
	}
	return all, nil
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
	chosen, err := remap.ChooseCarried(f, p, o.wanted)
	if err != nil {
		return nil, err
	}
	m, err := remote.Measure(ctx, chosen.Job)
	if err != nil {
		return nil, fmt.Errorf("--carry: measuring %s: %w", chosen.Job.From, err)
	}
	return remap.PlanCarry(f, chosen, m)
}

// asCarried is a survey with the containers of --userns-host as they will be carried.
func (o carryOptions) asCarried(f survey.Facts) (survey.Facts, error) {
	f.Containers.Value = slices.Clone(f.Containers.Value)
	for _, name := range o.usernsHost {
		n := slices.IndexFunc(f.Containers.Value, func(c survey.Container) bool { return c.Name == name })
		if n < 0 && f.Containers.Err == nil {
			return f, fmt.Errorf("--userns-host %s: there is no container of that name", name)
		}
		if n >= 0 {
			f.Containers.Value[n].UsernsMode = "host"
		}
	}
	return f, nil
}

// remote is the host with the program that copies there.
func (t *target) remote() (carry.Remote, error) {
	lender, ok := t.host.(host.Lender)
	program := onhost.Program()
	switch {
	case !ok:
		return carry.Remote{}, errors.New("the engine's host is out of reach, and a part of the change is made by a program there")
	case len(program.Builds) == 0:
		return carry.Remote{}, errors.New("this plugin was built without the program for the engine's host: build it with 'make install'")
	}
	return carry.Remote{Host: lender, Program: program}, nil
}

// planGrants decides what rights carried containers get to what they mount from the host.
func (o carryOptions) planGrants(ctx context.Context, t *target, f survey.Facts, p remap.Plan, c *remap.Carry) (remap.Grants, error) {
	if !o.grant {
		return remap.Grants{}, nil
	}
	remote, err := t.remote()
	if err != nil {
		return remap.Grants{}, err
	}
	places := remap.PlacesToGrant(f, c, p.After.Map)
	found, err := grant.Remote(remote).Look(ctx, places)
	if err != nil {
		return remap.Grants{}, fmt.Errorf("--grant: looking at what containers mount: %w", err)
	}
	return remap.PlanGrants(f, c, places, found), nil
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
