package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// recorded is what the host keeps of the time before remap was turned on.
func (t *target) recorded(ctx context.Context) survey.Read[*survey.Record] {
	b, err := remap.ReadRecord(ctx, t.host)
	return survey.Read[*survey.Record]{Value: b, Err: err}
}

// acceptMissing remembers on the host that what is missing now is known to be.
func (t *target) acceptMissing(ctx context.Context, stderr io.Writer) error {
	const doing = "accepting what is missing"
	facts := survey.Take(ctx, t.renewed(), survey.Options{})
	before := t.recorded(ctx)
	errs := []error{facts.Root, facts.Engine.Err, before.Err}
	for _, k := range survey.ObjectKinds {
		errs = append(errs, facts.Unlisted(k))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	b := before.Value
	if b == nil || b.DataRoot != facts.Engine.Value.DataRoot {
		return fmt.Errorf("%s: no manifest on the host says what was there before remap was turned on; only '%s' writes one", doing, t.docker("userns", "enable"))
	}
	var missing []survey.RecordedObject
	var names []string
	for _, object := range b.Missing(facts) {
		if !object.Accepted {
			missing = append(missing, object)
			names = append(names, string(object.Kind)+" "+escape.Line(object.Name))
		}
	}
	if len(missing) == 0 {
		fmt.Fprintln(stderr, "Nothing is missing that was not accepted before.")
		return nil
	}
	if err := remap.Accept(ctx, t.host, b.Change, missing, t.now(ctx)); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "Accepted as missing: %s\n", strings.Join(names, ", "))
	return nil
}
