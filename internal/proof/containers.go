package proof

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/probe"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/verify"
)

// processes proves what `docker userns verify` proves, under the map that was
// planned. That containers lose access to what they mount was said before they were
// carried, and is no reason to undo the change as long as they run, unless they were given
// the rights to it.
func (p *Proof) processes(ctx context.Context, plan remap.Plan) error {
	if !plan.After.Remapped {
		return nil
	}
	r, err := verify.Run(ctx, p.Target(), verify.Options{Expect: &plan.After.Map})
	return errors.Join(err, wrong(r.Results, func(r report.Result) bool {
		bad := r.Status == report.Error && verify.ReasonToUndo(r.ID)
		if verify.OfMounts(r.ID) && lacksGranted(r, plan.Grants) {
			return true
		}
		if bad && plan.Carry != nil && verify.OfMounts(r.ID) {
			p.Events.Accepted(r)
			return false
		}
		return bad
	}))
}

// lacksGranted reports whether a container lacks a right to what it mounts that it was given.
func lacksGranted(r report.Result, g remap.Grants) bool {
	return r.Status != report.OK && slices.ContainsFunc(r.Details, func(d report.Detail) bool {
		return slices.ContainsFunc(g.For, func(mount string) bool { return strings.HasPrefix(d.Name, mount+" at ") })
	})
}

// newContainer proves it with a new container: its processes, and the files that it
// writes.
func (p *Proof) newContainer(ctx context.Context, planned remap.State) error {
	seen, err := p.probe.Run(ctx)
	if err != nil {
		return fmt.Errorf("proving it with a new container: %w", err)
	}
	return wrong(seen.Results(), func(r report.Result) bool {
		return r.Status == report.Error || r.Status == report.Unknown && planned.Remapped && probe.Needed(r.ID)
	})
}

// wrong makes one error of the results that count against a change.
func wrong(results []report.Result, counts func(report.Result) bool) error {
	var all []string
	for _, r := range results {
		if counts(r) {
			all = append(all, fmt.Sprintf("%s (%s)", r.Message, r.ID))
		}
	}
	return joined(all)
}
