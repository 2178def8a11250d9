package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/spf13/pflag"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// backOptions say what disable carries back.
type backOptions struct {
	carry   bool
	exclude []string
	back    remap.Wanted
}

func (o *backOptions) install(flags *pflag.FlagSet) {
	flags.BoolVar(&o.carry, "carry", false, "Take the images, volumes, networks and containers of the remapped engine back, as they are now")
	flags.StringArrayVar(&o.exclude, "exclude", nil, `Leave out of --carry what matches, such as "volume:cache" or "image:old/*"`)
}

func (o *backOptions) validate(c changeOptions, to string) error {
	switch {
	case len(o.exclude) > 0 && !o.carry:
		return errors.New("--exclude says what --carry leaves out: give --carry, too")
	case o.carry && c.noRestart:
		return errors.New("--carry completes the copy while the daemon is down: omit --no-restart")
	case o.carry && to != "":
		return errors.New("--carry takes the newest enable back: omit --to")
	}
	o.back = remap.Wanted{Images: o.carry, Volumes: o.carry, Networks: o.carry, Containers: o.carry}
	var err error
	o.back.Exclude, err = exclusions(o.exclude)
	return err
}

// planBack chooses what goes back, and measures it on the host.
func (o backOptions) planBack(ctx context.Context, t *target, f survey.Facts, past []remap.Past, d remap.DisableOptions) (*remap.Carry, error) {
	if !o.carry {
		return nil, nil
	}
	remote, err := t.remote()
	if err != nil {
		return nil, err
	}
	carried, err := t.carriedBy(ctx, past)
	if err != nil {
		return nil, err
	}
	chosen, err := remap.ChooseBack(f, past, carried, o.back, d.Now)
	if err != nil {
		return nil, err
	}
	m, err := remote.Measure(ctx, chosen.Job)
	if err != nil {
		return nil, fmt.Errorf("--carry: measuring %s: %w", chosen.Job.From, err)
	}
	return remap.PlanCarry(f, chosen, m)
}

// carriedBy is what the newest enable that was kept carried over, nil if nothing.
func (t *target) carriedBy(ctx context.Context, past []remap.Past) (*carry.Result, error) {
	for _, p := range past {
		if p.Verb != remap.Enable || p.Verdict != remap.Kept {
			continue
		}
		file := path.Join(remap.Folder, p.ID, remap.CarriedFile)
		a, err := t.host.Look(ctx, host.Questions{Files: []string{file}})
		if err == nil {
			err = a.Files[file].Err
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("--carry: reading what enable carried over: %w", err)
		}
		r, err := carry.ReadResult(a.Files[file].Data)
		if err != nil {
			return nil, fmt.Errorf("--carry: reading what enable carried over in %s: %w", file, err)
		}
		return &r, nil
	}
	return nil, nil
}
