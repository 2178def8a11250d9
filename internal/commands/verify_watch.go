package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/cli/streams"
)

// watch looks again and again, and says what has changed, until the context
// ends. The exit code is that of the worst state that was seen.
type watch struct {
	look  func(context.Context) (report.Report, error)
	opts  verifyOptions
	out   *streams.Out
	err   *streams.Out
	pause time.Duration

	seen  map[string]report.Result // by ID; nil before the first report
	worst error
}

func (w *watch) run(ctx context.Context) error {
	for {
		found, err := w.look(ctx)
		if ctx.Err() != nil {
			return w.worst
		}
		if err != nil && w.seen == nil {
			return err
		}
		if err != nil {
			fmt.Fprintf(w.err, "%s %s\n", now(), escape.Error(err))
			w.worsen(errReported)
		} else if err := w.report(found); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return w.worst
		case <-time.After(w.pause):
		}
	}
}

func now() string { return time.Now().UTC().Format(time.RFC3339) }

func (w *watch) worsen(err error) {
	code := func(err error) int {
		switch err {
		case nil:
			return 0
		case errFound:
			return codeFound
		}
		return codeFailed
	}
	if code(err) > code(w.worst) {
		w.worst = err
	}
}

// report writes the first report whole, then what is otherwise than before.
func (w *watch) report(found report.Report) error {
	w.worsen(w.opts.verdict(found))
	changed := w.changes(found.Results)
	switch {
	case w.opts.file != "": // which always has all
		if err := w.opts.write(w.out, found); err != nil {
			return err
		}
	case w.seen == nil:
		if err := render.Results(w.out, found, w.opts.format, w.opts.verbose); err != nil {
			return err
		}
	case len(changed) == 0:
	case w.opts.format == formatter.JSONFormatKey:
		if err := escape.JSON(w.out, found); err != nil {
			return err
		}
	case w.opts.format == "" || w.opts.format == formatter.TableFormatKey:
		for _, r := range changed {
			render.Changed(w.out, now(), w.seen[r.ID].Status, r)
		}
	default:
		if err := render.ResultTemplate(w.out, report.Report{Results: changed}, w.opts.format); err != nil {
			return err
		}
	}
	w.seen = map[string]report.Result{}
	for _, r := range found.Results {
		w.seen[r.ID] = r
	}
	return nil
}

// changes are the results that are otherwise than before. How many processes are
// right is no change.
func (w *watch) changes(results []report.Result) (changed []report.Result) {
	for _, r := range results {
		before, known := w.seen[r.ID]
		if known && r.Status == before.Status && (r.Status == report.OK || r.Status == report.Skipped || sameFinding(r, before)) {
			continue
		}
		changed = append(changed, r)
	}
	return changed
}

func sameFinding(a, b report.Result) bool {
	if a.Message != b.Message || len(a.Details) != len(b.Details) {
		return false
	}
	for i := range a.Details {
		if a.Details[i] != b.Details[i] {
			return false
		}
	}
	return true
}
