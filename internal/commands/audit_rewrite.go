package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/rewrite"
	"github.com/docker/cli/cli/command"
)

// rewriteOptions are the flags of audit-image for a new image.
type rewriteOptions struct {
	to     string
	given  []string
	dryRun bool
}

// rewriting writes one image to another place, with owners that the engine takes.
type rewriting struct {
	dockerCLI command.Cli
	opts      auditOptions
	engine    *lazyEngine
	note      *render.Progress
	images    []image.Image // one for each platform
	plans     []*audit.Renumbering
}

func runRewrite(ctx context.Context, dockerCLI command.Cli, opts auditOptions) error {
	r := rewriting{dockerCLI: dockerCLI, opts: opts, engine: &lazyEngine{dockerCLI: dockerCLI}, note: render.NewProgress(dockerCLI.Err())}
	defer r.engine.Close()
	if err := r.plan(ctx); err != nil {
		return r.failure(ctx, err)
	}
	made := make([]rewrite.Image, len(r.images))
	if !opts.rewrite.dryRun {
		if err := r.write(ctx, made); err != nil {
			return r.failure(ctx, err)
		}
	}
	var all []render.Rewriting
	for i := range made {
		all = append(all, r.result(i, made[i]))
	}
	return render.Rewritings(dockerCLI.Out(), all, opts.format)
}

// failure says what went wrong.
func (r *rewriting) failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Canceled
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: it is cut short; save or fetch it again", err)
	}
	return fmt.Errorf("rewriting %s: %w", r.opts.images[0], err)
}

// plan audits the image, and decides on new owners.
func (r *rewriting) plan(ctx context.Context) error {
	if err := readTwice(r.opts.refs[0]); err != nil {
		return err
	}
	given, err := audit.ParseGiven(r.opts.rewrite.given)
	if err != nil {
		return fmt.Errorf("--map %w", err)
	}
	place := r.place(r.opts.platform)
	target, err := chooseTarget(ctx, r.opts, r.engine)
	if err != nil {
		return err
	}
	auditor := audit.New(audit.Options{Map: target.Map, Paths: 0})
	r.note.Start("auditing " + escape.Line(place.name))
	r.images, err = place.Images(ctx, render.Counting{Visitor: auditor, Progress: r.note})
	r.note.Stop()
	if err != nil {
		return err
	}
	for _, img := range r.images {
		if img.Err != nil {
			return img.Err
		}
		if img.Name != r.images[0].Name {
			return fmt.Errorf("it holds %d images, such as %q and %q: give one that holds one", len(r.images), r.images[0].Name, img.Name)
		}
		plan, err := auditor.Renumber(img, given)
		if err != nil {
			return err
		}
		r.plans = append(r.plans, plan)
	}
	return nil
}

// place is where the image is, for one platform or all.
func (r *rewriting) place(platform string) namedSource {
	opts := r.opts
	opts.platform = platform
	return sourcesOf(opts, r.engine)[0]
}

// write sends the new image. Nothing is left of one that was not sent whole.
func (r *rewriting) write(ctx context.Context, made []rewrite.Image) (err error) {
	to, err := r.destination(ctx)
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, to.Close()) }()
	for i, img := range r.images {
		platform := r.opts.platform
		if len(r.images) > 1 {
			platform = img.Platform
		}
		place := r.place(platform)
		r.note.Start("rewriting " + escape.Line(place.name))
		made[i], err = rewrite.Send(ctx, place, to, img, r.plans[i], r.note.Count)
		r.note.Stop()
		if err != nil {
			return err
		}
	}
	return to.Commit(ctx, made)
}

// result is what was made of one platform.
func (r *rewriting) result(i int, made rewrite.Image) render.Rewriting {
	img, plan := r.images[i], r.plans[i]
	one := render.Rewriting{
		SchemaVersion: 1, Image: img.Name, Platform: img.Platform, Destination: r.opts.rewrite.to, DryRun: r.opts.rewrite.dryRun,
		ID: img.ID, User: img.Config.User, NewUser: plan.User, IDs: render.RewrittenIDs(plan.Moves), Layers: []render.RewrittenLayer{}, Env: plan.Env, Unread: plan.Unread,
	}
	if !one.DryRun {
		one.NewID, one.NewDigest = made.ID().String(), made.Digest().String()
	}
	for n, l := range img.Layers {
		layer := render.RewrittenLayer{Index: n, DiffID: l.DiffID, Changed: plan.Layers[n]}
		if !one.DryRun {
			layer.NewDiffID = made.DiffIDs[n].String()
		}
		one.Layers = append(one.Layers, layer)
	}
	return one
}
