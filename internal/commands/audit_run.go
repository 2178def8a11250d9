package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/layercache"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/docker/cli/cli/command"
)

// shownPaths is how many paths of a finding are shown without --no-trunc.
const shownPaths = 10

func runAudit(ctx context.Context, dockerCLI command.Cli, opts auditOptions) error {
	asked, err := opts.asked(dockerCLI, dockerCommands(dockerCLI))
	if err != nil {
		return err
	}
	if len(opts.refs) == 0 && !opts.all {
		return nil
	}
	ignores, err := openIgnores(opts.ignoreFile)
	if err != nil {
		return err
	}
	dockerfile, err := openDockerfile(opts.dockerfile)
	if err != nil {
		return err
	}
	note := render.NewProgress(dockerCLI.Err())
	engine := &lazyEngine{dockerCLI: dockerCLI, note: note}
	defer engine.Close()
	sources := sourcesOf(opts, engine)
	target, err := chooseTarget(ctx, opts, engine)
	if err != nil {
		return err
	}
	out, err := render.NewAuditWriter(dockerCLI.Out(), render.AuditOptions{
		Format: opts.format, Version: opts.version, Map: target.Map, MapFrom: target.From, MapText: target.what(), Engine: target.version, Asked: asked, Dockerfile: dockerfile, Quiet: opts.quiet,
	})
	if err != nil {
		return err
	}
	paths := shownPaths
	if opts.noTrunc {
		paths = -1
	}
	run := auditRun{
		auditor: audit.New(audit.Options{Map: target.Map, Engine: target.version, Paths: paths, Asked: asked, Dockerfile: dockerfile}),
		out:     out,
		note:    note,
		failOn:  opts.failOn,
		ignores: ignores,
	}
	run.cache = openCache(opts.noCache || audit.LooksAtBlobs(target.version))
	defer run.cache.Close()
	if opts.base != "" {
		s, err := baseSource(opts, engine)
		if err != nil {
			return err
		}
		run.readBase(ctx, s)
	}
	for _, s := range sources {
		run.audit(ctx, s)
	}
	if ctx.Err() != nil {
		return context.Canceled
	}
	if err := out.End(run.unread); err != nil {
		return err
	}
	return run.result()
}

// auditRun audits one source after the other, and remembers how it went.
type auditRun struct {
	auditor *audit.Auditor
	cache   *layercache.Cache
	out     render.AuditWriter
	note    *render.Progress
	failOn  string
	ignores []audit.Ignore
	bases   []image.Image // of --base, for each platform
	images  []image.Image
	found   bool
	unread  int
}

// audit reports the images of a source. What goes wrong with one is said, and
// the others are audited all the same.
func (r *auditRun) audit(ctx context.Context, s namedSource) {
	r.note.Start("auditing " + escape.Line(s.name))
	images, err := s.Images(ctx, image.Cached{Visitor: render.Counting{Visitor: r.auditor, Progress: r.note}, Layers: r.cache})
	r.note.Stop()
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		r.fail(s.name, err)
	}
	r.images = append(r.images, images...)
	for _, img := range images {
		if img.Err != nil {
			r.fail(img.Name, img.Err)
			continue
		}
		r.compareBase(img)
		report := r.auditor.Report(img, slices.Concat(r.images, r.bases)...)
		report.Ignore(r.ignores)
		r.found = r.found || bad(report, r.failOn)
		if err := r.out.Add(report); err != nil {
			r.fail(img.Name, err)
		}
	}
}

// unreadLayers has no layer of an image read: what its configuration says is enough.
type unreadLayers struct{}

func (unreadLayers) Seen(string) bool { return true }

func (unreadLayers) Layer(context.Context, string, tarwalk.Headers) error { return nil }

// readBase reads the configuration of the image of --base.
func (r *auditRun) readBase(ctx context.Context, s namedSource) {
	r.note.Start("reading " + escape.Line(s.name))
	images, err := s.Images(ctx, unreadLayers{})
	r.note.Stop()
	if err == nil {
		for _, img := range images {
			err = cmp.Or(err, img.Err)
		}
	}
	if err != nil && ctx.Err() == nil {
		r.fail("--base "+s.name, err)
		return
	}
	r.bases = images
}

// compareBase says so if an image is not built on the one of --base.
func (r *auditRun) compareBase(img image.Image) {
	if len(r.bases) > 0 && !slices.ContainsFunc(r.bases, func(b image.Image) bool { return audit.BuiltOn(img, b) }) {
		r.note.Say(fmt.Sprintf("%s is not built on %s: --base is ignored for it", img.Name, r.bases[0].Name))
	}
}

func (r *auditRun) fail(name string, err error) {
	r.unread++
	r.note.Say(failure(name, err))
}

// failure says what went wrong with what, once: many errors name it already.
func failure(name string, err error) string {
	text := err.Error()
	if file := (*fs.PathError)(nil); errors.As(err, &file) && file.Error() == text {
		text = file.Err.Error()
	}
	_, bare, _ := image.CutPlace(name)
	if !strings.HasPrefix(text, "reading ") || !strings.Contains(text, bare) {
		text = "auditing " + name + ": " + text
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		text += ": it is cut short; save or fetch it again"
	}
	return text
}

func (r *auditRun) result() error {
	switch {
	case r.unread > 0:
		return errReported
	case r.found:
		return errFound
	}
	return nil
}

// bad reports whether a finding of an image is one that the exit code tells.
func bad(r audit.Report, failOn string) bool {
	worst := r.Worst()
	return failOn != failNever && (worst == audit.Error || worst == audit.Warning && failOn == string(audit.Warning))
}

// openIgnores reads the findings that are accepted.
func openIgnores(path string) ([]audit.Ignore, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--ignore-file %w", err)
	}
	defer f.Close()
	all, err := audit.ParseIgnores(f)
	if err != nil {
		return nil, fmt.Errorf("--ignore-file %s: %w", path, err)
	}
	return all, nil
}

// openDockerfile reads the file that instructions are looked up in.
func openDockerfile(path string) (*audit.Dockerfile, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--dockerfile %w", err)
	}
	defer f.Close()
	return audit.ParseDockerfile(path, f)
}
